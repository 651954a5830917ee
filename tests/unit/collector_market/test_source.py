"""A source is remembered while its answer is fresh, and left alone when it refuses us."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from aiohttp import web
from structlog.testing import capture_logs
from tests.unit.runtime.polite_source import QUICK, Serve, Time, always, each
from tests.unit.runtime.polite_source import Source as Server

from collector_market.adapters.source import Source
from collector_market.adapters.words import Reads, Words, coingecko, coinmarketcap
from collector_market.domain.records import Heard, to_event
from collector_market.domain.wants import Asking, Cadence, wants_of
from minestream_runtime.polite import PoliteClient
from minestream_runtime.usage import Per, Quota, Usage
from minestream_schemas.market import MarketEndpoint
from minestream_schemas.raw import PollStatus

DOGE = Asking("litesolo", MarketEndpoint.NETWORK, "api/v1/chains", (), "dogecoin")
LTC = Asking("litesolo", MarketEndpoint.NETWORK, "api/v1/chains", (), "litecoin")
OTHER = Asking("litesolo", MarketEndpoint.NETWORK, "api/v1/other", (), "litecoin")


@asynccontextmanager
async def source(
    serve: Serve, time: Time, *, reads: Reads | None = None, usage: Usage | None = None
) -> AsyncIterator[tuple[Source, Server]]:
    async with (
        Server(serve).running() as server,
        PoliteClient("x", server.url, time, manners=QUICK, usage=usage, sleep=time.sleep) as client,
    ):
        this = Source("x", "127.0.0.1", client, time, refused_pause_s=600, reads=reads, usage=usage)
        yield this, server


def cmc(code: int | str, **more: object) -> str:
    return json.dumps({"status": {"error_code": code, **more}, "data": []})


async def hear(this: Source, asking: Asking = DOGE) -> Heard | None:
    return await this.hear(asking, fresh_s=270, again_s=100)


async def test_one_answer_serves_whoever_wants_it_until_it_is_no_longer_fresh() -> None:
    time = Time()
    async with source(always(text='{"LTC": 1}'), time) as (this, server):
        first = await hear(this)
        time.at += timedelta(seconds=269)
        assert await hear(this, LTC) == first
        assert len(server.asked) == 1
        time.at += timedelta(seconds=2)
        assert await hear(this, LTC) != first
        assert len(server.asked) == 2


async def test_who_asks_while_an_answer_is_on_its_way_gets_that_one() -> None:
    time = Time()

    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.05)
        return web.json_response({})

    async with source(slow, time) as (this, server):
        one, two = await asyncio.gather(hear(this), hear(this, LTC))
        assert one == two
        assert len(server.asked) == 1


async def test_a_failure_is_kept_too_but_for_a_shorter_time() -> None:
    time = Time()
    async with source(each(always(404), always()), time) as (this, server):
        failed = await hear(this)
        assert failed is not None
        assert failed.status is PollStatus.ERROR
        assert await hear(this) == failed
        assert len(server.asked) == 1
        time.at += timedelta(seconds=101)
        mended = await hear(this)
        assert mended is not None
        assert mended.status is PollStatus.OK


@pytest.mark.parametrize("status", [401, 403])
async def test_after_a_refusal_nothing_is_sent_for_longer_each_time(status: int) -> None:
    time = Time()
    pauses: list[float] = []
    async with source(always(status), time) as (this, server):
        for count in range(1, 8):
            heard = await hear(this)
            assert heard is not None
            assert heard.status is PollStatus.UNAUTHORISED
            assert this.refused
            assert await hear(this, OTHER) is None, "nothing was ever answered"
            assert len(server.asked) == count
            pauses.append(this.held_s(DOGE))
            time.at += timedelta(seconds=this.held_s(DOGE) + 1)
    for pause_s, nominal_s in zip(pauses[:5], (1200, 2400, 4800, 9600, 19_200), strict=True):
        assert nominal_s / 2 <= pause_s <= nominal_s
    assert max(pauses) <= 6 * 3600


async def test_a_source_that_takes_us_again_is_refused_no_more() -> None:
    time = Time()
    async with source(each(always(401), always()), time) as (this, _):
        await hear(this)
        time.at += timedelta(seconds=this.held_s(DOGE) + 1)
        heard = await hear(this)
        assert heard is not None
        assert heard.status is PollStatus.OK
        assert not this.refused
        assert this.held_s(DOGE) == 0


async def test_a_refusal_of_one_thing_leaves_the_others() -> None:
    time = Time()

    async def serve(request: web.Request) -> web.StreamResponse:
        return web.json_response({}, status=401 if request.path.endswith("other") else 200)

    async with source(serve, time) as (this, server):
        await hear(this)
        await hear(this, OTHER)
        assert this.refused
        assert this.held_s(OTHER) >= 600
        assert this.held_s(DOGE) == 0
        time.at += timedelta(seconds=300)
        assert await hear(this, OTHER) is None
        heard = await hear(this)
        assert heard is not None
        assert heard.status is PollStatus.OK
        assert len(server.asked) == 3
        assert this.refused


async def test_a_pause_that_the_source_wants_is_kept() -> None:
    time = Time()
    async with source(each(always(429, Retry_After="60"), always()), time) as (this, server):
        heard = await hear(this)
        assert heard is not None
        assert heard.not_before is not None
        assert this.held_s(OTHER) == pytest.approx(60)
        assert await hear(this, OTHER) is None
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 429])
@pytest.mark.parametrize(
    ("code", "hour", "held_s"),
    [
        (1008, 9, 60),
        ("1008", 9, 60),
        (1009, 22, 2 * 3600),
        (1010, 9, 6 * 3600),
        (1011, 9, 60),
    ],
)
async def test_a_minute_that_is_used_up_is_a_minute_and_a_month_is_hours(
    code: int | str, hour: int, held_s: float, status: int
) -> None:
    time = Time()
    time.at = datetime(2026, 11, 21, hour, tzinfo=UTC)
    limited, well = always(status, text=cmc(code)), always(text=cmc(0))
    until = time.at + timedelta(seconds=held_s)

    async def serve(request: web.Request) -> web.StreamResponse:
        return await (limited if time.at < until else well)(request)

    async with source(serve, time, reads=coinmarketcap) as (this, server):
        heard = await hear(this)
        assert heard is not None
        assert (heard.status, heard.error) == (PollStatus.ERROR, f"error {code}")
        assert this.held_s(DOGE) == pytest.approx(held_s, abs=20)
        assert "is used up; it is asked again at 2026-11-2" in (this.note() or "")
        sent = len(server.asked)
        assert await hear(this, OTHER) is None
        assert len(server.asked) == sent
        time.at = until + timedelta(seconds=400)
        again = await hear(this)
        assert again is not None
        assert again.status is PollStatus.OK
    assert this.note() is None


@pytest.mark.parametrize(("status", "code"), [(401, 1001), (402, 1003), (402, 1004), (403, 1006)])
async def test_a_key_that_is_not_paid_for_is_refused_like_a_wrong_one(
    status: int, code: int
) -> None:
    time = Time()
    async with source(always(status, text=cmc(code)), time, reads=coinmarketcap) as (this, _):
        heard = await hear(this)
        assert heard is not None
        assert (heard.status, heard.error) == (PollStatus.UNAUTHORISED, f"error {code}")
        assert this.refused
        assert this.held_s(OTHER) >= 600


_OTHER_ROOT = "If you are using Demo API key, please change your root URL to api.coingecko.com"


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (
            400,
            {"status": {"error_code": 10011, "error_message": _OTHER_ROOT}},
            f"error 10011: {_OTHER_ROOT}",
        ),
        (
            400,
            {"error_code": 10010, "status": {"error_message": "Pro\nAPI key"}},
            "error 10010: Pro API key",
        ),
        (
            401,
            {"error": {"status": {"error_code": 10012, "error_message": "the past 365 days"}}},
            "error 10012: the past 365 days",
        ),
        (401, {"status": {"error_code": 10002}}, "error 10002"),
        (401, {"error_code": 401, "error": "unauthorised"}, "401 Unauthorized"),
    ],
)
async def test_a_key_of_the_other_plan_is_refused_in_the_markets_words(
    status: int, body: object, error: str
) -> None:
    time = Time()
    async with source(always(status, text=json.dumps(body)), time, reads=coingecko) as (this, _):
        with capture_logs() as logs:
            heard = await hear(this)
        assert heard is not None
        assert (heard.status, heard.error) == (PollStatus.UNAUTHORISED, error)
        assert [(each["event"], each["error"]) for each in logs] == [("source_refuses_us", error)]
        event = to_event(DOGE, heard, UUID(int=7), "collector-market-0")
        assert event.error == error, "each number once"
        assert this.refused
        assert this.held_s(OTHER) >= 600


@pytest.mark.parametrize("status", [400, 429, 500])
async def test_an_error_that_repeats_https_status_is_no_refusal(status: int) -> None:
    time = Time()
    body = json.dumps({"status": {"error_code": status, "error_message": "later"}})
    async with source(always(status, text=body), time, reads=coingecko) as (this, _):
        heard = await hear(this)
        assert heard is not None
        assert heard.status is PollStatus.ERROR
        assert not this.refused


def test_figures_are_no_error_also_of_a_coin_called_status() -> None:
    for body in ({"status": {"usd": 0.02}}, [{"id": "litecoin"}], {"error_code": 0}):
        assert coingecko(json.dumps(body).encode()) == Words()


async def test_a_gate_that_wants_a_browser_is_no_refused_key() -> None:
    time = Time()
    page = always(403, text="<!DOCTYPE html><title>Just a moment...</title>")
    async with source(each(page, page, page, always()), time) as (this, server):
        for count in range(1, 4):
            heard = await hear(this)
            assert heard is not None
            assert heard.status is PollStatus.ERROR
            assert "a web page in place of an answer" in (heard.error or "")
            assert not this.refused
            assert this.held_s(OTHER) == pytest.approx(600), "no longer each time"
            assert await hear(this, OTHER) is None
            assert len(server.asked) == count
            time.at += timedelta(seconds=601)
        well = await hear(this)
        assert well is not None
        assert well.status is PollStatus.OK


async def test_a_gate_after_a_limit_is_not_told_as_that_limit() -> None:
    time = Time()
    answers = each(always(text=cmc(1008)), always(403, text="<!DOCTYPE html>"))
    async with source(answers, time, reads=coinmarketcap) as (this, _):
        await hear(this)
        assert "limit per minute" in (this.note() or "")
        time.at += timedelta(seconds=601)
        await hear(this)
        assert this.held_s(DOGE) == pytest.approx(600)
        assert this.note() is None


@pytest.mark.parametrize("market", ["coingecko", "coinmarketcap"])
async def test_at_the_end_of_a_scarce_month_prices_go_on_and_the_others_rest(market: str) -> None:
    time = Time()
    cadence = Cadence(300, 900, 3600, 600, 900, 3600)
    wants = [want.askings[0] for want in wants_of(["litecoin"], [market], cadence)]
    usage = Usage("x", time, quotas=(Quota(Per.MONTH, 20, kept=2),))
    assert usage.take(19) is None
    async with source(always(text="{}"), time, usage=usage) as (this, server):
        heard = {asking.endpoint: await hear(this, asking) is not None for asking in wants}
    assert [endpoint for endpoint, told in heard.items() if told] == [wants[0].endpoint]
    assert len(heard) == 3
    assert len(server.asked) == 1


async def test_credits_are_what_the_market_says_and_none_for_an_error() -> None:
    time = Time()
    usage = Usage("x", time, quotas=(Quota(Per.MONTH, 100),), free={"error"})
    answers = each(always(200, text=cmc(400)), always(text=cmc(0, credit_count=3)))
    async with source(answers, time, reads=coinmarketcap, usage=usage) as (this, _):
        await hear(this)
        assert usage.left() == {Per.MONTH: 100}
        await hear(this, OTHER)
        assert usage.left() == {Per.MONTH: 97}
