"""The websocket's wire under clients that no library would be."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from api_gateway.adapters.http.server import listen, serve
from api_gateway.adapters.stream.wire import EXTENSION, Wire

MASKED = 0x80
MASK = bytes(4)
MB = 1024 * 1024


class Server:
    """Takes websockets, and everything that comes over them."""

    def __init__(self) -> None:
        with listen("127.0.0.1", 0) as free:
            self.port = free.getsockname()[1]
        self.wires: list[Wire] = []
        self.heard: list[str] = []
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        self.wires.append(scope["extensions"][EXTENSION])
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            self.heard.append(message["text"])
        self.ended.set()

    async def shake_hands(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A client that does nothing by itself, and takes little unasked."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1024)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        assert b"101" in await reader.readuntil(b"\r\n\r\n")
        return reader, writer


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    serving = asyncio.ensure_future(serve(server, host="127.0.0.1", port=server.port))
    async with asyncio.timeout(10):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", server.port)
                break
            await asyncio.sleep(0.02)
    writer.close()
    yield server
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving


def frame(opcode: int, content: bytes = b"", *, final: bool = True) -> bytes:
    """A small frame as a client sends it."""
    return bytes([opcode | (0x80 if final else 0), MASKED | len(content)]) + MASK + content


async def test_who_takes_nothing_is_heard_no_more_and_costs_no_memory(server: Server) -> None:
    reader, writer = await server.shake_hands()
    pings = frame(0x9, b"x" * 125) * 1000
    sent = 0
    with suppress(TimeoutError):
        while sent < 60 * MB:
            writer.write(pings)
            sent += len(pings)
            async with asyncio.timeout(0.5):
                await writer.drain()
    (wire,) = server.wires
    assert sent < 60 * MB, "each ping was taken in, though nobody reads the pongs"
    assert wire.transport.get_write_buffer_size() < MB
    taken = 0
    while taken < sent / 2:  # it takes again, and is heard again
        taken += len(await asyncio.wait_for(reader.read(MB), 10))
    assert wire.stalled_at is None or wire.transport.get_write_buffer_size() < MB
    writer.transport.abort()
    await asyncio.wait_for(server.ended.wait(), 10)


async def test_a_message_in_pieces_of_nothing_ends(server: Server) -> None:
    reader, writer = await server.shake_hands()
    writer.write(frame(0x1, b"{", final=False) + frame(0x0, final=False) * 2000)
    async with asyncio.timeout(10):
        heard = await reader.readuntil(b"pieces")
    assert (1009).to_bytes(2, "big") in heard
    await asyncio.wait_for(server.ended.wait(), 10)
    writer.transport.abort()


async def test_a_message_in_a_few_pieces_is_one(server: Server) -> None:
    reader, writer = await server.shake_hands()
    writer.write(frame(0x1, b"{", final=False) + frame(0x0, final=False) * 10 + frame(0x0, b"}"))
    writer.write(frame(0x9, b"still there?"))
    async with asyncio.timeout(10):
        assert (await reader.readuntil(b"still there?"))[0] == 0x8A
    writer.transport.abort()
    await asyncio.wait_for(server.ended.wait(), 10)
    assert server.heard == ["{}"]
