"""Every pool, whatever happens to it: what the operator is told, and never a false figure."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.unit.collector_pool.http_pools import SAID, Handler, Time, account, emulated_pools

from collector_pool.adapters.account import Follower
from collector_pool.adapters.asking import Asker, Way, manners
from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.unreadable import UnreadableError
from minestream_runtime.polite import PoliteClient
from minestream_schemas.pool import PoolBalance, PoolStats, PoolWorker, RawPool
from minestream_schemas.raw import PollStatus

if TYPE_CHECKING:
    from collector_pool.adapters.teller import Teller

Out = Callable[[web.Request, web.StreamResponse], web.StreamResponse]
_PAGE: Final = "<!DOCTYPE html><title>Just a moment...</title>"


def _says(status: int, text: str = "{}", **headers: str) -> Out:
    kind = "text/html" if text.startswith("<") else "application/json"
    return lambda *_: web.Response(text=text, status=status, content_type=kind, headers=headers)


def _reset(request: web.Request, _: web.StreamResponse) -> web.Response:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


def _cut(_: web.Request, said: web.StreamResponse) -> web.Response:
    assert isinstance(said, web.Response)
    return web.Response(text=(said.text or "")[:-20], content_type="application/json")


def _broken(request: web.Request, _: web.StreamResponse) -> web.StreamResponse:
    response = web.Response(text="{" * 10, headers={"Content-Length": "500"})
    asyncio.get_running_loop().call_later(0.01, lambda: _reset(request, response))
    return response


OUTAGES: Final[dict[str, tuple[Out, str]]] = {
    "500": (_says(500), "500 Internal Server Error"),
    "429, come back in 30 s": (_says(429, **{"Retry-After": "30"}), "429 Too Many Requests"),
    "429": (_says(429), "429 Too Many Requests"),
    "a page in place of data": (_says(200, _PAGE), "no JSON"),
    "a gate that wants a browser": (_says(403, _PAGE), "a web page in place of an answer"),
    "a gate's own 503": (_says(503, _PAGE), "503 Service Unavailable"),
    "JSON that is cut": (_cut, "no JSON"),
    "a body that ends too soon": (_broken, "the connection broke"),
    "a connection that is closed": (_reset, "the connection broke"),
    "an empty object": (_says(200, "{}"), ""),
    "null": (_says(200, "null"), ""),
    "a list": (_says(200, "[]"), ""),
}


class Told:
    """What is told, kept."""

    def __init__(self) -> None:
        self.events: list[RawPool] = []

    async def tell(self, event: RawPool, **_: object) -> None:
        self.events.append(event)


class World:
    """One account at one pool, a door before that, and a follower that looks when it is told to."""

    def __init__(self) -> None:
        self.out: Out | None = None
        self.time, self.told = Time(), Told()

    async def door(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        said = await handler(request)
        return said if self.out is None else self.out(request, said)

    def follower(self, pool: str, url: str, client: PoliteClient, **more: Any) -> Follower:
        owner = account(pool, url, **more)
        asker = Asker(
            POOLS[pool],
            Way(client),
            self.time,
            interval_s=owner.interval_s,
            stale_most_s=3600.0,
            refused_s=600.0,
        )
        return Follower(
            owner,
            POOLS[pool],
            asker,
            cast("Teller", self.told),
            collector_id="collector-pool-0",
            clock=self.time,
            sleep=self._once,
        )

    async def _once(self, _: float) -> None:
        raise asyncio.CancelledError

    async def look(self, follower: Follower) -> tuple[RawPool | None, list[Any]]:
        """One cycle, 400 s after the last; what it tells, and what that is read as."""
        self.told.events.clear()
        await self.time.sleep(400)
        with pytest.raises(asyncio.CancelledError):
            await follower.run()
        if not self.told.events:
            return None, []
        event = self.told.events[-1]
        try:
            return event, list(normalise(event, miner_of=lambda _: None))
        except UnreadableError:
            return event, []


def _client(pool: str, url: str, time: Time, *, deadline_s: float = 20.0) -> PoliteClient:
    quick = replace(manners(apart_s=0.0001), deadline_s=deadline_s)
    return PoliteClient(pool, f"{url}/{pool}", time, manners=quick, sleep=time.sleep)


def _workers(told: list[Any]) -> set[str]:
    return {each.worker for each in told if isinstance(each, PoolWorker)}


def _no_false_figure(told: list[Any], before: list[Any]) -> None:
    """Each figure is None, or what the pool said when it was well."""
    known = {each.coin: each for each in before if isinstance(each, PoolStats)}
    for stats in (each for each in told if isinstance(each, PoolStats)):
        was = known[stats.coin]
        for name in ("hashrate_hs", "hashrate_24h_hs", "workers_total", "workers_active"):
            assert getattr(stats, name) in {None, getattr(was, name)}, name
        assert stats.unpaid_coins in {None, was.unpaid_coins}
    rates = [each.hashrate_hs for each in told if isinstance(each, PoolWorker)]
    assert all(rate is None or rate > 0 for rate in rates)
    assert not any(isinstance(each, PoolBalance) for each in told), "an old balance is no news"
    assert not _workers(told) - _workers(before)


@pytest.mark.parametrize("pool", sorted(POOLS))
async def test_an_outage_is_told_and_no_figure_is_false(pool: str) -> None:
    world = World()
    async with (
        emulated_pools(miners=2, door=world.door) as (_, _, url),
        _client(pool, url, world.time) as client,
    ):
        follower = world.follower(pool, url, client)
        for outage, (out, error) in OUTAGES.items():
            world.out = None
            event, before = await world.look(follower)
            assert event is not None
            assert (event.status, event.error, follower.note()) == (PollStatus.OK, None, None)
            assert len(_workers(before)) == 1
            world.out = out
            event, told = await world.look(follower)
            assert event is not None
            assert error in (event.error or ""), outage
            assert error in (follower.note() or ""), outage
            assert str(SAID[pool].get("key", "?")) not in _text(event, follower)
            _no_false_figure(told, before)


def _text(event: RawPool, follower: Follower) -> str:
    return f"{event.to_json().decode()} {follower.note()}"


async def test_a_slow_drip_is_told_and_waited_for_no_longer_than_it_may() -> None:
    ended = asyncio.Semaphore(0)

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.02)
        writer.close()
        ended.release()

    world = World()
    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with _client("litecoinpool", url, world.time, deadline_s=0.2) as client:
            follower = world.follower("litecoinpool", url, client)
            event, told = await world.look(follower)
        for _ in range(2):  # tries
            await ended.acquire()
    assert event is not None
    assert (event.status, told) == (PollStatus.TIMEOUT, [])
    assert "no whole answer within 0.2 s" in (follower.note() or "")


ODD: Final = ("-1", "1e999", "NaN", "9" * 400, "9" * 5000, "true", '"many"', "null", "[1]")


@pytest.mark.parametrize("pool", sorted(POOLS))
async def test_a_number_that_is_none_is_no_figure(pool: str) -> None:
    odd = ""

    def spoil(_: web.Request, said: web.StreamResponse) -> web.Response:
        assert isinstance(said, web.Response)
        spoilt = json.dumps(_spoilt(json.loads(said.text or ""))).replace('"odd"', odd)
        return web.Response(text=spoilt, content_type="application/json")

    world = World()
    async with (
        emulated_pools(miners=2, door=world.door) as (_, _, url),
        _client(pool, url, world.time) as client,
    ):
        follower = world.follower(pool, url, client)
        _, before = await world.look(follower)
        world.out = spoil
        for odd in ODD:
            event, told = await world.look(follower)
            assert event is not None
            _no_false_figure(told, before)
            for each in told:
                assert each.quality_flags, f"{odd[:9]}: it says that something is wrong"


def _spoilt(value: Any) -> Any:
    """The same with each number, and each text that is one, marked, but for ``code``."""
    if isinstance(value, dict):
        return {key: each if key == "code" else _spoilt(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_spoilt(each) for each in value]
    digits = isinstance(value, str) and value.replace(".", "").isdecimal()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return "odd" if digits or number else value


async def test_a_certificate_that_is_not_trusted_is_told_as_such(
    certificate: tuple[Path, Path],
) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)

    def close(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(close, "127.0.0.1", 0, ssl=context)
    world = World()
    async with server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with _client("ocean", url, world.time) as client:
            follower = world.follower("ocean", url, client)
            await world.look(follower)
    assert "TLS: its certificate is not trusted, self-signed certificate" in (follower.note() or "")


async def test_a_key_without_leave_for_some_calls_tells_what_it_may() -> None:
    """The tokens of F2Pool are for single calls; which comes first decides nothing."""

    def may_see_workers_alone(request: web.Request, said: web.StreamResponse) -> web.StreamResponse:
        if request.path.endswith("worker/list"):
            return said
        return web.json_response({"code": 9, "msg": "auth_error: no permission for demo-key"})

    world = World()
    world.out = may_see_workers_alone
    async with (
        emulated_pools(miners=2, door=world.door) as (site, _, url),
        _client("f2pool", url, world.time) as client,
    ):
        follower = world.follower("f2pool", url, client)
        event, told = await world.look(follower)
        assert event is not None
        assert event.status is PollStatus.UNAUTHORISED
        assert "refuses the key" in (follower.note() or "")
        assert site.asked["f2pool"] == 1, "a wrong key is not tried on every call"
        await world.look(follower)
        event, told = await world.look(follower)
        assert event is not None
        assert event.status is PollStatus.PARTIAL
        assert len(_workers(told)) == 1
        note = follower.note() or ""
        assert "balance: code 9: auth_error: no permission for ***" in note
        assert "workers" not in note
        before = site.asked["f2pool"]
        event, told = await world.look(follower)
        assert len(_workers(told)) == 1
        assert site.asked["f2pool"] == before + 1, "the refused calls rest"
        world.out = None
        await world.time.sleep(600)
        event, told = await world.look(follower)
        assert event is not None
        assert (event.status, follower.note()) == (PollStatus.OK, None)


async def test_a_key_that_is_revoked_is_tried_once_and_then_rests() -> None:
    world = World()
    async with (
        emulated_pools(miners=2, door=world.door) as (site, _, url),
        _client("braiins", url, world.time) as client,
    ):
        follower = world.follower("braiins", url, client)
        _, before = await world.look(follower)
        asked = site.asked["braiins"]
        world.out = _says(403, '{"error": "forbidden"}')
        event, told = await world.look(follower)
        assert event is not None
        assert event.status is PollStatus.UNAUTHORISED
        assert follower.note() == "braiins refuses the key of braiins-main: 403 Forbidden"
        assert site.asked["braiins"] == asked + 1
        _no_false_figure(told, before)
        world.out = None
        await world.time.sleep(600)
        _, told = await world.look(follower)
        assert (_workers(told), follower.note()) == (_workers(before), None)


async def test_an_account_that_the_key_is_not_for_is_named_in_the_pools_words() -> None:
    """F2Pool says the same of a wrong name as of a wrong token; its words tell which it is."""
    world = World()
    said = 'permission denied: permission denied name="minestraem"'
    world.out = lambda *_: web.json_response({"code": 5010, "msg": said})
    async with (
        emulated_pools(miners=2, door=world.door) as (_, _, url),
        _client("f2pool", url, world.time) as client,
    ):
        follower = world.follower("f2pool", url, client)
        with capture_logs() as logs:
            await world.look(follower)
        assert follower.note() == f"f2pool refuses the key of f2pool-main: code 5010: {said}"
        refused = [each["error"] for each in logs if each["event"] == "key_refused"]
        assert refused == [f"code 5010: {said}"]


async def test_an_address_that_nothing_was_mined_to_is_told_and_no_false_figure() -> None:
    world = World()
    async with (
        emulated_pools(miners=2) as (_, _, url),
        _client("ocean", url, world.time) as client,
    ):
        follower = world.follower("ocean", url, client, address="bc1qnobodyhasminedtothisaddress")
        event, told = await world.look(follower)
    assert event is not None
    assert (event.status, told) == (PollStatus.ERROR, [])
    assert "statsnap: No such user or user has no active workers" in (follower.note() or "")


@pytest.mark.parametrize("status", [200, 404])
async def test_of_a_farm_that_stands_still_ocean_says_no_more_and_no_old_figure_is_told(
    status: int,
) -> None:
    world = World()
    async with (
        emulated_pools(miners=2, door=world.door) as (_, _, url),
        _client("ocean", url, world.time) as client,
    ):
        follower = world.follower("ocean", url, client)
        _, told = await world.look(follower)
        assert _workers(told)
        world.out = _says(status, '{"error": "No such user or user has no active workers"}')
        event, told = await world.look(follower)
        assert event is not None
        assert (event.status, event.stale_endpoints, told) == (PollStatus.ERROR, (), [])
        assert "No such user or user has no active workers" in (follower.note() or "")
        world.out = None
        _, told = await world.look(follower)
        assert (bool(_workers(told)), follower.note()) == (True, None)


async def test_an_account_that_was_renamed_is_told_in_the_pools_words() -> None:
    world = World()
    unknown = {"code": 1003, "msg": "not_found: mining user minestream"}
    world.out = lambda *_: web.json_response(unknown)
    async with (
        emulated_pools(miners=2, door=world.door) as (_, _, url),
        _client("f2pool", url, world.time) as client,
    ):
        follower = world.follower("f2pool", url, client)
        event, told = await world.look(follower)
        assert event is not None
        assert (event.status, told) == (PollStatus.ERROR, [])
        assert "code 1003: not_found: mining user minestream" in (follower.note() or "")
