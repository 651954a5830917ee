"""Whatever a device does is a value: no exception of the HTTP library or the system escapes."""

import asyncio
import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import http_exceptions

from minestream_runtime.clock import SystemClock
from minestream_runtime.devices.addresses import AddressInvalidError
from minestream_runtime.devices.connection import ConnectionEndedError, Said
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import (
    KEPT_OF_GARBAGE_BYTES,
    Fault,
    Question,
    Reply,
    device_session,
    fetch,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def device(talk: Talk) -> AsyncIterator[str]:
    """A device that says whatever bytes a test wants; gives its base address."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            done.set()
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    async with server:
        yield f"http://{host}:{port}"


def saying(answer: bytes) -> Talk:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return talk


async def ask(address: str, *, deadline_s: float = 2.0, max_bytes: int = 1 << 20) -> Reply:
    async with device_session() as session:
        return await fetch(
            session,
            Question(f"{address}/api"),
            SystemClock(),
            deadline_s=deadline_s,
            max_bytes=max_bytes,
        )


WHOLE = (
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nDate: Sat, 21 Nov 2026 15:00:00 GMT\r\n"
    b"X-Reply-Id: 7\r\n\r\n{}"
)


async def test_a_whole_answer_comes_with_its_date_and_number() -> None:
    async with device(saying(WHOLE)) as address:
        reply = await ask(address)
    assert (reply.fault, reply.http_status, reply.body) == (None, 200, b"{}")
    assert reply.server_at == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert reply.reply_id == "7"
    assert reply.latency_ms > 0


async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _number in range(200):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


async def drip_headers(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(200):
        writer.write(b"X-%d: 1\r\n" % number)
        await writer.drain()
        await asyncio.sleep(0.02)


async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


CASES: dict[str, tuple[Talk, Fault]] = {
    "drips its body": (drip, Fault.TIMEOUT),
    "drips its headers": (drip_headers, Fault.TIMEOUT),
    "is silent": (silence, Fault.TIMEOUT),
    "resets": (reset, Fault.TIMEOUT),
    "hangs up": (saying(b""), Fault.TIMEOUT),
    "stops in the middle": (
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"),
        Fault.TIMEOUT,
    ),
    "speaks no HTTP": (saying(b"\x00\xffSTATUS=E|\r\n\r\n"), Fault.GARBAGE),
    "sends a wrong chunk": (
        saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        Fault.GARBAGE,
    ),
    "sends endless headers": (
        saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n"),
        Fault.GARBAGE,
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_device_that_misbehaves_is_a_value(case: str) -> None:
    talk, fault = CASES[case]
    async with device(talk) as address:
        reply = await ask(address, deadline_s=0.3)
    assert reply.fault is fault, reply
    assert reply.error


async def test_nobody_there_is_refused_at_once() -> None:
    async with device(silence) as address:
        pass
    reply = await ask(address)
    assert reply.fault is Fault.REFUSED
    assert "refused" in (reply.error or "")


async def test_a_host_without_a_name_is_refused() -> None:
    reply = await ask("http://no-such-host.invalid:80")
    assert reply.fault is Fault.REFUSED


async def test_reading_stops_at_the_limit_and_the_first_4_kib_are_kept() -> None:
    sent = 0

    async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with device(flood) as address:
        reply = await ask(address, max_bytes=1 << 20)
        await asyncio.sleep(0.05)
    assert reply.fault is Fault.TOO_LARGE
    assert reply.body == b"x" * KEPT_OF_GARBAGE_BYTES
    assert sent < 20 << 20


async def test_bodies_are_never_decompressed_and_redirects_never_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with device(saying(moved)) as address:
        reply = await ask(address)
    assert (reply.fault, reply.http_status) == (None, 302)
    zipped = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nbomb"
    async with device(saying(zipped)) as address:
        reply = await ask(address)
    assert reply.body == b"bomb"


async def test_a_host_is_asked_by_two_connections_at_most() -> None:
    open_now, most = 0, 0

    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0.05)
        open_now -= 1
        writer.write(WHOLE)

    async with device(talk) as address, device_session() as session:
        replies = await asyncio.gather(
            *(fetch(session, Question(address), SystemClock(), deadline_s=5) for _ in range(6))
        )
    assert [reply.fault for reply in replies] == [None] * 6
    assert most == 2


async def test_a_date_that_is_none_costs_nothing() -> None:
    for date in (b"yesterday", b"Sat, 99 Nov 2026 99:00:00 GMT", b"\xff\xfe", b""):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nDate: " + date + b"\r\n\r\n"
        async with device(saying(answer)) as address:
            reply = await ask(address)
        assert (reply.fault, reply.server_at) == (None, None)


async def test_a_number_that_no_event_could_carry_is_none() -> None:
    for number, told in ((b"7", "7"), (b"\xff\xfe", None), (b"", None), (b"7" * 99, "7" * 64)):
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Reply-Id: " + number + b"\r\n\r\n"
        async with device(saying(answer)) as address:
            assert (await ask(address)).reply_id == told


async def test_only_a_refusal_tells_what_a_device_wants_to_see() -> None:
    for status, told in ((401, ('Digest realm="a"', "Basic")), (200, ())):
        head = f'HTTP/1.1 {status} x\r\nWWW-Authenticate: Digest realm="a"\r\n'
        answer = f"{head}WWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
        async with device(saying(answer.encode())) as address:
            assert (await ask(address)).challenges == told


def family(base: type[BaseException]) -> set[type[BaseException]]:
    return {base} | {found for child in base.__subclasses__() for found in family(child)}


def raised(cause: type[BaseException]) -> BaseException:
    """An instance, whatever its constructor wants."""
    error = cause.__new__(cause)
    for name in ("status", "message", "silent"):
        try:
            setattr(error, name, None)
        except (AttributeError, TypeError):
            continue
    return error


class Failing(Devices):
    """Devices of which every one fails in one way."""

    def __init__(self, cause: BaseException) -> None:
        super().__init__(per_host=1, keep_s=1.0, connect_s=1.0)
        self.cause = cause

    async def ask(self, *_: Any, **__: Any) -> Said:
        raise self.cause


def ours(cause: type[BaseException]) -> bool:
    return cause.__module__.split(".")[0] in {
        "aiohttp",
        "asyncio",
        "builtins",
        "minestream_runtime",
        "socket",
        "ssl",
    }


CAUSES = sorted(
    (
        cause
        for base in (
            http_exceptions.HttpProcessingError,
            ConnectionEndedError,
            AddressInvalidError,
            OSError,
        )
        for cause in family(base)
        if ours(cause)
    ),
    key=str,
)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
async def test_no_error_of_the_library_or_the_system_escapes(cause: type[BaseException]) -> None:
    reply = await fetch(
        Failing(raised(cause)),
        Question("http://127.0.0.1:1/"),
        SystemClock(),
        deadline_s=1,
    )
    assert reply.fault is not None


@pytest.mark.parametrize(
    ("number", "fault"),
    [
        (errno.ECONNREFUSED, Fault.REFUSED),
        (errno.EHOSTUNREACH, Fault.REFUSED),
        (errno.ENETUNREACH, Fault.REFUSED),
        (errno.ECONNRESET, Fault.TIMEOUT),
        (errno.ETIMEDOUT, Fault.TIMEOUT),
        (errno.EPIPE, Fault.TIMEOUT),
        (errno.EMFILE, Fault.OURS),
        (errno.ENFILE, Fault.OURS),
        (errno.ENOBUFS, Fault.OURS),
    ],
)
async def test_the_systems_error_number_decides(number: int, fault: Fault) -> None:
    reply = await fetch(
        Failing(OSError(number, "x")),
        Question("http://127.0.0.1:1/"),
        SystemClock(),
        deadline_s=1,
    )
    assert reply.fault is fault
