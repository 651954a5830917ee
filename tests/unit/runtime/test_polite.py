"""A source on the web is asked politely, and whatever it does is a value."""

import asyncio
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from pydantic import SecretStr
from tests.unit.runtime.polite_source import QUICK, Source, Time, always, asking, each

from minestream_runtime.polite import KEPT_OF_FAILURE_BYTES, Manners, PoliteClient
from minestream_schemas.raw import PollStatus


async def test_an_answer_is_the_body_as_it_came_with_its_times() -> None:
    body = ' {"litecoin" : {"usd": 82.10}}\n'
    async with asking(always(text=body)) as (client, source):
        answer = await client.ask("/simple/price", params={"ids": "litecoin"})
    assert answer.status is PollStatus.OK
    assert answer.body == body.encode()
    assert (answer.http_status, answer.error, answer.not_before) == (200, None, None)
    assert answer.tries == 1
    assert answer.server_at is not None
    assert answer.server_at.tzinfo is not None
    assert str(source.asked[0].rel_url) == "/api/v3/simple/price?ids=litecoin"


def test_untold_a_source_has_ten_seconds_five_tries_and_ten_calls_a_minute() -> None:
    untold = Manners()
    assert (untold.deadline_s, untold.tries, untold.factor_s) == (10.0, 5, 0.5)
    assert (untold.calls_per_min, untold.apart_s) == (10, None)


async def test_a_connection_is_kept_between_questions() -> None:
    async with asking(always()) as (client, source):
        for _ in range(3):
            assert (await client.ask("ping")).status is PollStatus.OK
    assert len(source.connections) == 1


async def test_a_source_sees_ten_connections_at_most() -> None:
    async def slowly(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return web.Response(text="{}")

    unhurried = replace(QUICK, deadline_s=60.0)  # who is too late is asked anew, over another
    async with asking(slowly, manners=unhurried) as (client, source):
        answers = await asyncio.gather(*(client.ask(f"{number}") for number in range(40)))
    assert {answer.status for answer in answers} == {PollStatus.OK}
    assert len(source.connections) == 10


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_source_that_stumbles_is_asked_again(status: int) -> None:
    async with asking(each(always(status), always(status), always())) as (client, source):
        answer = await client.ask("ping")
    assert answer.status is PollStatus.OK
    assert answer.tries == len(source.asked) == 3


async def test_pauses_double_and_end_after_five_tries() -> None:
    time = Time()
    manners = Manners(calls_per_min=6000)
    async with asking(always(503), time, manners=manners) as (client, source):
        answer = await client.ask("ping")
    assert len(source.asked) == answer.tries == 5
    assert answer.status is PollStatus.ERROR
    assert (answer.http_status, answer.error) == (503, "503 Service Unavailable")
    assert len(time.slept) == 4
    for pause_s, nominal_s in zip(time.slept, (0.5, 1.0, 2.0, 4.0), strict=True):
        assert nominal_s / 2 <= pause_s <= nominal_s


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (400, PollStatus.ERROR),
        (401, PollStatus.UNAUTHORISED),
        (403, PollStatus.UNAUTHORISED),
        (404, PollStatus.ERROR),
        (501, PollStatus.ERROR),
    ],
)
async def test_what_will_not_change_is_asked_once(status: int, meaning: PollStatus) -> None:
    said = '{"status":{"error_code":10002}}'
    async with asking(always(status, said)) as (client, source):
        answer = await client.ask("ping")
    assert len(source.asked) == 1
    assert (answer.status, answer.http_status) == (meaning, status)
    assert answer.body == said.encode(), "what it says of its reason is kept"


async def test_a_short_retry_after_is_waited_for() -> None:
    time = Time()
    async with asking(each(always(429, Retry_After="3"), always()), time) as (client, _):
        answer = await client.ask("ping")
    assert answer.status is PollStatus.OK
    assert sum(time.slept) == pytest.approx(3.0)


async def test_a_long_retry_after_ends_the_asking_until_then() -> None:
    time = Time()
    began = time.at
    serve = each(always(429, Retry_After="60"), always())
    async with asking(serve, time) as (client, source):
        answer = await client.ask("ping")
        assert answer.status is PollStatus.ERROR
        assert answer.http_status == 429
        assert answer.not_before == began + timedelta(seconds=60)
        held = await client.ask("other")
        assert (held.status, held.tries, held.http_status) == (PollStatus.ERROR, 0, None)
        assert held.not_before == began + timedelta(seconds=60)
        assert len(source.asked) == 1, "nothing is sent while a pause is wanted"
        time.at = began + timedelta(seconds=60)
        assert client.not_before is None
        assert (await client.ask("ping")).status is PollStatus.OK


async def test_a_retry_after_that_is_a_date_counts_on_the_sources_clock() -> None:
    time = Time()  # ours is not the server's: its Date header is the real one
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=90)
    header = format_datetime(until, usegmt=True)
    async with asking(always(429, Retry_After=header), time) as (client, _):
        answer = await client.ask("ping")
    assert answer.not_before is not None
    assert 85 <= (answer.not_before - time.at).total_seconds() <= 91


@pytest.mark.parametrize("header", ["99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_no_source_can_silence_us_for_longer_than_an_hour(header: str) -> None:
    time = Time()
    async with asking(always(503, Retry_After=header), time) as (client, source):
        answer = await client.ask("ping")
    assert len(source.asked) == 1
    assert answer.not_before == time.at + timedelta(hours=1)


@pytest.mark.parametrize("header", ["", "soon", "-5", "1e9", "٣", "Mon, 99 Foo 2026"])
async def test_a_retry_after_that_says_nothing_is_as_none(header: str) -> None:
    async with asking(each(always(429, Retry_After=header), always())) as (client, _):
        assert (await client.ask("ping")).status is PollStatus.OK


async def test_without_retry_after_the_pauses_after_a_429_grow_and_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    time = Time()
    pauses: list[float] = []
    async with asking(always(429), time, manners=Manners(calls_per_min=6000)) as (client, source):
        for _ in range(8):
            answer = await client.ask("ping")
            assert answer.not_before is not None
            pauses.append((answer.not_before - time.at).total_seconds())
            time.at = answer.not_before
    assert len(source.asked) == 4 + 8, "four more tries at first, and one at a time from then on"
    for pause_s, nominal_s in zip(pauses, (8, 16, 32, 64, 128, 256, 300, 300), strict=True):
        assert nominal_s / 2 <= pause_s <= nominal_s
    assert capsys.readouterr().out.count("source_wants_pause") == 1, "once, not at each call"


async def test_who_waits_for_a_limited_source_asks_one_at_a_time() -> None:
    under_way = most = 0

    async def serve(_: web.Request) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.Response(status=429)

    async with asking(serve) as (client, source):
        await client.ask("first")
        most = 0
        await asyncio.gather(*(client.ask("ping") for _ in range(6)))
    assert most == 1
    assert len(source.asked) > 6


async def test_after_an_answer_the_pauses_begin_anew() -> None:
    time = Time()
    serve = each(always(429), always(429), always(429), always(), always(429), always())
    async with asking(serve, time, manners=Manners(calls_per_min=6000)) as (client, _):
        await client.ask("ping")
        before = len(time.slept)
        await client.ask("ping")
    assert max(time.slept[before:]) <= 0.5


async def test_a_source_that_drips_is_left_at_the_deadline() -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(600):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    manners = Manners(calls_per_min=6000, deadline_s=0.3, tries=1)
    began = asyncio.get_running_loop().time()
    async with asking(drip, manners=manners) as (client, _):
        answer = await client.ask("ping")
        assert asyncio.get_running_loop().time() - began < 1.5
    assert (answer.status, answer.http_status) == (PollStatus.TIMEOUT, None)
    assert answer.error == "no whole answer within 0.3 s"


async def test_reading_stops_at_the_limit() -> None:
    sent = 0

    async def flood(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(2000):
            await response.write(b"1" * 65_536)
            sent += 65_536
        return response

    manners = Manners(calls_per_min=6000, max_bytes=1 << 16)
    async with asking(flood, manners=manners) as (client, source):
        answer = await client.ask("ping")
    assert answer.status is PollStatus.GARBAGE
    assert answer.error == "body over 65536 bytes"
    assert len(answer.body or b"") == KEPT_OF_FAILURE_BYTES
    assert len(source.asked) == 1
    assert sent < 40 << 20


async def test_a_packed_body_is_not_unpacked() -> None:
    async def packed(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})

    async with asking(packed) as (client, _):
        answer = await client.ask("ping")
    assert answer.status is PollStatus.GARBAGE


@pytest.mark.parametrize("text", ["", "<html>blocked</html>", '{"usd": 8', "\x00", "[" * 100_000])
async def test_what_is_no_json_is_garbage_and_its_beginning_is_kept(text: str) -> None:
    async with asking(always(text=text)) as (client, _):
        answer = await client.ask("ping")
    assert (answer.status, answer.error) == (PollStatus.GARBAGE, "no JSON")
    assert answer.body == text.encode()[:KEPT_OF_FAILURE_BYTES]


async def test_a_redirect_within_the_source_is_followed_and_one_to_elsewhere_is_not() -> None:
    elsewhere = Source(always())

    async def serve(request: web.Request) -> web.StreamResponse:
        match request.path.rpartition("/")[2]:
            case "old":
                raise web.HTTPMovedPermanently("/api/v3/new")
            case "away":
                raise web.HTTPFound(f"{elsewhere.url}/new")
            case "round":
                raise web.HTTPFound(request.path)
        return web.json_response({"at": request.path})

    async with elsewhere.running(), asking(serve) as (client, source):
        assert (await client.ask("old")).body == b'{"at": "/api/v3/new"}'
        away = await client.ask("away", headers={"x-key": SecretStr("our-own")})
        before = len(source.asked)
        circle = await client.ask("round")
    assert (away.status, away.http_status) == (PollStatus.ERROR, 302)
    assert away.error == "302 Found, to elsewhere: not followed"
    assert elsewhere.asked == []
    assert circle.status is PollStatus.ERROR
    assert len(source.asked) - before == 4


async def test_nobody_there_is_a_value() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        time = Time()
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        async with PoliteClient("x", address, time, manners=QUICK, sleep=time.sleep) as client:
            answer = await client.ask("ping")
    assert (answer.status, answer.tries) == (PollStatus.REFUSED, 5)
    assert answer.error == "no connection (ECONNREFUSED)"


async def test_a_name_without_an_address_and_a_door_without_tls_are_told_as_such() -> None:
    async def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        said = []
        for address in (f"http://{'x' * 64}", f"https://127.0.0.1:{port}"):
            time = Time()
            async with PoliteClient("x", address, time, manners=QUICK, sleep=time.sleep) as client:
                answer = await client.ask("ping")
            assert answer.status is PollStatus.REFUSED
            said.append(answer.error)
    assert said[0] == "no connection (no address is known for its name)"
    assert (said[1] or "").startswith("no connection (TLS: ")


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", b"SSH-2.0-OpenSSH\r\n\r\n"]
)
async def test_a_connection_that_breaks_is_a_value(said: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        writer.close()

    time = Time()
    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        async with PoliteClient("x", address, time, manners=QUICK, sleep=time.sleep) as client:
            answer = await client.ask("ping")
    assert (answer.status, answer.tries) == (PollStatus.TIMEOUT, 5)
    assert answer.error is not None
    assert answer.error.startswith("the connection broke")


async def test_calls_are_spread_by_the_budget() -> None:
    manners = Manners(calls_per_min=1200)  # 240 at once would hide it: see the burst below
    bucket = manners.bucket()
    per_minute = bucket.max_rate + 60.0 * bucket.max_rate / bucket.time_period
    assert per_minute == pytest.approx(1200)
    for few in (1, 2, 3, 10, 50):
        bucket = Manners(calls_per_min=few).bucket()
        assert bucket.max_rate + 60 * bucket.max_rate / bucket.time_period <= max(few, 2) + 1e-9
    async with asking(always(), manners=Manners(calls_per_min=300, factor_s=0.01)) as (client, _):
        began = asyncio.get_running_loop().time()
        for _ in range(62):  # 60 at once, then 4 in a second
            await client.ask("ping")
        assert asyncio.get_running_loop().time() - began >= 0.3
