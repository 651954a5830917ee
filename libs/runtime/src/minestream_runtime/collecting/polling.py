"""A collector of miners from end to end: whose they are, the polls, and the way out."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol

from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.collecting.anomalies import AnomalyFeed
from minestream_runtime.collecting.collector import Collector, CollectorSettings
from minestream_runtime.collecting.family import Family
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.collecting.scouting import Unknown
from minestream_runtime.collecting.shard import Shard
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.http import device_session
from minestream_runtime.devices.networks import gate
from minestream_runtime.discovery.probing import Prober, Recognise, S_contra
from minestream_runtime.health import Health
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.settings import open_outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import DETECTED, INVENTORY, Detected, InventoryEntry

_PROBE_S: Final = 5.0
"""For each answer of an unknown miner: several are asked for, and most are not there."""


@dataclass(frozen=True, slots=True)
class Scouting(Generic[S_contra]):
    """How miners of which nothing is known are found out.

    Args:
        steps: what they are asked, in order.
        recognise: who gave an answer.
        factory: credentials to try where a miner has none of its own.
    """

    steps: Sequence[S_contra]
    recognise: Recognise[S_contra]
    factory: Mapping[str, str] | None = None


class Source(Protocol):
    """Tells which miners are ours, and each change of that."""

    @property
    def ready(self) -> bool:
        """Is all known that there is?"""

    async def run(self) -> None:
        """Tell until cancelled."""


There = Callable[[str, InventoryEntry], None]
Gone = Callable[[str], None]
Ours = Callable[[InventoryEntry], bool]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a collector's miners come from and where its events go, at a site without Kafka.

    Args:
        source: made with what it is to call where a miner is there, or gone, and with what tells
            whether we would poll a miner.
        outlet: open.
    """

    source: Callable[[There, Gone, Ours], Source]
    outlet: Outlet


async def poll_fleet(
    settings: CollectorSettings,
    health: Health,
    clock: Clock,
    *,
    service: str,
    families: Sequence[Family],
    scouting: Scouting[S_contra] | None = None,
    around: Surroundings | None = None,
) -> None:
    """Poll our share of the fleet until cancelled.

    Args:
        settings: from the environment.
        health: ready once the inventory is read; a link that is down is noted there, as the
            spool keeps what is polled meanwhile.
        clock: for all of it.
        service: whose share: the name of its consumer group.
        families: what we speak, all over one transport.
        scouting: how unknown miners are found out; None: they are asked as the first family.
        around: another inventory and way out than Kafka.

    Raises:
        ConfigurationError: the spool or the credentials key cannot be used.
    """
    collector_id = f"{service}-{settings.instance}"
    async with AsyncExitStack() as stack:
        outlet = (
            await stack.enter_async_context(open_outlet(settings, clock, subject=collector_id))
            if around is None
            else around.outlet
        )
        unknown: Unknown | None = None
        if scouting is not None:
            scout = _scout(
                settings, clock, families, scouting, outlet=outlet, collector_id=collector_id
            )
            unknown = await stack.enter_async_context(scout)
        claim = Owner(families, unknown).claim
        fleet = Fleet(
            settings,
            Sealer.from_settings(settings),
            claim,
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
            unknown=unknown,
        )
        collector = Collector(settings, clock, poller.poll, outlet)
        source = (
            _shard(settings, service, clock, fleet)
            if around is None
            else around.source(fleet.there, fleet.gone, lambda entry: claim(entry) is not None)
        )
        health.checks["inventory"] = lambda: None if source.ready else "not read yet"
        far_side = "Kafka" if around is None else "the gateway"
        health.notes["link"] = lambda: (
            f"{far_side} away since {outlet.link_down_since}, spooling"
            if outlet.link_down_since
            else None
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(source.run())
            group.create_task(collector.run())
            if settings.poll_hurry_score > 0 and around is None:
                feed = AnomalyFeed(
                    settings, clock, collector.hurry, least_score=settings.poll_hurry_score
                )
                group.create_task(feed.run())


def _shard(
    settings: CollectorSettings, service: str, clock: Clock, fleet: Fleet
) -> Shard[InventoryEntry]:
    return Shard(
        settings,
        INVENTORY,
        InventoryEntry,
        group=service,
        clock=clock,
        on_there=fleet.there,
        on_gone=fleet.gone,
        copy=settings.state_dir / f"{service}-{settings.instance}.inventory",
    )


@asynccontextmanager
async def _scout(
    settings: CollectorSettings,
    clock: Clock,
    families: Sequence[Family],
    scouting: Scouting[S_contra],
    *,
    outlet: Outlet,
    collector_id: str,
) -> AsyncIterator[Unknown]:
    """The family of miners of which nothing is known."""

    async def tell(found: Detected) -> None:
        await outlet.publish(
            DETECTED,
            Spooled(
                topic=DETECTED.name,
                key=found.miner_id.encode(),
                value=found.to_json(),
                event=str(new_event_id(found.detected_at)),
                at_s=found.detected_at.timestamp(),
            ),
        )

    allows = gate(settings.networks)
    async with device_session(allowed=allows) as session:
        prober = Prober(
            session,
            CgminerClient(allowed=allows),
            clock,
            steps=scouting.steps,
            recognise=scouting.recognise,
            deadline_s=min(settings.poll_deadline_s, _PROBE_S),
        )
        yield Unknown(
            prober,
            families,
            clock,
            collector_id=collector_id,
            tell=tell,
            deadline_s=settings.poll_deadline_s,
            factory=scouting.factory,
        )
