"""Recorded answers become prices and network states; what is impossible is dropped and told."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.dialects.market_answers import AT, KINDS, answer, recorded

from minestream_dialects.market import normalise_market
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.market import CoinIndicators, CoinPrice, NetworkState, RawMarket
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

LTC = {
    "usd": 82.1,
    "btc": 0.00095,
    "usd_market_cap": 6.2e9,
    "usd_24h_vol": 4.1e8,
    "usd_24h_change": 1.25,
    "last_updated_at": int(AT.timestamp()) - 19,
}
CHAIN = {"height": 3_000_000, "hash_rate": 3.1e15, "difficulty": 1.08e8, "subsidy": 6.25}


def prices(raw: RawMarket) -> list[CoinPrice]:
    found = normalise_market(raw)
    assert all(isinstance(event, CoinPrice) for event in found)
    return [event for event in found if isinstance(event, CoinPrice)]


def networks(raw: RawMarket) -> list[NetworkState]:
    found = normalise_market(raw)
    assert all(isinstance(event, NetworkState) for event in found)
    return [event for event in found if isinstance(event, NetworkState)]


def test_the_official_example_of_simple_price_is_a_price() -> None:
    (price,) = prices(answer("simple_price", recorded("simple_price")))
    assert (price.coin_id, price.symbol, price.source) == ("bitcoin", "BTC", "coingecko")
    assert price.price_usd == 76975
    assert price.price_btc is None, "it was not said"
    assert price.market_cap_usd == 1542226908349.8406
    assert price.volume_24h_usd == 29096603418.89408
    assert price.change_24h_ratio == pytest.approx(-0.014093297098441402)
    assert price.ts == datetime.fromtimestamp(1779092258, UTC)
    assert price.fetched_at == AT
    assert price.quality_flags == ()


def test_a_price_in_bitcoin_is_taken_when_it_is_said() -> None:
    (price,) = prices(answer("simple_price", {"litecoin": LTC}))
    assert price.price_btc == 0.00095
    assert price.ts == AT - timedelta(seconds=19)


def test_the_official_example_of_markets_is_a_price_with_its_changes() -> None:
    price = prices(answer("coins_markets", recorded("coins_markets")))[0]
    assert (price.coin_id, price.symbol, price.price_usd) == ("bitcoin", "BTC", 77671)
    assert price.market_cap_usd == 1555886872303
    assert price.volume_24h_usd == 33235034316
    assert price.change_24h_ratio == pytest.approx(-0.0095301647)
    assert price.price_btc is None, "this answer is in USD, and the first coin need not be bitcoin"


def test_changes_of_an_hour_a_day_and_a_week_are_ratios_and_null_is_missing() -> None:
    litecoin, dogecoin = prices(
        answer("coins_markets", recorded("coins_markets_ltc_doge_assembled"))
    )
    assert litecoin.change_1h_ratio == pytest.approx(0.0011)
    assert litecoin.change_24h_ratio == pytest.approx(0.0125)
    assert litecoin.change_7d_ratio is None
    assert "field_missing:change_7d_ratio" in litecoin.quality_flags
    assert litecoin.ts == datetime(2026, 9, 20, 12, tzinfo=UTC)
    assert (dogecoin.symbol, dogecoin.price_usd) == ("DOGE", 0.0999)


def test_litesolo_says_both_scrypt_chains() -> None:
    litecoin, dogecoin = networks(answer("litesolo", recorded("litesolo_chains")))
    assert (litecoin.coin_id, litecoin.algorithm) == ("litecoin", Algorithm.SCRYPT)
    assert (litecoin.difficulty, litecoin.hashrate_hs) == (20785580.478287995, 648533943117000)
    assert litecoin.block_reward_coins == 12.5, "as it was said, of 2022"
    assert (litecoin.block_time_s, litecoin.height) == (150.0, 2396260)
    assert (dogecoin.coin_id, dogecoin.block_reward_coins) == ("dogecoin", 10000)
    assert dogecoin.block_time_s == 60.0
    assert litecoin.ts == AT
    assert litecoin.quality_flags == dogecoin.quality_flags == ()


def test_litesolo_asked_about_one_coin_says_that_one() -> None:
    (state,) = networks(answer("litesolo", recorded("litesolo_chains"), coin_id="dogecoin"))
    assert state.coin_id == "dogecoin"


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (
            "litecoinspace",
            "litecoinspace_mining_hashrate_3d_assembled",
            ("litecoin", "LTC", Algorithm.SCRYPT, 1.08e8, 3.12e15, 6.25, 150.0),
        ),
        (
            "mempool",
            "mempool_space_mining_hashrate_3d",
            ("bitcoin", "BTC", Algorithm.SHA256D, 1.3276e14, 9.34e20, 3.125, 600.0),
        ),
    ],
)
def test_what_a_chain_does_not_say_of_itself_is_a_protocol_fact(
    kind: str, body: str, expected: tuple[Any, ...]
) -> None:
    (state,) = networks(answer(kind, recorded(body)))
    said = (state.coin_id, state.symbol, state.algorithm, state.difficulty, state.hashrate_hs)
    assert (*said, state.block_reward_coins, state.block_time_s) == expected
    assert state.height is None
    assert state.quality_flags == ()


@pytest.mark.parametrize(
    "bad", [-82.1, 0, -0.0, 1e12, 1e-30, math.nan, math.inf, None, "82.1", True, [82.1], {}]
)
def test_a_coin_without_a_possible_price_gives_no_event_and_the_others_say_so(bad: object) -> None:
    doge = LTC | {"usd": 0.1}
    body = {"litecoin": LTC | {"usd": bad}, "dogecoin": doge}
    (price,) = prices(answer("simple_price", body))
    assert price.coin_id == "dogecoin"
    assert "field_invalid:litecoin.price_usd" in price.quality_flags
    with pytest.raises(UnreadableError, match=r"litecoin\.price_usd"):
        normalise_market(answer("simple_price", {"litecoin": LTC | {"usd": bad}}))


@pytest.mark.parametrize(
    ("theirs", "ours", "bad"),
    [
        ("usd_market_cap", "market_cap_usd", -1.0),
        ("usd_market_cap", "market_cap_usd", math.nan),
        ("usd_24h_vol", "volume_24h_usd", 1e30),
        ("usd_24h_change", "change_24h_ratio", -101.0),
        ("usd_24h_change", "change_24h_ratio", "1.2"),
        ("btc", "price_btc", 0.0),
        ("btc", "price_btc", -1.0),
    ],
)
def test_an_impossible_field_costs_itself_alone(theirs: str, ours: str, bad: object) -> None:
    (price,) = prices(answer("simple_price", {"litecoin": LTC | {theirs: bad}}))
    assert price.price_usd == 82.1
    assert getattr(price, ours) is None
    assert f"field_invalid:{ours}" in price.quality_flags


def test_a_volume_of_zero_is_said_zero_and_a_null_is_missing() -> None:
    coin = LTC | {"usd_24h_vol": 0, "usd_market_cap": None}
    (price,) = prices(answer("simple_price", {"litecoin": coin}))
    assert price.volume_24h_usd == 0.0
    assert price.market_cap_usd is None
    assert price.quality_flags == ("field_missing:market_cap_usd",)


@pytest.mark.parametrize(
    ("at", "flag"),
    [
        (None, "field_missing:ts"),
        (-5, "field_invalid:ts"),
        (math.nan, "field_invalid:ts"),
        (10**400, "field_invalid:ts"),
        (AT.timestamp() + 3600, "field_invalid:ts"),
        (AT.timestamp() * 1000, "field_invalid:ts"),
        ("soon", "field_invalid:ts"),
    ],
)
def test_a_time_that_cannot_be_is_replaced_by_when_it_was_fetched(at: object, flag: str) -> None:
    (price,) = prices(answer("simple_price", {"litecoin": LTC | {"last_updated_at": at}}))
    assert price.ts == AT
    assert set(price.quality_flags) - {"repaired"} == {flag}


def test_an_old_price_keeps_its_own_time() -> None:
    old = LTC | {"last_updated_at": AT.timestamp() - 86_400}
    (price,) = prices(answer("simple_price", {"litecoin": old}))
    assert price.ts == AT - timedelta(days=1)
    assert price.quality_flags == ()


@pytest.mark.parametrize("bad", [0, -1.08e8, math.nan, math.inf, None, "1e8", 1e30])
def test_a_chain_without_a_possible_difficulty_gives_no_event(bad: object) -> None:
    body = {"LTC": CHAIN | {"difficulty": bad}, "DOGE": {"difficulty": 3.5e7}}
    (state,) = networks(answer("litesolo", body))
    assert state.coin_id == "dogecoin"
    assert "field_invalid:litecoin.difficulty" in state.quality_flags
    with pytest.raises(UnreadableError, match="difficulty"):
        normalise_market(answer("litecoinspace", {"currentDifficulty": bad}))


@pytest.mark.parametrize(
    ("theirs", "ours", "bad", "instead"),
    [
        ("hash_rate", "hashrate_hs", -1.0, None),
        ("hash_rate", "hashrate_hs", 3.1e12, None),  # kH/s
        ("subsidy", "block_reward_coins", -6.25, 6.25),
        ("subsidy", "block_reward_coins", 0, 6.25),
        ("subsidy", "block_reward_coins", 10_000, 6.25),
        ("height", "height", -3, None),
        ("height", "height", 1.5, None),
    ],
)
def test_an_impossible_field_of_a_chain_costs_itself_alone(
    theirs: str, ours: str, bad: object, instead: object
) -> None:
    (state,) = networks(answer("litesolo", {"LTC": CHAIN | {theirs: bad}}))
    assert state.difficulty == 1.08e8
    assert getattr(state, ours) == instead
    assert state.quality_flags == (f"field_invalid:{ours}",)


@pytest.mark.parametrize("status", [each for each in PollStatus if each is not PollStatus.OK])
def test_what_failed_says_nothing(status: PollStatus) -> None:
    assert normalise_market(answer("simple_price", "<html>", status=status, body=None)) == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "body", ["", "null", "[]", "{}", "7", '"x"', "<html>", "[[[", "[1, 2]", '{"a": {"b": 1}}']
)
def test_a_body_of_the_wrong_shape_is_unreadable_with_a_reason(kind: str, body: str) -> None:
    with pytest.raises(UnreadableError) as refused:
        normalise_market(answer(kind, body))
    assert 5 <= len(str(refused.value)) < 200


def test_an_error_in_place_of_prices_is_told_by_its_number() -> None:
    for kind in ("coins_markets", "market_chart"):
        with pytest.raises(UnreadableError, match="error 10002 in place of"):
            normalise_market(answer(kind, recorded("error_10002_assembled")))


def test_a_body_without_text_and_a_source_without_parser_are_unreadable() -> None:
    with pytest.raises(UnreadableError, match="no body"):
        normalise_market(answer("simple_price", "", body=None))
    with pytest.raises(UnreadableError, match="nobody reads network of elsewhere"):
        normalise_market(answer("litesolo", "{}", source="elsewhere"))


def test_more_coins_than_a_page_has_are_refused() -> None:
    with pytest.raises(UnreadableError, match="over 250"):
        normalise_market(answer("simple_price", {f"coin-{i}": LTC for i in range(251)}))


def test_ids_follow_from_the_answer_and_the_coin() -> None:
    raw = answer("simple_price", {"litecoin": LTC, "dogecoin": LTC})
    assert normalise_market(raw) == normalise_market(raw)
    assert len({event.event_id for event in normalise_market(raw)}) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "litecoin",
                    "usd",
                    "LTC",
                    "difficulty",
                    "currentDifficulty",
                    "prices",
                    "id",
                    "current_price",
                    "last_updated_at",
                    "last_updated",
                    "hash_rate",
                    "symbol",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(body=JSON, kind=st.sampled_from(KINDS))
def test_any_json_is_events_that_the_wire_takes_or_unreadable(body: object, kind: str) -> None:
    try:
        events = normalise_market(answer(kind, json.dumps(body)))
    except UnreadableError:
        return
    for event in events:
        assert type(event).from_json(event.to_json()) == event
        assert isinstance(event, CoinPrice | NetworkState | CoinIndicators)
