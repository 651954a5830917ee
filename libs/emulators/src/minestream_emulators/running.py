"""A fleet that runs while a block of code does: for tests, and for the command."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from minestream_emulators.fleet import Fleet, utc_now
from minestream_emulators.station import Now
from minestream_emulators.world import WorldPlan


def has_loopback_block() -> bool:
    """Does this system answer on all of 127.0.0.0/8 (Linux), or on 127.0.0.1 alone?"""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.bind(("127.1.0.1", 0))
        except OSError:
            return False
        return True


@asynccontextmanager
async def running(fleet: Fleet) -> AsyncIterator[asyncio.Future[None]]:
    """Keep a fleet listening and its script going; at the end nothing of it is left.

    Yields:
        What ends only when the script cannot go on, and then holds why.

    Raises:
        AddressTakenError: see ``Fleet.open``.
    """
    try:
        await fleet.open()
        directing: asyncio.Future[None] = asyncio.ensure_future(fleet.direct())
        try:
            yield directing
        finally:
            directing.cancel()
            with suppress(asyncio.CancelledError):
                await directing
    finally:
        await fleet.close()


@asynccontextmanager
async def emulated_fleet(
    *,
    miners: int = 3,
    seed: int = 7,
    faults: Sequence[str] = (),
    replies: Path | None = None,
    port: int = 0,
    now: Now = utc_now,
    **plan: Any,
) -> AsyncIterator[Fleet]:
    """A running fleet for tests: free ports of loopback addresses, closed at the end.

    Args:
        miners: how many.
        seed: the same seed, the same world.
        faults: each strikes one miner from the start on.
        replies: the reply log's file.
        port: of every miner; 0: a free one for each.
        now: the clock that the world runs on.
        plan: more of ``WorldPlan``'s fields.
    """
    if not has_loopback_block():
        plan = {"one_address": True, "first_address": "127.0.0.1", **plan}
    fleet = Fleet(WorldPlan(miners=miners, seed=seed, **plan), port=port, replies=replies, now=now)
    async with running(fleet):
        for fault in faults:
            await fleet.break_miner(fault)
        yield fleet
