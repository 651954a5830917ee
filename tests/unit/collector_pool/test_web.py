"""What is asked over HTTP, when, and with what."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import pytest
from aiohttp import web

from collector_pool.adapters.service import MANNERS, clients
from collector_pool.adapters.standing import Standing
from collector_pool.adapters.web import Web, polls_of
from collector_pool.domain.profiles import Profile
from collector_pool.domain.sayings import Saying
from collector_pool.settings import PoolSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.usage import Usage
from minestream_schemas.pool import PoolMessage
from minestream_schemas.raw import PollStatus

GOOD = {"code": 200, "data": {}}
BAD_KEY = {"code": 400, "data": None, "message": "Invalid API key my-key"}


@dataclass
class Far:
    """The far side, and what it was asked."""

    answers: dict[str, Any]
    asked: list[tuple[str, str, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        bearer = request.headers.get("Authorization", "")
        self.asked.append((request.path, request.query_string, bearer))
        return web.json_response(self.answers.get(request.path.rpartition("/")[2], GOOD))

    async def missing(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, "", ""))
        return web.Response(status=404)

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


class Gate(Far):
    """What stands before the far side."""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, "", ""))
        return web.Response(status=403, text="<html>Just a moment...", content_type="text/html")


@dataclass
class Told:
    """In place of the way to Kafka."""

    sayings: list[Saying] = field(default_factory=list)
    fed: list[bool] = field(default_factory=list)

    async def publish(self, sayings: Iterable[Saying], *, updating: bool = True) -> None:
        self.sayings += sayings
        self.fed.append(updating)


@asynccontextmanager
async def asking(
    far: Far, *, feed: bool = True, **more: Any
) -> AsyncIterator[tuple[Standing, Told]]:
    """The polls of one account, at work."""
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", far.answer)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    state = TemporaryDirectory()
    settings = PoolSettings(
        pool_profile="live" if feed else "proxy",
        pool_api_key=cast("Any", "my-key"),
        pool_http_url=f"{base}/api/v1",
        pool_proxy_url=f"{base}/proxy",
        **{"state_dir": state.name, **more},
    )
    profile = settings.profile()
    assert profile is not None
    standing, told, clock = Standing("prohashing-main", 60.0), Told(), SystemClock()
    try:
        async with clients(settings, profile, clock) as (http, proxy):
            polls = polls_of(settings, http, proxy, feed=feed)
            web_side = Web(settings, polls, standing, cast("Any", told), clock)
            task = asyncio.ensure_future(web_side.run())
            yield standing, told
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    finally:
        await runner.cleanup()
        state.cleanup()


async def until(true: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - the polls' own turns
            await asyncio.sleep(0.02)


async def test_while_the_feed_is_there_only_what_it_does_not_tell_is_asked_for() -> None:
    far = Far({})
    async with asking(far) as (standing, _):
        standing.joined()
        await until(lambda: len(far.asked) == 2)
        await asyncio.sleep(0.2)
        assert set(far.paths()) == {"/api/v1/status", "/api/v1/wallet"}, "fees and payouts"
        standing.down.set()
        await until(lambda: len(far.asked) == 6)
    assert set(far.paths()) == {
        "/api/v1/status",
        "/api/v1/wallet",
        "/api/v1/walletEx",
        "/proxy/status",
        "/proxy/profitability",
    }


@pytest.mark.parametrize(
    ("feed", "rates_s", "always"),
    [(True, 900.0, {"status", "wallet"}), (False, 60.0, {"status", "wallet", "walletEx", "rates"})],
)
async def test_each_thing_is_asked_for_as_often_as_the_contract_says(
    tmp_path: Path, *, feed: bool, rates_s: float, always: set[str]
) -> None:
    settings = PoolSettings(pool_api_key=cast("Any", "my-key"), state_dir=tmp_path)
    profile = Profile(http_url="http://127.0.0.1:1", proxy_url="http://127.0.0.1:1")
    async with clients(settings, profile, SystemClock()) as (http, proxy):
        polls = polls_of(settings, http, proxy, feed=feed)
    asked = [
        ("rates" if poll.client is proxy else poll.path, poll.every_s, poll.always)
        for poll in polls
    ]
    hourly = [("wallet", 3600.0, True)] if feed else []
    assert sorted(asked) == sorted(
        [
            ("status", 300.0, True),
            ("wallet", 60.0, not feed),
            ("walletEx", 60.0, not feed),
            ("rates", rates_s, not feed),
            ("rates", rates_s, not feed),
            *hourly,
        ]
    )
    assert {name for name, _, steadily in asked if steadily} == always
    assert MANNERS.deadline_s == 10.0


async def test_the_key_goes_with_what_needs_it_and_to_the_proxy_as_bearer() -> None:
    far = Far({})
    async with asking(far, feed=False):
        await until(lambda: len(far.asked) == 5)
    for path, query, bearer in far.asked:
        assert query == ("apiKey=my-key" if "wallet" in path else "")
        assert bearer == ("Bearer my-key" if path.startswith("/proxy") else "")


async def test_a_refused_key_rests_and_is_not_quoted() -> None:
    far = Far({"wallet": BAD_KEY, "walletEx": BAD_KEY})
    async with asking(far, feed=False, pool_account_every_s=1.0) as (standing, told):
        await until(lambda: len(far.asked) == 5)
        await asyncio.sleep(1.3)
        assert standing.note() == "the pool refuses the account's key"
    assert far.paths().count("/api/v1/wallet") == 1, "not asked again within ten minutes"
    refused = [each for each in told.sayings if each.status is PollStatus.UNAUTHORISED]
    assert {each.message for each in refused} == {PoolMessage.WALLET, PoolMessage.WORKER}
    assert all(each.error == "code 400" and each.body is None for each in refused)


async def test_a_gate_that_wants_a_browser_is_no_refused_key() -> None:
    async with asking(Gate({})) as (standing, told):
        standing.joined()
        await until(lambda: len(told.sayings) >= 2)
        assert standing.note() is None
    assert {each.status for each in told.sayings} == {PollStatus.ERROR}
    assert all("a web page in place of an answer" in (each.error or "") for each in told.sayings)


@pytest.mark.parametrize("alive", [True, False])
async def test_rates_of_a_proxy_that_is_not_fed_are_nothing_fresh(*, alive: bool) -> None:
    far = Far({"status": {"code": 200, "connected": True, "updating": alive}})
    async with asking(far, feed=False) as (_, told):
        await until(lambda: len(told.fed) >= 5)
    assert (False in told.fed) is not alive


class Later(SystemClock):
    """The machine's clock, and a while later."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


async def test_a_pool_that_is_away_five_times_in_a_row_rests_for_a_minute(tmp_path: Path) -> None:
    far, clock = Far({"status": None}), Later()
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", far.missing)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    settings = PoolSettings(pool_profile="proxy", pool_proxy_url=base, state_dir=tmp_path)
    told = cast("Any", Told())
    async with clients(settings, Profile(proxy_url=base), clock) as (_, proxy):
        polls = polls_of(settings, None, proxy, feed=False)
        side = Web(settings, polls, Standing("prohashing-main", 60.0), told, clock)
        for _ in range(8):
            await side._ask(polls[0])
        assert len(far.asked) == 5
        clock.ahead_s = 61.0
        await side._ask(polls[0])
        await side._ask(polls[0])
        assert len(far.asked) == 6, "one question tells whether it is well again"
    await runner.cleanup()


async def test_no_hour_has_more_calls_than_its_quota_over_a_restart_too(tmp_path: Path) -> None:
    settings = PoolSettings(
        pool_profile="proxy", state_dir=tmp_path, pool_calls_per_hour=3, pool_proxy_url="http://a"
    )
    clock = SystemClock()
    taken = []
    for _ in range(2):
        async with clients(settings, Profile(proxy_url="http://127.0.0.1:1"), clock) as (_, proxy):
            assert proxy is not None
            taken += [(await proxy.ask("status")).tries for _ in range(3)]
    assert sum(taken) == 3
    assert taken[-1] == 0


async def test_workers_are_asked_for_with_what_is_kept_before_they_are_too_old(
    tmp_path: Path,
) -> None:
    more: dict[str, Any] = {"state_dir": tmp_path, "pool_calls_per_hour": 30}
    settings = PoolSettings(pool_profile="proxy", pool_proxy_url="http://a", **more)
    state = tmp_path / f"{settings.collector_id}.prohashing.usage"
    assert Usage("prohashing", SystemClock(), state=state).take(27) is None
    far = Far({"walletEx": {"code": 200, "data": {"miners": []}}})
    async with asking(far, **more, pool_account_every_s=1) as (standing, told):
        standing.down.set()
        await until(lambda: PoolMessage.WORKER in _kept_back(told))
    assert far.paths() == ["/api/v1/walletEx"], "they are fresh now, and wait as the others"
    assert _kept_back(told) >= {PoolMessage.WALLET, PoolMessage.STATUS}


def _kept_back(told: Told) -> set[PoolMessage]:
    return {each.message for each in told.sayings if "kept for urgent" in (each.error or "")}


def test_no_hour_can_have_4500_calls_whatever_the_intervals_are() -> None:
    assert 2 * MANNERS.calls_per_min * 60 < 4500, "two sources share one address"
