"""Miners of a site that none of its collectors polls: told like polls, so that all see them."""

import asyncio
from collections.abc import Sequence
from typing import Final

import structlog

from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.collecting.owners import TRANSPORTS
from minestream_runtime.edge.site import SiteInventory
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner

LOOK_EVERY_S: Final = 5.0
_NOT_KNOWN: Final = "auto"


class Unpolled:
    """Tells of miners that another collector than the site's would have to poll.

    At each interval they have a poll of status ``garbage`` without bodies whose error says what
    to do: without it they would just be missing where the gateway is.

    Args:
        inventory: the site's.
        outlet: the site's.
        clock: paces.
        collectors: how many the site runs.
        others: those that are installed and not in its file, by the names that it would use.
        collector_id: who tells.
        interval_s: between two polls of a miner.
    """

    def __init__(
        self,
        inventory: SiteInventory,
        outlet: Outlet,
        clock: Clock,
        *,
        collectors: int,
        others: Sequence[str],
        collector_id: str,
        interval_s: float,
    ) -> None:
        self._inventory = inventory
        self._outlet = outlet
        self._clock = clock
        self._collectors = collectors
        self._others = others
        self._collector_id = collector_id
        self._interval_s = interval_s
        self._told_s: dict[str, float] = {}
        self._fault: str | None = None
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Which miners nobody polls, and what to do; None: there are none."""
        return self._fault

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(min(LOOK_EVERY_S, self._interval_s))

    async def _look(self) -> None:
        entries = {e.miner_id: e for e in self._inventory.unclaimed(self._collectors)}
        self._note(list(entries.values()))
        now_s = self._clock.monotonic()
        self._told_s = {name: at_s for name, at_s in self._told_s.items() if name in entries}
        due = [
            entry
            for name, entry in entries.items()
            if now_s - self._told_s.get(name, -self._interval_s) >= self._interval_s
        ]
        self._told_s |= {entry.miner_id: now_s for entry in due}
        await asyncio.gather(*(self._tell(entry) for entry in due))

    async def _tell(self, entry: InventoryEntry) -> None:
        at = self._clock.now()
        dialect, evidence = _speech(entry)
        poll = RawMiner(
            event_id=new_event_id(at),
            site_id=entry.site_id,
            miner_id=entry.miner_id,
            collector_id=self._collector_id,
            dialect=dialect or _NOT_KNOWN,
            dialect_evidence=evidence,
            polled_at=at,
            latency_ms=0.0,
            status=PollStatus.GARBAGE,
            error=_why(entry, self._others),
            interval_s=self._interval_s,
            rack_id=entry.rack_id,
            model_hint=entry.model,
            algorithm_hint=entry.algorithm,
            worker_hint=entry.workers[0] if entry.workers else None,
            tariff_usd_per_kwh=entry.tariff_usd_per_kwh,
        )
        event = Spooled(
            topic=RAW_MINER.name,
            key=entry.miner_id.encode(),
            value=poll.to_json(),
            event=str(poll.event_id),
            at_s=at.timestamp(),
        )
        await self._outlet.publish(RAW_MINER, event)

    def _note(self, entries: Sequence[InventoryEntry]) -> None:
        fault = "; ".join(unpolled_faults(entries, self._others)) or None
        if fault is not None and fault != self._fault:
            self._log.error("miners_unpolled", miners=len(entries), reason=fault)
        self._fault = fault


def unpolled_faults(entries: Sequence[InventoryEntry], others: Sequence[str]) -> list[str]:
    """Which miners nobody polls, and what to do: a sentence for each reason.

    Args:
        entries: those that none of the site's collectors would poll.
        others: the collectors that are installed and not in its file.
    """
    alike: dict[str, list[InventoryEntry]] = {}
    for entry in entries:
        alike.setdefault(_why(entry, others), []).append(entry)
    return [
        f"{first.miner_id}{f' (and {len(more)} more)' if more else ''} is not polled: {why}"
        for why, (first, *more) in alike.items()
    ]


def _why(entry: InventoryEntry, others: Sequence[str]) -> str:
    dialect, _ = _speech(entry)
    if dialect is not None:
        said = f"it speaks {dialect} ({TRANSPORTS.get(dialect, entry.transport).upper()})"
    elif entry.transport == "tcp":
        said = "it speaks TCP"
    else:
        said = "what it speaks is not known, which a collector of HTTP would find out"
    advice = f"add {' or '.join(others)}" if others else "install one there that does, and add it"
    return (
        f"{said}; no collector of {entry.site_id} does: {advice} to `collectors` of the site's file"
    )


def _speech(entry: InventoryEntry) -> tuple[str | None, str | None]:
    """What a miner speaks as far as is known, and what that was taken from."""
    if entry.dialect is not None and entry.dialect != _NOT_KNOWN:
        return entry.dialect, "inventory"
    found = entry.detected
    if found is not None and found.address == entry.address and found.dialect is not None:
        return found.dialect, found.evidence
    return None, None
