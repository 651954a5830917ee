"""What an emulated miner's door does with those whom it has just let in."""

import asyncio
import gc
import socket
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from minestream_emulators.fleet import Fleet
from minestream_emulators.running import emulated_fleet

CALLERS = 3
TURNS = range(6)


@contextmanager
def callers_of(fleet: Fleet) -> Iterator[None]:
    """Some who have connected, of which the server's loop does not know yet."""
    ((host, port),) = ((station.host, station.port) for station in fleet.stations.values())
    there = [socket.create_connection((host, port)) for _ in range(CALLERS)]
    try:
        yield
    finally:
        for one in there:
            one.close()


async def reflash(fleet: Fleet) -> None:
    await fleet.break_miner("reflashed")


@pytest.mark.parametrize("end", [Fleet.close, reflash])
@pytest.mark.parametrize("kind", ["l9-1.2.7", "l7-stock"])
async def test_however_far_a_connection_has_come_its_end_is_orderly(
    kind: str, end: Callable[[Fleet], Awaitable[None]]
) -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for turns in TURNS:
            async with emulated_fleet(miners=1, mix={kind: 1.0}) as fleet:
                with callers_of(fleet):
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    await end(fleet)
            others = asyncio.all_tasks() - {asyncio.current_task()}
            assert not others, turns
        gc.collect()
    assert [str(one.message) for one in told] == []
