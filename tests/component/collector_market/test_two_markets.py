"""S0-2.4-market-care: one market stands in for the other, and credits are counted."""

from tests.component.collector_market.market_line import MarketLine, Markets
from tests.component.collector_market.test_market import said

from minestream_dialects.market import normalise_market
from minestream_emulators.market.coinmarketcap import KEY
from minestream_emulators.troubles import Trouble
from minestream_schemas.market import CoinPrice, MarketEndpoint

GECKO, CAP = "coingecko/simple_price", "coinmarketcap/quotes"
COINS = {"litecoin", "dogecoin", "bitcoin"}


async def test_the_second_market_stands_in_for_the_first_and_steps_back(
    line: MarketLine, markets: Markets
) -> None:
    sources = {"MINESTREAM_MARKET_SOURCES": "coinmarketcap,coingecko"}
    line.start(**markets.with_coinmarketcap, **sources)
    seen = await line.measured(lambda seen: seen.get(said(CAP, "ok"), 0) >= 2)
    assert said(GECKO, "ok") not in seen, "as long as the first answers, the second is left alone"
    markets.troubles.begin(Trouble.COINMARKETCAP_DOWN, for_s=None)
    seen = await line.measured(lambda seen: seen.get(said(GECKO, "ok"), 0) >= 1)
    markets.troubles.heal()
    been = seen[said(CAP, "ok")]
    await line.measured(lambda seen: seen[said(CAP, "ok")] > been)
    answers = await line.answers()
    prices = [
        event
        for raw in answers
        if raw.endpoint in (MarketEndpoint.SIMPLE_PRICE, MarketEndpoint.QUOTES)
        for event in normalise_market(raw)
        if isinstance(event, CoinPrice)
    ]
    by_source = {
        source: {event.coin_id for event in prices if event.source == source}
        for source in ("coingecko", "coinmarketcap")
    }
    assert by_source == {"coingecko": COINS, "coinmarketcap": COINS}, "one name for each coin"
    assert KEY not in (line.folder / "log-0").read_text()
    assert not any(KEY in answer.to_json().decode() for answer in answers)


async def test_credits_are_counted_over_a_restart_and_not_overdrawn(
    line: MarketLine, markets: Markets
) -> None:
    environment = {
        **markets.with_coinmarketcap,
        "MINESTREAM_MARKET_SOURCES": "coinmarketcap",
        "MINESTREAM_CMC_CREDITS_PER_MONTH": "5",
        "MINESTREAM_CMC_LISTINGS_EVERY_S": "3600",
        "MINESTREAM_CMC_GLOBAL_EVERY_S": "3600",
    }
    left = 'minestream_source_quota_left{per="month",source="coinmarketcap"}'
    process = line.start(**environment)
    await line.measured(lambda seen: seen.get(left, 5) <= 2)
    process.terminate()
    process.wait(60)
    assert line.logged("quota_too_small"), "it is said at once, not at the month's end"
    line.start(**environment)
    refused = 'minestream_source_calls_total{outcome="quota",source="coinmarketcap"}'
    await line.measured(lambda seen: seen.get(left) == 0 and seen.get(refused, 0) > 0)
    assert line.logged("source_quota_used_up")
    assert markets.asked()["coinmarketcap"] <= 5


async def test_a_limit_that_comes_with_200_is_a_limit(line: MarketLine, markets: Markets) -> None:
    markets.troubles.begin(Trouble.COINMARKETCAP_LIMIT, for_s=None)
    sources = {"MINESTREAM_MARKET_SOURCES": "coinmarketcap,coingecko"}
    line.start(**markets.with_coinmarketcap, **sources)
    await line.measured(lambda seen: seen.get(said(GECKO, "ok"), 0) >= 2)
    limited = [answer for answer in await line.answers() if answer.source == "coinmarketcap"]
    assert limited
    assert all("1008" in (answer.error or "") for answer in limited)
