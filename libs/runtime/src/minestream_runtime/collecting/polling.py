"""A collector of miners from end to end: whose they are, the polls, and the way out."""

import asyncio
from collections.abc import Sequence

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.anomalies import AnomalyFeed
from minestream_runtime.collecting.collector import Collector, CollectorSettings
from minestream_runtime.collecting.family import Family
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.outlet_settings import open_outlet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.collecting.shard import Shard
from minestream_runtime.health import Health
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import INVENTORY, InventoryEntry


async def poll_fleet(
    settings: CollectorSettings,
    health: Health,
    clock: Clock,
    *,
    service: str,
    families: Sequence[Family],
) -> None:
    """Poll our share of the fleet until cancelled.

    Args:
        settings: from the environment.
        health: ready once the inventory is read; a link that is down is noted there, as the
            spool keeps what is polled meanwhile.
        clock: for all of it.
        service: whose share: the name of its consumer group.
        families: what we speak, all over one transport.

    Raises:
        ConfigurationError: the spool or the credentials key cannot be used.
    """
    collector_id = f"{service}-{settings.instance}"
    sealer = Sealer.from_settings(settings)
    async with open_outlet(settings, clock, subject=collector_id) as outlet:
        fleet = Fleet(
            settings,
            sealer,
            Owner(families).claim,
            add=lambda entry, interval_s: collector.add(
                entry.miner_id,
                interval_s=interval_s,
                priority=entry.priority,
                site=entry.site_id,
            ),
            remove=lambda target: collector.remove(target),  # noqa: PLW0108 - it comes below
            clock=clock,
        )
        poller = Poller(
            fleet,
            clock,
            collector_id=collector_id,
            interval_after=lambda target, answered, vital: collector.interval_after(
                target, answered=answered, vital=vital
            ),
        )
        collector = Collector(settings, clock, poller.poll, outlet)
        shard = Shard(
            settings,
            INVENTORY,
            InventoryEntry,
            group=service,
            clock=clock,
            on_there=fleet.there,
            on_gone=fleet.gone,
            copy=settings.state_dir / f"{collector_id}.inventory",
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
            if settings.poll_hurry_score is not None:
                feed = AnomalyFeed(
                    settings, clock, collector.hurry, least_score=settings.poll_hurry_score
                )
                group.create_task(feed.run())
