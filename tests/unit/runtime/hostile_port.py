"""A TCP port that does what a test tells it to, and counts who came; and a client to ask it."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from minestream_runtime.devices.cgminer import Answer, CgminerClient, CgminerError, Wire

Talk = Callable[["Caller"], Awaitable[None]]


@dataclass
class Caller:
    """One connection as the port sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    number: int

    async def hear(self) -> bytes:
        """What was asked."""
        return await self.reader.read(4096)

    async def say(self, *chunks: bytes, pause_s: float = 0.0) -> None:
        """Send chunk by chunk."""
        for chunk in chunks:
            self.writer.write(chunk)
            await self.writer.drain()
            await asyncio.sleep(pause_s)

    async def hold(self) -> None:
        """Keep the connection until the other side hangs up."""
        with suppress(ConnectionError):
            while await self.reader.read(4096):
                pass

    def reset(self) -> None:
        """End with an RST."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class Port:
    """Where it listens, what it was asked, and how many were connected at once."""

    address: str = ""
    asked: list[bytes] = field(default_factory=list)
    callers: int = 0
    at_once: int = 0
    most_at_once: int = 0


@asynccontextmanager
async def port(talk: Talk, host: str = "127.0.0.1") -> AsyncIterator[Port]:
    """A port that hands each caller to ``talk`` and then hangs up."""
    seen = Port()
    serving: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving[writer] = asyncio.current_task()
        seen.callers += 1
        seen.at_once += 1
        seen.most_at_once = max(seen.most_at_once, seen.at_once)
        try:
            with suppress(ConnectionError):
                await talk(Caller(reader, writer, seen.callers))
        finally:
            seen.at_once -= 1
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del serving[writer]

    server = await asyncio.start_server(serve, host, 0)
    name, number = server.sockets[0].getsockname()[:2]
    seen.address = f"[{name}]:{number}" if ":" in name else f"{name}:{number}"
    try:
        async with server:
            yield seen
    finally:
        for writer in serving:
            writer.transport.abort()
        await asyncio.gather(*filter(None, list(serving.values())))


def says(*chunks: bytes, pause_s: float = 0.0, then_holds: bool = False) -> Talk:
    """Hear the question, say the chunks, then hang up or stay."""

    async def talk(caller: Caller) -> None:
        await caller.hear()
        await caller.say(*chunks, pause_s=pause_s)
        if then_holds:
            await caller.hold()

    return talk


WHOLE = b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"GHS 5s":"504.56"}],"id":1}'
NUL = b"\0"


async def ask(
    address: str, command: str = "summary", *, wire: Wire | None = None, deadline_s: float = 3.0
) -> Answer:
    return await CgminerClient().ask(address, command, wire=wire, deadline_s=deadline_s)


async def error(talk: Talk, **options: object) -> CgminerError:
    async with port(talk) as miner:
        with pytest.raises(CgminerError) as caught:
            await ask(miner.address, **options)  # type: ignore[arg-type]
    return caught.value


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - it comes by itself
            await asyncio.sleep(0.005)


def framed(body: bytes) -> bytes:
    return len(body).to_bytes(4, "little") + body
