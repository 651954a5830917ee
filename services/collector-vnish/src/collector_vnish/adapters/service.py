"""Puts the collector together: inventory shard, poller, scheduler and the way out."""

import asyncio

from collector_vnish.adapters.poller import Fleet, Poller
from collector_vnish.adapters.vnish import VnishClient
from collector_vnish.settings import SERVICE, VnishSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import Collector
from minestream_runtime.collecting.outlet_settings import open_outlet
from minestream_runtime.collecting.shard import Shard
from minestream_runtime.health import Health
from minestream_runtime.http import device_session
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import INVENTORY, InventoryEntry


async def collect(settings: VnishSettings, health: Health) -> None:
    """Poll our share of the fleet until cancelled.

    Args:
        settings: from the environment.
        health: ready once the inventory is read; a link that is down is noted there, as the
            spool keeps what is polled meanwhile.

    Raises:
        ConfigurationError: the spool or the credentials key cannot be used.
    """
    clock = SystemClock()
    sealer = Sealer.from_settings(settings)
    async with (
        device_session() as session,
        open_outlet(settings, clock, subject=settings.collector_id) as outlet,
    ):
        fleet = Fleet(
            settings,
            sealer,
            add=lambda target, interval_s: collector.add(target, interval_s=interval_s),
            remove=lambda target: collector.remove(target),  # noqa: PLW0108 - it comes below
            clock=clock,
        )
        poller = Poller(
            VnishClient(session, clock, deadline_s=settings.poll_deadline_s),
            fleet,
            clock,
            collector_id=settings.collector_id,
            settings=settings,
            factor_after=lambda target, answered: collector.factor_after(target, answered=answered),
        )
        collector = Collector(settings, clock, poller.poll, outlet)
        shard = Shard(
            settings,
            INVENTORY,
            InventoryEntry,
            group=SERVICE,
            clock=clock,
            on_there=fleet.there,
            on_gone=fleet.gone,
            copy=settings.state_dir / f"{settings.collector_id}.inventory",
        )
        health.checks["inventory"] = lambda: None if shard.ready else "not read yet"
        health.notes["link"] = lambda: (
            f"Kafka away since {outlet.link_down_since}, spooling"
            if outlet.link_down_since
            else None
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(shard.run())
            group.create_task(collector.run())
