"""The emulated world of the sweep: HTTP and TCP miners, some of them sick, in one process."""

import asyncio
import multiprocessing
import resource
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Final

from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_schemas.inventory import InventoryEntry

SHARES: Final[Mapping[str, float]] = {
    "slow-drip": 0.10,
    "unreachable": 0.025,
    "silent": 0.025,
    "huge-body": 0.01,
    "garbage-body": 0.01,
}
"""By fault: of how many. 5 % are dead: half refuse, half take connections and say nothing."""
_WEB: Final = {key: 1.0 for key, model in MODELS.items() if model.family == "vnish"}
_TCP: Final = {key: 1.0 for key, model in MODELS.items() if model.transport == "tcp"}
_LONGEST_S: Final = 3600.0

Told = dict[str, Any]


def sick_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Whom each fault strikes: spread over the list, nobody twice."""
    left = list(names)
    found: dict[str, list[str]] = {}
    for fault, share in SHARES.items():
        count = max(1, round(share * len(names)))
        step = len(left) / count
        found[fault] = [left[int(place * step)] for place in range(count)]
        left = [name for name in left if name not in set(found[fault])]
    return found


def _live(ready: Connection, each: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    async def main() -> None:
        async with (
            emulated_fleet(miners=each, mix=_WEB, site="web", first_address="127.20.0.1") as web,
            emulated_fleet(miners=each, mix=_TCP, site="tcp", first_address="127.40.0.1") as tcp,
        ):
            for fleet in (web, tcp):
                for fault, names in sick_of([*fleet.stations]).items():
                    await fleet.break_miner(fault, names)
            ready.send([*web.inventory, *tcp.inventory])
            await asyncio.sleep(_LONGEST_S)

    asyncio.run(main())


def _entry(told: Told) -> InventoryEntry:
    fields = {name: value for name, value in told.items() if name != "credentials"}
    return InventoryEntry(**{**fields, "workers": tuple(fields.get("workers", ()))})


@contextmanager
def sweep_world(each: int) -> Iterator[tuple[list[InventoryEntry], frozenset[str]]]:
    """So many miners over each transport; their entries, and the names of those that are sick."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_live, args=(there, each), daemon=True)
    server.start()
    try:
        if not here.poll(120):
            raise TimeoutError("the world does not start")
        entries = [_entry(told) for told in here.recv()]
        sick: set[str] = set()
        for site in ("web", "tcp"):
            names = [entry.miner_id for entry in entries if entry.site_id == site]
            sick.update(*sick_of(names).values())
        yield entries, frozenset(sick)
    finally:
        server.kill()
        server.join()
