"""Connections to devices: few, kept for a while, given back whatever happens, never trusted."""

import asyncio
import gc
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from aiohttp.http_exceptions import HttpProcessingError

from minestream_runtime.devices.addresses import AddressInvalidError
from minestream_runtime.devices.connection import ConnectionEndedError, Said
from minestream_runtime.devices.connections import Devices

Talk = Callable[[int, asyncio.StreamWriter], Awaitable[bool]]
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def device(talk: Talk) -> AsyncIterator[tuple[str, list[int]]]:
    """A device; per request it is told which of its connections asks, and says whether to go on."""
    asked: list[int] = []
    writers: list[asyncio.StreamWriter] = []
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serving.append(asyncio.current_task())
        mine = len(writers)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                asked.append(mine)
                if not await talk(len(asked), writer):
                    break
                await writer.drain()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        async with server:
            yield f"{host}:{port}", asked
    finally:
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*filter(None, serving))


def saying(answer: bytes, *, then_closes: bool = False) -> Talk:
    async def talk(_: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(answer)
        return not then_closes

    return talk


def devices(*, per_host: int = 2, keep_s: float = 5.0) -> Devices:
    return Devices(per_host=per_host, keep_s=keep_s, connect_s=1.0)


async def ask(
    these: Devices, where: str, *, deadline_s: float = 2.0, again: bool = True, limit: int = 1 << 20
) -> Said:
    return await these.ask(where, REQUEST, deadline_s=deadline_s, max_bytes=limit, again=again)


async def test_a_connection_serves_again_within_its_time_and_is_closed_after_it() -> None:
    async with device(saying(WHOLE)) as (where, asked), devices(keep_s=0.2) as these:
        await ask(these, where)
        await ask(these, where)
        assert asked == [1, 1]
        async with asyncio.timeout(5):
            while these.kept:  # noqa: ASYNC110 - it goes by itself
                await asyncio.sleep(0.05)
        await ask(these, where)
    assert asked == [1, 1, 2]


async def test_a_body_of_ten_thousand_chunks_comes_whole() -> None:
    chunks = b"".join(b"3\r\nabc\r\n" for _ in range(10_000))
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"
    async with device(saying(answer)) as (where, asked), devices() as these:
        assert (await ask(these, where)).body == b"abc" * 10_000
        assert (await ask(these, where)).body == b"abc" * 10_000
    assert asked == [1, 1]


async def test_a_body_may_end_where_the_connection_does() -> None:
    talk = saying(b"HTTP/1.0 200 OK\r\n\r\nall of it", then_closes=True)
    async with device(talk) as (where, _), devices() as these:
        said = await ask(these, where)
    assert (said.body, said.whole) == (b"all of it", True)


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_is_whole(status: int) -> None:
    answer = b"HTTP/1.1 %d Nothing\r\n\r\n" % status
    async with device(saying(answer)) as (where, _), devices() as these:
        said = await ask(these, where)
    assert (said.status, said.body, said.whole) == (status, b"", True)


async def test_what_comes_before_the_answer_is_passed_over() -> None:
    async with device(saying(b"HTTP/1.1 103 Early\r\n\r\n" + WHOLE)) as (where, _), devices() as d:
        assert (await ask(d, where)).status == 200


@pytest.mark.parametrize(("again", "tries"), [(True, 3), (False, 2)])
async def test_a_kept_connection_that_died_is_replaced_where_asking_twice_is_harmless(
    *, again: bool, tries: int
) -> None:
    async def talk(number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 2:
            writer.transport.abort()
            return False
        writer.write(WHOLE)
        return True

    async with device(talk) as (where, asked), devices() as these:
        await ask(these, where)
        if again:
            assert (await ask(these, where)).status == 200
        else:
            with pytest.raises((ConnectionEndedError, ConnectionResetError)):
                await ask(these, where, again=False)
    assert len(asked) == tries


@pytest.mark.parametrize("ending", ["hangs up", "resets"])
async def test_a_kept_connection_that_dies_amid_an_answer_is_not_asked_again(ending: str) -> None:
    async def talk(number: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(WHOLE if number == 1 else WHOLE[:-1])
        await writer.drain()
        if number > 1 and ending == "resets":
            await asyncio.sleep(0.05)  # what was said arrives before the reset drops it
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        return number == 1

    async with device(talk) as (where, asked), devices() as these:
        await ask(these, where)
        with pytest.raises((ConnectionEndedError, ConnectionResetError)):
            await ask(these, where)
    assert asked == [1, 1]


async def test_a_connection_whose_device_wants_it_closed_is_not_used_again() -> None:
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    async with device(saying(answer)) as (where, asked), devices() as these:
        await ask(these, where)
        assert these.kept == 0
        await ask(these, where)
    assert asked == [1, 2]


async def test_what_a_device_says_unasked_ends_its_connection_and_nothing_else() -> None:
    faults: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, fault: faults.append(fault))
    spoken = asyncio.Event()

    async def talk(_: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(WHOLE)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(WHOLE)
        spoken.set()
        return True

    async with device(talk) as (where, asked), devices() as these:
        await ask(these, where)
        (kept,) = these._hosts[where].idle
        await spoken.wait()
        async with asyncio.timeout(2):  # sooner than it is swept away
            while kept.reusable:  # noqa: ASYNC110 - it goes by itself
                await asyncio.sleep(0.01)
        await ask(these, where)
    assert asked == [1, 2]
    assert faults == []


@pytest.mark.parametrize("piece", [b"X-More: 0123456789\r\n", b"\r\nHTTP/1.1 100 Wait\r\n"])
async def test_headers_without_end_are_no_http(piece: bytes) -> None:
    async def talk(_: int, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 100 Wait\r\n")
        for _ in range(10_000):
            writer.write(piece)
            await writer.drain()
        return True

    async with device(talk) as (where, _), devices() as these:
        with pytest.raises(HttpProcessingError):
            await ask(these, where)


async def test_a_device_that_is_asked_no_more_is_forgotten() -> None:
    async with device(saying(WHOLE)) as (where, _), devices(keep_s=0.1) as these:
        await ask(these, where)
        assert len(these._hosts) == 1
        async with asyncio.timeout(5):
            while these._hosts:  # noqa: ASYNC110 - it goes by itself
                await asyncio.sleep(0.01)


async def test_who_says_more_than_it_was_asked_is_not_asked_on_that_connection_again() -> None:
    async with device(saying(WHOLE + WHOLE)) as (where, asked), devices() as these:
        assert (await ask(these, where)).body == b"{}"
        assert (await ask(these, where)).body == b"{}"
    assert asked == [1, 2]


async def test_a_request_that_runs_out_of_time_gives_its_place_back() -> None:
    free = asyncio.Event()

    async def talk(number: int, writer: asyncio.StreamWriter) -> bool:
        if number == 1:
            await free.wait()
        writer.write(WHOLE)
        return True

    async with device(talk) as (where, asked), devices(per_host=1) as these:
        first = asyncio.ensure_future(ask(these, where, deadline_s=0.2))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await ask(these, where, deadline_s=0.1)
        with pytest.raises(TimeoutError):
            await first
        assert (await ask(these, where)).status == 200
        free.set()
    assert asked == [1, 2]


async def test_a_request_that_is_cancelled_gives_its_place_back() -> None:
    async def talk(number: int, writer: asyncio.StreamWriter) -> bool:
        if number > 1:
            writer.write(WHOLE)
        return True

    async with device(talk) as (where, asked), devices(per_host=1) as these:
        first = asyncio.ensure_future(ask(these, where))
        waits = asyncio.ensure_future(ask(these, where))
        async with asyncio.timeout(2):
            while not asked:  # noqa: ASYNC110 - the other side has no event of ours
                await asyncio.sleep(0.01)
        first.cancel()
        assert (await waits).status == 200
        assert first.cancelled()


async def test_a_place_that_is_given_to_one_who_is_cancelled_at_once_is_given_on() -> None:
    async with device(saying(WHOLE)) as (where, _), devices(per_host=1) as these:

        async def ask_and_cancel() -> None:
            await ask(these, where)
            waits.cancel()  # before it can have noticed that its turn has come

        first = asyncio.ensure_future(ask_and_cancel())
        await asyncio.sleep(0)
        waits = asyncio.ensure_future(ask(these, where))
        await first
        with pytest.raises(asyncio.CancelledError):
            await waits
        assert (await ask(these, where, deadline_s=1)).status == 200


@pytest.mark.parametrize(
    "where",
    [
        *("nowhere", ":80", "host:", "host:0", "host:99999", "host:x"),
        *("a..b:80", f"{'a' * 64}.example:80"),
    ],
)
async def test_an_address_that_is_none_is_refused(where: str) -> None:
    async with devices() as these:
        with pytest.raises(AddressInvalidError):
            await ask(these, where)


async def test_names_and_ipv6_addresses_are_found() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WHOLE)
        writer.close()
        await writer.wait_closed()

    hosts = ["127.0.0.1"]
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        hosts.append("::1")
    server = await asyncio.start_server(serve, hosts, 0)
    where = [listener.getsockname()[:2] for listener in server.sockets]
    asked = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in where]
    asked += [f"localhost:{port}" for host, port in where if host == "127.0.0.1"]
    async with server, devices() as these:
        for address in asked:
            assert (await ask(these, address)).status == 200


async def test_an_error_is_gone_once_it_is_handled_without_the_garbage_collector() -> None:
    seen: list[weakref.ref[BaseException]] = []
    async with device(saying(b"", then_closes=True)) as (where, _), devices() as these:
        gc.disable()
        try:
            with suppress(ConnectionEndedError):
                try:
                    await ask(these, where)
                except ConnectionEndedError as exc:
                    seen.append(weakref.ref(exc))
                    raise
            await asyncio.sleep(0)  # the turn that brought it is over
            left = [ref() for ref in seen]
        finally:
            gc.enable()
    assert left == [None]


async def test_a_host_that_does_not_let_us_in_is_given_up_before_the_deadline() -> None:
    # a listener whose queue is full answers no further SYN, as a host that is off would
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        where = full.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for sock in filling:
            sock.settimeout(0)
            sock.connect_ex(where)
        began_s = asyncio.get_running_loop().time()
        async with Devices(per_host=1, keep_s=1.0, connect_s=0.3) as these:
            with pytest.raises(TimeoutError):
                await ask(these, f"{where[0]}:{where[1]}", deadline_s=20)
        assert asyncio.get_running_loop().time() - began_s < 10
        for sock in filling:
            sock.close()


async def test_a_device_that_is_slow_to_answer_has_until_the_deadline() -> None:
    async def talk(_: int, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(0.5)  # longer than connecting may take
        writer.write(WHOLE)
        return True

    async with (
        device(talk) as (where, _),
        Devices(per_host=1, keep_s=1.0, connect_s=0.1) as these,
    ):
        assert (await ask(these, where, deadline_s=20)).status == 200
