"""What there is to ask follows from coins, sources and cadence; failures do not hammer."""

import pytest

from collector_market.domain.wants import (
    Asking,
    Cadence,
    Want,
    credits_per_month,
    wait_s,
    wants_of,
)
from minestream_schemas.market import MarketEndpoint

CADENCE = Cadence(
    price_s=300, coins_s=900, chart_s=3600, network_s=300, listings_s=900, totals_s=3600
)
ALL = ("coingecko", "litecoinspace", "mempool", "litesolo", "minerstat")
COINS = ("litecoin", "dogecoin", "bitcoin")


def askings(name: str, sources: tuple[str, ...] = ALL) -> list[str]:
    wants = {want.name: want for want in wants_of(COINS, sources, CADENCE)}
    return [asking.subject for asking in wants[name].askings] if name in wants else []


def test_all_that_is_wanted_of_three_coins() -> None:
    wants = wants_of(COINS, ALL, CADENCE)
    assert {want.name: want.every_s for want in wants} == {
        "market/simple_price": 300,
        "market/network/litecoin": 300,
        "market/network/dogecoin": 300,
        "market/network/bitcoin": 300,
        "market/coins_markets": 900,
        "market/market_chart/litecoin": 3600,
        "market/market_chart/dogecoin": 3600,
        "market/market_chart/bitcoin": 3600,
    }
    assert wants[0].name == "market/simple_price", "what is most urgent is asked first"


def test_each_chain_has_at_least_two_sources() -> None:
    assert askings("market/network/litecoin") == [
        "litecoinspace/network/litecoin",
        "litesolo/network/litecoin",
        "minerstat/network/litecoin",
    ]
    assert askings("market/network/dogecoin") == [
        "litesolo/network/dogecoin",
        "minerstat/network/dogecoin",
    ]
    assert askings("market/network/bitcoin") == [
        "mempool/network/bitcoin",
        "minerstat/network/bitcoin",
    ]


def test_of_two_markets_the_one_named_first_is_asked_and_the_other_when_it_fails() -> None:
    both = ("coingecko", "coinmarketcap")
    gecko, cap = "coingecko/simple_price", "coinmarketcap/quotes"
    assert askings("market/simple_price", both) == [gecko, cap]
    assert askings("market/simple_price", both[::-1]) == [cap, gecko]
    assert askings("market/simple_price", both[1:]) == [cap]
    assert askings("market/listings", both) == ["coinmarketcap/listings"]
    assert askings("market/global", both) == ["coinmarketcap/global"]
    assert askings("market/listings", both[:1]) == []


def test_coinmarketcap_is_asked_by_number_and_for_other_coins_by_slug() -> None:
    def asked(*coins: str) -> tuple[str, str]:
        return wants_of(coins, ("coinmarketcap",), CADENCE)[0].askings[0].params[0]

    assert asked("litecoin", "dogecoin", "bitcoin") == ("id", "2,74,1")
    assert asked("litecoin", "monero") == ("slug", "litecoin,monero")


def test_what_a_month_costs_is_known_beforehand() -> None:
    fallback = wants_of(COINS, ("coingecko", "coinmarketcap"), CADENCE)
    assert credits_per_month(fallback, "coinmarketcap") == 2880 + 720
    first = wants_of(COINS, ("coinmarketcap",), CADENCE)
    assert credits_per_month(first, "coinmarketcap") == 8640 + 2880 + 720
    assert credits_per_month(first, "coinmarketcap", urgent=True) == 8640, "prices"
    assert credits_per_month(fallback, "coinmarketcap", urgent=True) == 0
    many = wants_of([f"coin-{number}" for number in range(101)], ("coinmarketcap",), CADENCE)
    assert many[0].askings[0].cost == 2, "a credit buys a hundred coins"


def test_only_sources_that_may_be_asked_are() -> None:
    assert askings("market/network/litecoin", ("litesolo",)) == ["litesolo/network/litecoin"]
    assert askings("market/network/bitcoin", ("litesolo",)) == []
    assert askings("market/simple_price", ("litesolo", "mempool")) == []
    assert wants_of(COINS, (), CADENCE) == ()


def test_a_coin_that_no_network_source_knows_has_prices_alone() -> None:
    names = {want.name for want in wants_of(("monero",), ALL, CADENCE)}
    assert names == {"market/simple_price", "market/coins_markets", "market/market_chart/monero"}


def test_one_question_is_for_all_coins_and_asks_for_every_figure() -> None:
    simple = wants_of(COINS, ALL, CADENCE)[0].askings[0]
    asked = dict(simple.params)
    assert (simple.path, asked["ids"]) == ("simple/price", "litecoin,dogecoin,bitcoin")
    assert asked["vs_currencies"] == "usd,btc"
    told = {name for name, value in asked.items() if value == "true"}
    assert told == {
        "include_market_cap",
        "include_24hr_vol",
        "include_24hr_change",
        "include_last_updated_at",
    }


def test_two_wants_of_litesolo_are_one_question() -> None:
    wants = {want.name: want for want in wants_of(COINS, ALL, CADENCE)}
    fallback, own = (
        wants["market/network/litecoin"].askings[1],
        wants["market/network/dogecoin"].askings[0],
    )
    assert (fallback.path, fallback.params) == (own.path, own.params)
    assert fallback.subject != own.subject


WANT = Want("w", 300, (Asking("s", MarketEndpoint.NETWORK, "p"),), changes=False)
CHART = Want("w", 3600, (Asking("s", MarketEndpoint.MARKET_CHART, "p"),), changes=True)


@pytest.mark.parametrize(
    ("want", "now_s", "answered", "held_s", "expected_s"),
    [
        (WANT, 1002, True, 0, 298),  # on the beat, however long the round took
        (WANT, 1301, True, 0, 299),
        (WANT, 1300, True, 0, 300),
        (WANT, 1750, True, 0, 150),  # a round that was missed is not made up for
        (WANT, 1002, False, 0, 298),
        (CHART, 1002, False, 0, 300),  # an hour would be long
        (CHART, 1002, False, 60, 300),
        (CHART, 1002, False, 1000, 1000),  # the source's word counts
        (WANT, 1002, False, 5000, 5000),
        (WANT, 1002, True, 5000, 298),
    ],
)
def test_when_the_next_round_is(
    want: Want, now_s: float, *, answered: bool, held_s: float, expected_s: float
) -> None:
    waited_s = wait_s(want, began_s=1000, now_s=now_s, answered=answered, held_s=held_s)
    assert waited_s == pytest.approx(expected_s)
