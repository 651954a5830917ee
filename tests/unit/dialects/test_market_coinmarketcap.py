"""S0-2.3-cmc, S0-3.3-coin-ids: CoinMarketCap's shapes, and which of its coins are ours."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.dialects.market_answers import answer, recorded

from minestream_dialects.market import normalise_market
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.market import CoinPrice, NetworkState

SHAPES = (
    "v1_listings_latest_assembled",
    "v2_quotes_latest_by_id_assembled",
    "v2_quotes_latest_by_symbol_assembled",
    "v3_quotes_latest_assembled",
)


def prices(body: Any, kind: str = "quotes") -> list[CoinPrice]:
    found = normalise_market(answer(kind, body))
    return [event for event in found if isinstance(event, CoinPrice)]


def coin(**fields: Any) -> dict[str, Any]:
    quote = {"symbol": "USD", "price": 82.1, "last_updated": "2026-11-21T14:29:00.000Z"}
    return {"id": 2, "symbol": "LTC", "slug": "litecoin", "quote": [quote], **fields}


def body(*coins: dict[str, Any], code: object = 0) -> dict[str, Any]:
    return {"status": {"error_code": code}, "data": list(coins)}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_gives_the_same_price(shape: str) -> None:
    (price,) = prices(recorded(f"coinmarketcap_{shape}"))
    assert (price.coin_id, price.symbol, price.source) == ("litecoin", "LTC", "coinmarketcap")
    assert (price.price_usd, price.market_cap_usd, price.volume_24h_usd) == (82.1, 6.2e9, 4.1e8)
    assert price.change_1h_ratio == pytest.approx(0.0011)
    assert price.change_24h_ratio == pytest.approx(0.0125)
    assert price.change_7d_ratio == pytest.approx(-0.025)
    assert price.ts == datetime(2026, 7, 3, 9, 59, tzinfo=UTC)
    assert price.quality_flags == ()


@pytest.mark.parametrize("name", ["error_1001_401", "error_1008_429"])
def test_an_error_that_comes_with_200_is_told_by_its_number(name: str) -> None:
    said = json.loads(recorded(f"coinmarketcap_{name}"))["status"]["error_code"]
    for kind in ("quotes", "listings", "global"):
        with pytest.raises(UnreadableError, match=f"error {said}"):
            normalise_market(answer(kind, recorded(f"coinmarketcap_{name}")))


def test_an_error_number_as_text_is_one_too() -> None:
    with pytest.raises(UnreadableError, match="error 1010"):
        prices(body(coin(), code="1010"))
    assert prices(body(coin(), code="0"))


def test_a_namesake_is_not_taken_for_our_coin() -> None:
    namesake = coin(id=31_337, slug="litecoin")
    with pytest.raises(UnreadableError, match="no coin of ours"):
        prices(body(namesake))
    with pytest.raises(UnreadableError, match=r"litecoin\.symbol"):
        prices(body(coin(symbol="XYZ")))
    (price,) = prices(body(namesake, coin()))
    assert price.coin_id == "litecoin"


def test_a_coin_whose_number_we_do_not_know_goes_by_its_slug() -> None:
    (price,) = prices(body(coin(id=328, symbol="xmr", slug="monero")))
    assert (price.coin_id, price.symbol) == ("monero", "XMR")


@pytest.mark.parametrize("bad", [None, -1, 0, "82.1", True, 1e400])
def test_a_coin_without_a_possible_price_is_dropped_and_told(bad: object) -> None:
    broken = coin(id=74, symbol="DOGE", quote=[{"symbol": "USD", "price": bad}])
    (price,) = prices(body(coin(), broken))
    assert "field_invalid:dogecoin.price_usd" in price.quality_flags


def test_the_whole_market_is_kept_and_gives_no_price() -> None:
    assert prices({"status": {"error_code": 0}, "data": {"quote": {}}}, "global") == []
    with pytest.raises(UnreadableError):
        prices({"status": {"error_code": 0}, "data": []}, "global")


def test_minerstat_says_each_chain_and_minus_one_where_it_does_not_know() -> None:
    (state,) = normalise_market(answer("minerstat", recorded("minerstat_v2_coins_assembled")))
    assert isinstance(state, NetworkState)
    assert (state.coin_id, state.source, state.difficulty) == ("litecoin", "minerstat", 1.08e8)
    assert (state.hashrate_hs, state.block_reward_coins) == (3.12e15, 6.25)
    said = {"coin": "DOGE", "algorithm": "Scrypt", "difficulty": 5.7e7, "network_hashrate": -1}
    other = {"coin": "LTC", "algorithm": "SHA-256", "difficulty": 1.0}
    (state,) = normalise_market(answer("minerstat", [said | {"reward_block": -1}, other]))
    assert isinstance(state, NetworkState)
    assert (state.coin_id, state.hashrate_hs, state.block_reward_coins) == ("dogecoin", None, 10e3)
    assert state.quality_flags == ("field_missing:hashrate_hs",)
