"""A database that takes a connection and then says nothing."""

import asyncio
import gc
from collections.abc import Iterator

import psycopg
import pytest

from minestream_runtime.database.pool import _Patient


@pytest.fixture
def no_collection() -> Iterator[None]:
    """Nobody closes what somebody forgot."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collection")
async def test_an_attempt_that_took_too_long_keeps_no_place_at_the_server() -> None:
    closed = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        closed.set()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            await _Patient.connect(f"postgresql://u:p@127.0.0.1:{port}/x", connect_timeout=2)
        async with asyncio.timeout(20):
            await closed.wait()
