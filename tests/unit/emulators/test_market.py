"""The emulated markets and networks say what real ones say, and can be broken."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.unit.dialects.market_answers import answer

from minestream_dialects.market import normalise_market
from minestream_emulators.beyond import beyond
from minestream_emulators.fleet import Fleet
from minestream_emulators.market.coinmarketcap import KEY
from minestream_emulators.market.sites import DEMO_KEY
from minestream_emulators.market.tape import COINS, Tape
from minestream_emulators.outside import Outside
from minestream_emulators.troubles import Trouble, Troubles
from minestream_emulators.world import WorldPlan
from minestream_schemas.market import CoinIndicators, CoinPrice, NetworkState

SIMPLE: dict[str, str] = {
    "ids": "litecoin,dogecoin,bitcoin",
    "vs_currencies": "usd,btc",
    "include_market_cap": "true",
    "include_24hr_vol": "true",
    "include_24hr_change": "true",
    "include_last_updated_at": "true",
}


@dataclass
class World:
    """Markets whose clock a test moves."""

    at: datetime = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)
    web: httpx.AsyncClient = field(init=False)
    troubles: Troubles = field(init=False)

    def __post_init__(self) -> None:
        self.troubles = Troubles(self.now_s)

    def now_s(self) -> float:
        return self.at.timestamp()

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.web.get(path, **more)

    async def read(self, kind: str, path: str, **more: Any) -> tuple[Any, ...]:
        """What the real parser reads of an answer."""
        got = await self.get(path, **more)
        assert got.status_code == 200
        return normalise_market(answer(kind, got.text, fetched_at=self.at))


@asynccontextmanager
async def running() -> AsyncIterator[World]:
    this = World()
    fleet = Fleet(WorldPlan(miners=1, seed=7), port=0, now=lambda: this.at)
    outside = Outside(fleet, this.troubles)
    async with beyond(outside, "127.0.0.1", 0) as where, httpx.AsyncClient(trust_env=False) as web:
        web.base_url = httpx.URL(f"http://{where[0]}:{where[1]}")
        this.web = web
        yield this


async def test_every_answer_is_read_by_the_real_parser_without_a_doubt() -> None:
    async with running() as world:
        simple = await world.read("simple_price", "/coingecko/api/v3/simple/price", params=SIMPLE)
        asked = {"vs_currency": "usd", "price_change_percentage": "1h,24h,7d"}
        markets = await world.read("coins_markets", "/coingecko/api/v3/coins/markets", params=asked)
        (chart,) = await world.read(
            "market_chart",
            "/coingecko/api/v3/coins/bitcoin/market_chart",
            params={"vs_currency": "usd", "days": "365"},
        )
        (ltc,) = await world.read(
            "litecoinspace", "/network/litecoinspace/api/v1/mining/hashrate/3d"
        )
        (btc,) = await world.read("mempool", "/network/mempool/api/v1/mining/hashrate/3d")
        chains = await world.read("litesolo", "/network/litesolo/api/v1/chains")
    for event in (*simple, *markets, chart, ltc, btc, *chains):
        assert event.quality_flags == ()
    assert [price.coin_id for price in simple] == ["litecoin", "dogecoin", "bitcoin"]
    assert [price.coin_id for price in markets] == ["litecoin", "dogecoin", "bitcoin"]
    assert all(isinstance(price, CoinPrice) and price.ts == world.at for price in simple)
    assert [price.price_usd for price in simple] == [price.price_usd for price in markets]
    assert simple[2].price_btc == 1.0
    assert isinstance(chart, CoinIndicators)
    known = (chart.rsi_14, chart.ma_50_usd, chart.ma_200_usd, chart.volatility_30d_ratio)
    assert all(value is not None for value in known)
    assert 0.1 < (chart.volatility_30d_ratio or 0) < 1.5
    assert (ltc.difficulty, ltc.hashrate_hs) == (chains[0].difficulty, chains[0].hashrate_hs)
    assert isinstance(btc, NetworkState)
    assert (
        chains[0].height
        == 3_030_000
        + (int(world.at.timestamp()) - int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())) // 150
    )


def test_what_the_scrypt_chains_pay_is_near_what_the_emulated_pool_says_it_pays() -> None:
    tape, at_s = Tape(7), datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    per_mh_day = (
        sum(
            tape.price_usd(coin, at_s)
            * coin.subsidy
            * 86_400
            / (tape.difficulty(coin, at_s) * 2**32)
            for coin in (COINS["litecoin"], COINS["dogecoin"])
        )
        * 1e6
    )
    assert per_mh_day == pytest.approx(4.5e-4, rel=0.25)


@pytest.mark.parametrize("coin", COINS.values(), ids=str)
def test_a_price_stays_around_its_level_and_moves(coin: Any) -> None:
    tape, at_s = Tape(7), datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    prices = [tape.price_usd(coin, at_s + i * 60) for i in range(2000)]
    assert all(0.85 < price / coin.price_usd < 1.18 for price in prices)
    assert len(set(prices)) > 1000
    assert prices == [Tape(7).price_usd(coin, at_s + i * 60) for i in range(2000)]
    assert prices[0] != Tape(8).price_usd(coin, at_s)


@pytest.mark.parametrize(
    ("trouble", "status", "retry_after"),
    [
        (Trouble.MARKET_DOWN, 503, None),
        (Trouble.MARKET_429, 429, "6"),
        (Trouble.MARKET_429_BARE, 429, None),
    ],
)
async def test_trouble_strikes_market_and_networks(
    trouble: Trouble, status: int, retry_after: str | None
) -> None:
    async with running() as world:
        world.troubles.begin(trouble, for_s=60)
        for path in ("/coingecko/api/v3/ping", "/network/litesolo/api/v1/chains"):
            got = await world.get(path)
            assert got.status_code == status
            assert got.headers.get("Retry-After") == retry_after
        world.at += timedelta(seconds=61)
        assert (await world.get("/coingecko/api/v3/ping")).status_code == 200


async def test_a_stale_market_answers_the_same_with_the_same_time() -> None:
    async with running() as world:
        path = "/coingecko/api/v3/simple/price"
        before = (await world.get(path, params=SIMPLE)).json()
        world.troubles.begin(Trouble.MARKET_STALE, for_s=None)
        world.at += timedelta(minutes=20)
        assert (await world.get(path, params=SIMPLE)).json() == before
        world.troubles.heal()
        assert (await world.get(path, params=SIMPLE)).json() != before


async def test_one_price_below_zero_leaves_the_others() -> None:
    async with running() as world:
        world.troubles.begin(Trouble.MARKET_NEGATIVE, for_s=None)
        prices = await world.read("simple_price", "/coingecko/api/v3/simple/price", params=SIMPLE)
    assert [price.coin_id for price in prices] == ["dogecoin", "bitcoin"]


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 200, None),
        ({"x-cg-demo-api-key": DEMO_KEY}, 200, None),
        ({"x-cg-demo-api-key": "CG-other"}, 401, 10002),
        ({"x-cg-pro-api-key": DEMO_KEY}, 400, 10010),
    ],
)
async def test_keys_are_looked_at(headers: dict[str, str], status: int, code: int | None) -> None:
    async with running() as world:
        got = await world.get("/coingecko/api/v3/ping", headers=headers)
    assert got.status_code == status
    if code is not None:
        assert got.json()["status"]["error_code"] == code


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("simple/price", {"ids": "litecoin"}, 422),
        ("coins/markets", {}, 422),
        ("coins/nocoin/market_chart", {"days": "3"}, 404),
        ("coins/bitcoin/market_chart", {"days": "max"}, 401),
        ("coins/bitcoin/market_chart", {"days": "366"}, 401),
    ],
)
async def test_a_question_that_the_real_one_refuses_is_refused(
    path: str, params: dict[str, str], status: int
) -> None:
    async with running() as world:
        assert (await world.get(f"/coingecko/api/v3/{path}", params=params)).status_code == status


@pytest.mark.parametrize(
    ("days", "step_s", "points"), [("1", 300.0, 288), ("30", 3600.0, 720), ("365", 86_400.0, 365)]
)
async def test_a_charts_step_follows_from_its_length(days: str, step_s: float, points: int) -> None:
    async with running() as world:
        read: Callable[..., Any] = world.read
        (chart,) = await read(
            "market_chart", "/coingecko/api/v3/coins/bitcoin/market_chart", params={"days": days}
        )
    assert (chart.step_s, chart.points, chart.ts) == (step_s, points + 1, world.at)


async def test_both_markets_and_two_observers_say_the_same_of_one_instant() -> None:
    cap = "/coinmarketcap/v3/cryptocurrency"
    key = {"X-CMC_PRO_API_KEY": KEY}
    async with running() as world:
        gecko = await world.read("simple_price", "/coingecko/api/v3/simple/price", params=SIMPLE)
        quotes = await world.read(
            "quotes", f"{cap}/quotes/latest", params={"id": "2,74,1"}, headers=key
        )
        listings = await world.read("listings", f"{cap}/listings/latest", headers=key)
        litesolo = await world.read("litesolo", "/network/litesolo/api/v1/chains")
        minerstat = await world.read("minerstat", "/network/minerstat/v2/coins")
        refused = await world.get(f"{cap}/quotes/latest", params={"id": "2"})
    said = [
        {price.coin_id: price.price_usd for price in each} for each in (gecko, quotes, listings)
    ]
    assert said[0] == said[1] == said[2]
    assert all(price.quality_flags == () for price in (*quotes, *listings, *minerstat))
    difficulties = {state.coin_id: state.difficulty for state in minerstat}
    assert all(difficulties[state.coin_id] == state.difficulty for state in litesolo)
    assert (refused.status_code, refused.json()["status"]["error_code"]) == (401, 1002)
