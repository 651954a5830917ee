"""The miners of one site as its file lists them, followed while the file changes."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from minestream_runtime.collecting.owners import UPLOADED
from minestream_runtime.collecting.polling import Gone, Ours, There
from minestream_runtime.collecting.shard_copy import EntryCopy
from minestream_runtime.documents import DocumentError
from minestream_runtime.edge.config import Edge
from minestream_runtime.edge.watching import Stamp, stamp_of, woken
from minestream_runtime.inventory.sealing import sealed_fleet
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import Detected, Fleet, InventoryEntry
from minestream_schemas.upload import reporter_of

LOOK_EVERY_S: Final = 2.0
_FAULTS_SHOWN: Final = 20


class SiteInventory:
    """The site's miners, told to whoever polls them.

    A file with faults changes nothing: they are logged, and the fleet stays as it was. What a
    collector finds a miner to speak is remembered, over restarts too, for as long as the miner
    stays at its address.

    Args:
        edge: which file, whose miners.
        sealer: keeps credentials closed until a collector needs them.
        found: keeps what was found out.
    """

    def __init__(self, edge: Edge, sealer: Sealer, found: EntryCopy[Detected]) -> None:
        self._edge = edge
        self._sealer = sealer
        self._copy = found
        self._found: dict[str, Detected] = {}
        self._fleet = Fleet({}, {})
        self._told: dict[str, InventoryEntry] = {}
        self._listeners: list[tuple[There, Gone, Ours]] = []
        self._unsaved = False
        self._stamp: Stamp | None = None
        self._wake = asyncio.Event()
        self._fault: str | None = "not read yet"
        self._log = structlog.get_logger()
        self.ready = False

    def fault(self) -> str | None:
        """What is wrong with the file as it is now; None: nothing."""
        return self._fault

    def look(self) -> None:
        """Read the file now, changed or not: an operator asks for it."""
        self._stamp = None
        self._wake.set()

    def learn(self, found: Detected) -> None:
        """A collector has found out what a miner speaks."""
        self._found[found.miner_id] = found
        self._unsaved = True
        entry = self._fleet.miners.get(found.miner_id)
        if entry is not None:
            self._told[found.miner_id] = entry = self._with_found(entry)
            for there, *_ in self._listeners:
                there(found.miner_id, entry)

    def unclaimed(self, collectors: int) -> list[InventoryEntry]:
        """The miners that no collector would poll; none before so many collectors listen."""
        if len(self._listeners) < collectors:
            return []
        return [
            entry
            for entry in self._told.values()
            if not any(ours(entry) for _, _, ours in self._listeners)
        ]

    def source(self, there: There, gone: Gone, ours: Ours) -> "SiteSource":
        """What tells one collector of the miners; see ``Source``."""
        return SiteSource(self, there, gone, ours)

    def listen(self, there: There, gone: Gone, ours: Ours) -> Callable[[], None]:
        """Tell somebody of all miners and of each change; what is given back ends it."""
        listener = (there, gone, ours)
        self._listeners.append(listener)
        for miner_id, entry in self._told.items():
            there(miner_id, entry)
        return lambda: self._listeners.remove(listener)

    async def run(self) -> None:
        """Follow the file until cancelled."""
        self._found = await asyncio.to_thread(self._copy.load)
        while True:
            self._wake.clear()
            await self._look()
            if self._unsaved:
                self._unsaved = False
                await asyncio.to_thread(self._copy.save, dict(self._found))
            await woken(self._wake, LOOK_EVERY_S)

    async def _look(self) -> None:
        try:
            stamp = stamp_of(self._edge.inventory)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            wanted = await asyncio.to_thread(self._edge.read_inventory, os.environ)
            self._fleet = sealed_fleet(wanted, self._fleet, self._sealer)
        except DocumentError as exc:
            self._refuse([f"line {fault.line}: {fault.text}" for fault in exc.faults])
            return
        except (OSError, UnicodeDecodeError) as exc:
            self._stamp = None
            self._refuse([f"cannot be read: {type(exc).__name__}"])
            return
        self._fault = None
        self._tell()
        self.ready = True
        self._log.info("inventory_read", miners=len(self._fleet.miners))

    def _refuse(self, faults: list[str]) -> None:
        said = "; ".join(faults[:_FAULTS_SHOWN])
        if said != self._fault:
            self._log.error(
                "inventory_refused", faults=len(faults), said=said, kept=len(self._told)
            )
        self._fault = said

    def _tell(self) -> None:
        before, self._told = (
            self._told,
            {miner_id: self._with_found(entry) for miner_id, entry in self._fleet.miners.items()},
        )
        for there, gone, _ in self._listeners:
            for miner_id in before.keys() - self._told.keys():
                gone(miner_id)
            for miner_id, entry in self._told.items():
                if before.get(miner_id) != entry:
                    there(miner_id, entry)

    def _with_found(self, entry: InventoryEntry) -> InventoryEntry:
        return as_polled(entry, self._found.get(entry.miner_id))


def found_out(edge: Edge, folder: Path) -> EntryCopy[Detected]:
    """What the site's collectors found its miners to speak, as it is kept over a restart.

    Args:
        edge: whose miners.
        folder: the site's, which also has the spool.
    """
    return EntryCopy(folder / f"{reporter_of(edge.file.site)}.detected", Detected)


def as_polled(entry: InventoryEntry, found: Detected | None) -> InventoryEntry:
    """As it is polled here: where the gateway's inventory says ``upload``, that is we.

    Args:
        entry: as the site's list has it.
        found: what it was found out to speak, where it stood then.
    """
    changes: dict[str, object] = {"dialect": None} if entry.dialect == UPLOADED else {}
    if found is not None and found.address == entry.address:
        changes["detected"] = found
    return entry.model_copy(update=changes) if changes else entry


class SiteSource:
    """One collector's ear; see ``Source``."""

    def __init__(self, inventory: SiteInventory, there: There, gone: Gone, ours: Ours) -> None:
        self._inventory = inventory
        self._listener = (there, gone, ours)

    @property
    def ready(self) -> bool:
        """Has the file been read once without fault?"""
        return self._inventory.ready

    async def run(self) -> None:
        """Tell until cancelled."""
        end = self._inventory.listen(*self._listener)
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            end()
