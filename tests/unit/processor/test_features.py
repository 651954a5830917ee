"""Feature rows: which numbers they hold, when there is one, and that a repeat has the same."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from minestream_schemas.feature import FeatureGroup
from minestream_schemas.market import CoinPrice
from minestream_schemas.pool import PoolWorker
from minestream_schemas.telemetry import BoardReading
from processor.domain import features
from processor.domain.miner_state import MinerState, Worth
from processor.domain.references import Indicators
from processor.domain.step import Reading, Rules, step

MakeReading = Callable[..., Reading]
AT = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(feature_every_s=10)


def test_a_miners_row_says_what_a_hash_costs_and_a_watt_brings(reading: MakeReading) -> None:
    one = reading(
        60,
        hashrate_hs=1.6e10,
        power_w=3360.0,
        efficiency_j_per_th=210_000.0,
        model="Antminer L9",
        quality_score=0.9,
        boards=(
            BoardReading(slot=1, chip_temp_max_c=70.0),
            BoardReading(slot=2, chip_temp_max_c=74.0),
        ),
    )._replace(
        worth=Worth(usd_per_hs_day=4.5e-10, by_pool=True, price_us=0), tariff_usd_per_kwh=0.062
    )
    row = step(None, one, RULES).feature
    assert row is not None
    assert (row.group, row.entity_id) == (FeatureGroup.MINER_TELEMETRY, "site-a-r01-s01")
    assert row.row_id == "site-a-r01-s01|1767225660000"
    assert row.words == {"model": "Antminer L9", "status": "mining"}
    assert row.numbers == pytest.approx(
        {
            "hashrate_th_s": 0.016,
            "power_consumption_w": 3360.0,
            "efficiency_j_th": 210_000.0,
            "avg_temperature_c": 72.0,
            "cost_per_hash_usd_per_th": 4.99968 / (0.016 * 86_400),
            "revenue_per_watt_usd_per_w_day": 7.2 / 3360,
            "revenue_usd_per_day": 7.2,
            "power_cost_usd_per_day": 4.99968,
            "profit_usd_per_day": 2.20032,
            "profit_margin_ratio": 2.20032 / 7.2,
            "quality_score": 0.9,
        }
    )


def test_what_is_unknown_or_has_no_measure_is_left_out_of_a_row(reading: MakeReading) -> None:
    still = reading(0, hashrate_hs=0.0, power_w=0.0)._replace(worth=Worth(usd_per_hs_day=1e-10))
    row = step(None, still, RULES).feature
    assert row is not None
    assert row.numbers == {
        "hashrate_th_s": 0.0,
        "power_consumption_w": 0.0,
        "revenue_usd_per_day": 0.0,
        "quality_score": 1.0,
    }


def test_each_bucket_has_the_row_of_its_first_reading_and_a_repeat_has_it_again(
    reading: MakeReading,
) -> None:
    state: MinerState | None = None
    told = []
    for at in (1, 4, 9, 12, 19, 3, 40):
        outcome = step(state, reading(at), RULES)
        state = outcome.state
        told.append(outcome.feature)
    assert [row is not None for row in told] == [True, False, False, True, False, False, True]
    assert step(state, reading(12), RULES).feature == told[3]
    assert step(state, reading(19), RULES).feature is None


def test_a_workers_row_says_what_it_earns_at_its_pools_rate() -> None:
    worker = PoolWorker(
        event_id=UUID(int=2),
        raw_event_id=UUID(int=1),
        subject="site-a-r01-s01",
        ts=AT,
        account_id="main",
        pool="prohashing",
        worker="rig-1",
        coin="Litecoin",
        miner_id="site-a-r01-s01",
        site_id="site-a",
        hashrate_hs=1.6e10,
        shares_total=1000,
        shares_recent=12,
    )
    row = features.of_worker(worker, 4.5e-10)
    assert row.group is FeatureGroup.POOL_PERFORMANCE
    assert row.numbers == pytest.approx(
        {"effective_hashrate_hs": 1.6e10, "accepted_shares": 12.0, "earnings_usd": 7.2}
    )
    assert row.words["coin"] == "Litecoin"
    assert "earnings_usd" not in features.of_worker(worker, None).numbers


def test_a_coins_row_holds_its_price_and_the_indicators_of_then() -> None:
    price = CoinPrice(
        event_id=UUID(int=2),
        raw_event_id=UUID(int=1),
        ts=AT,
        coin_id="litecoin",
        source="coingecko",
        fetched_at=AT,
        price_usd=82.1,
        change_24h_ratio=-0.01,
    )
    row = features.of_price(price, Indicators(rsi_14=55.0, ma_50_usd=80.0))
    assert (row.entity_id, row.site_id) == ("litecoin", None)
    assert row.numbers == {
        "price_usd": 82.1,
        "change_24h_ratio": -0.01,
        "rsi_14": 55.0,
        "ma_50_usd": 80.0,
    }
    assert set(features.of_price(price, None).numbers) == {"price_usd", "change_24h_ratio"}
