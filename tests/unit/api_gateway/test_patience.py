"""Connections whose clients never come to the point; they need no key to try."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from api_gateway.adapters.http.patience import MOST_HEAD_BYTES, Patience
from api_gateway.adapters.http.server import listen, serve

MB = 1024 * 1024
GET = b"GET / HTTP/1.1\r\nHost: us\r\n"
SOON_S = 5.0


class Server:
    """Answers at once, without a look at the body; /large with 16 MB.

    /full with a little more than the system takes of it.
    """

    def __init__(self) -> None:
        with listen("127.0.0.1", 0) as free:
            self.port = free.getsockname()[1]
        self.large_ended = asyncio.Event()
        self.clients: list[Patience] = []
        self.gone = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        if scope["path"] == "/full":
            await self._fill(send)
            return
        body = b"x" * MB if scope["path"] == "/large" else b"x"
        count = 16 if scope["path"] == "/large" else 1
        length = (b"content-length", str(count * len(body)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length]})
        for left in reversed(range(count)):
            await send({"type": "http.response.body", "body": body, "more_body": left > 0})
        if count > 1:
            self.large_ended.set()

    async def _fill(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        part, transport = {"type": "http.response.body", "body": b"x" * 8192}, None
        while transport is None or not transport.get_write_buffer_size():
            await send(part | {"more_body": True})
            transport = self.clients[-1].transport
        await send({"type": "http.response.body", "body": b"x"})

    async def connect(
        self, first: bytes, *, small: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket()
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=1024)
        writer.write(first)
        return reader, writer


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    made = Server()
    came, went = Patience.connection_made, Patience.connection_lost

    def has_come(client: Patience, transport: asyncio.Transport) -> None:
        made.clients.append(client)
        came(client, transport)

    def has_gone(client: Patience, exc: Exception | None) -> None:
        made.clients.remove(client)
        made.gone.set()
        went(client, exc)

    monkeypatch.setattr(Patience, "connection_made", has_come)
    monkeypatch.setattr(Patience, "connection_lost", has_gone)
    serving = asyncio.ensure_future(serve(made, host="127.0.0.1", port=made.port))
    async with asyncio.timeout(SOON_S):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", made.port)
                writer.close()
                break
            await asyncio.sleep(0.01)
    try:
        yield made
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What came until the server hung up."""
    found = b""
    async with asyncio.timeout(SOON_S):
        with suppress(ConnectionError):
            while chunk := await reader.read(65_536):
                found += chunk
    return found


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (GET, b"X-Filler: " + b"y" * 8000 + b"\r\n"),
        (GET + b"X-Filler: ", b"y" * 8000),
        (b"GET /", b"a" * 8000),
    ],
    ids=["lines", "one line", "address"],
)
async def test_a_head_without_end_is_cut_off(server: Server, first: bytes, more: bytes) -> None:
    reader, writer = await server.connect(first)
    sent = 0
    with suppress(ConnectionError):
        while sent < 32 * MB and not reader.at_eof():
            writer.write(more)
            await writer.drain()
            sent += len(more)
            await asyncio.sleep(0)
    assert sent < 16 * MB  # what fits into the sockets' buffers, beside the head's 64 KiB
    writer.close()


@pytest.mark.parametrize(
    "around", [b"0\r\nX-Trailer: ", b"0\r\n", b"1;"], ids=["trailer", "trailers", "extension"]
)
async def test_what_is_no_body_and_has_no_end_is_cut_off(server: Server, around: bytes) -> None:
    head = b"POST / HTTP/1.1\r\nHost: us\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await server.connect(head + around)
    await reader.readuntil(b"\r\n\r\nx")
    more = b"y" * 8000 if around != b"0\r\n" else b"X-Trailer: y\r\n" * 600
    sent = 0
    with suppress(ConnectionError):
        while sent < 32 * MB and server.clients:
            writer.write(more)
            await writer.drain()
            sent += len(more)
            await asyncio.sleep(0)
    assert sent < 16 * MB
    writer.close()


async def test_a_body_of_many_small_chunks_is_no_head(server: Server) -> None:
    head = b"POST / HTTP/1.1\r\nHost: us\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await server.connect(head)
    for _ in range(40):
        writer.write(b"1\r\nx\r\n" * 1000)
        await writer.drain()
    writer.write(b"0\r\n\r\n" + GET + b"Connection: close\r\n\r\n")
    assert (await ended(reader)).count(b"HTTP/1.1 200 ") == 2
    writer.close()


async def test_a_head_that_is_too_large_is_told_so(server: Server) -> None:
    reader, writer = await server.connect(b"")
    filler = b"X-Filler: " + b"y" * (MOST_HEAD_BYTES // 2) + b"\r\n"
    for part in (GET, filler, filler):
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0.02)  # so that they come one by one: what began it is not counted
    assert (await ended(reader)).startswith(b"HTTP/1.1 431 ")
    writer.close()


@pytest.mark.parametrize("first", [b"", b"\r\n", GET, GET + b"X-Half: y"])
async def test_a_head_that_never_comes_is_not_waited_for(
    server: Server, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "head_s", 0.1)
    reader, writer = await server.connect(first)
    assert await ended(reader) == b""
    writer.close()


async def test_a_body_that_goes_on_after_its_answer_is_not_heard_forever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "head_s", 0.3)
    head = b"POST / HTTP/1.1\r\nHost: us\r\nTransfer-Encoding: chunked\r\n\r\n"
    reader, writer = await server.connect(head)
    async with asyncio.timeout(SOON_S):
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"1\r\nx\r\n")
                await writer.drain()
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await reader.read(1024)
    writer.close()


async def test_a_second_request_of_a_connection_has_its_own_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "head_s", 0.8)
    reader, writer = await server.connect(b"")
    for _ in range(4):
        await asyncio.sleep(0.25)  # the four take longer than one head may
        writer.write(GET + b"\r\n")
        async with asyncio.timeout(SOON_S):
            assert (await reader.readuntil(b"\r\n\r\nx")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_an_answer_that_nobody_reads_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "unread_s", 0.1)
    _, writer = await server.connect(b"GET /large HTTP/1.1\r\nHost: us\r\n\r\n", small=True)
    async with asyncio.timeout(SOON_S):
        await server.large_ended.wait()
    writer.close()


@pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"])
async def test_the_end_of_an_answer_that_nobody_takes_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch, more: bytes
) -> None:
    monkeypatch.setattr(Patience, "unread_s", 0.1)
    monkeypatch.setattr(Patience, "head_s", 0.1)
    head = b"GET /full HTTP/1.1\r\nHost: us\r\n" + more + b"\r\n"
    reader, writer = await server.connect(head, small=True)
    async with asyncio.timeout(SOON_S):
        await reader.read(1)
        while server.clients:
            server.gone.clear()
            await server.gone.wait()
    writer.close()


async def test_an_answer_that_is_read_slowly_is_read_to_its_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Patience, "unread_s", 0.4)
    reader, writer = await server.connect(b"GET /large HTTP/1.1\r\nHost: us\r\n\r\n", small=True)
    loop = asyncio.get_running_loop()
    length, chunk, until_s = 0, b"-", loop.time() + 1
    async with asyncio.timeout(3 * SOON_S):
        while length < 16 * MB and chunk:
            chunk = await reader.read(65_536)
            length += len(chunk)
            if loop.time() < until_s:  # so slowly, for longer than nothing may be taken
                await asyncio.sleep(0.02)
    assert length >= 16 * MB
    writer.close()


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"no HTTP at all\r\n\r\n", b"HTTP/1.1 400 "),
        (GET + b"Connection: close, upgrade\r\nUpgrade: h2c\r\n\r\n", b"HTTP/1.1 200 "),
    ],
)
async def test_what_a_stranger_sends_is_no_line_of_the_log(
    server: Server, caplog: pytest.LogCaptureFixture, sent: bytes, answered: bytes
) -> None:
    reader, writer = await server.connect(sent)
    async with asyncio.timeout(SOON_S):
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(answered)
    writer.close()
    assert [line for line in caplog.records if line.name.startswith("uvicorn")] == []
