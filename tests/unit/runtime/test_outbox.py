import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from minestream_runtime.clock import SystemClock
from minestream_runtime.database import Connection
from minestream_runtime.database.outbox import Outbox, Relay, Ways
from minestream_runtime.errors import StoreUnavailableError

if TYPE_CHECKING:
    from minestream_runtime.kafka import Producer


async def test_a_relay_ends_even_if_the_driver_swallowed_the_cancellation() -> None:
    waits = asyncio.Event()

    @asynccontextmanager
    async def connect() -> AsyncIterator[Connection]:
        again = waits.is_set()
        waits.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:  # asyncio.wait_for may swallow one until Python 3.12
            if again:
                raise
        raise StoreUnavailableError("away")
        yield

    ways = Ways(poll_s=60, keep_s=60)
    relay = Relay(Outbox("s", lock=1), connect, cast("Producer", None), SystemClock(), ways)
    task = asyncio.ensure_future(relay.run())
    await waits.wait()
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
