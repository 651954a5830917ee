"""Indicators of a chart agree with pandas, and are None where there are too few days."""

import math
import random
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from tests.unit.dialects.market_answers import AT, answer, recorded

from minestream_dialects.market import indicators, normalise_market
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.market import CoinIndicators

LAST_MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)


def walk(days: int, seed: int = 7) -> list[float]:
    """Prices of so many days."""
    source, price, found = random.Random(seed), 82.0, []
    for _ in range(days):
        price *= math.exp(source.gauss(0.0005, 0.04))
        found.append(price)
    return found


def chart(prices: list[float], last_at: datetime = LAST_MIDNIGHT) -> dict[str, object]:
    """A chart of one price a day, the last one at ``last_at``."""
    begin = last_at - timedelta(days=len(prices) - 1)
    return {
        "prices": [
            [int((begin + timedelta(days=i)).timestamp() * 1000), price]
            for i, price in enumerate(prices)
        ]
    }


def read(body: object) -> CoinIndicators:
    (found,) = normalise_market(answer("market_chart", body, coin_id="litecoin"))
    assert isinstance(found, CoinIndicators)
    return found


def pandas_rsi(prices: list[float], span: int) -> float:
    """Wilder's index by pandas: its exponential mean, begun with the plain one."""
    change = pd.Series(prices).diff().dropna().reset_index(drop=True)

    def smoothed(part: "pd.Series[float]") -> float:
        begun = pd.concat([pd.Series([part[:span].mean()]), part[span:]], ignore_index=True)
        return float(begun.ewm(alpha=1 / span, adjust=False).mean().iloc[-1])

    gain, loss = smoothed(change.clip(lower=0)), smoothed(-change.clip(upper=0))
    return 100 - 100 / (1 + gain / loss)


@pytest.mark.parametrize("seed", range(5))
def test_indicators_of_a_year_agree_with_pandas(seed: int) -> None:
    prices = walk(366, seed)
    found, series = read(chart(prices)), pd.Series(prices)
    returns = np.log(series / series.shift(1))
    assert found.rsi_14 == pytest.approx(pandas_rsi(prices, 14), rel=1e-9)
    assert found.ma_50_usd == pytest.approx(series.rolling(50).mean().iloc[-1], rel=1e-12)
    assert found.ma_200_usd == pytest.approx(series.rolling(200).mean().iloc[-1], rel=1e-12)
    expected = returns.rolling(30).std().iloc[-1] * math.sqrt(365)
    assert found.volatility_30d_ratio == pytest.approx(expected, rel=1e-9)
    assert (found.points, found.step_s, found.ts) == (366, 86_400.0, LAST_MIDNIGHT)
    assert found.quality_flags == ()


def test_wilders_own_kind_of_example_gives_its_known_value() -> None:
    """The table that textbooks print for RSI-14 (StockCharts): 70.53 after fifteen prices."""
    closes = [44.3389, 44.0902, 44.1497, 43.6124, 44.3278, 44.8264, 45.0955, 45.4245]
    closes += [45.8433, 46.0826, 45.8931, 46.0328, 45.6140, 46.2820, 46.2820]
    assert indicators.rsi(closes, 14) == pytest.approx(70.53, abs=0.01)
    assert indicators.rsi([*closes, 46.0028], 14) == pytest.approx(66.32, abs=0.01)


@pytest.mark.parametrize(
    ("days", "known"),
    [
        (14, set()),
        (15, {"rsi_14"}),
        (30, {"rsi_14"}),
        (31, {"rsi_14", "volatility_30d_ratio"}),
        (50, {"rsi_14", "volatility_30d_ratio", "ma_50_usd"}),
        (199, {"rsi_14", "volatility_30d_ratio", "ma_50_usd"}),
        (200, {"rsi_14", "volatility_30d_ratio", "ma_50_usd", "ma_200_usd"}),
    ],
)
def test_with_too_few_days_an_indicator_is_not_said(days: int, known: set[str]) -> None:
    found = read(chart(walk(days)))
    names = {"rsi_14", "ma_50_usd", "ma_200_usd", "volatility_30d_ratio"}
    assert {name for name in names if getattr(found, name) is not None} == known


def test_hourly_prices_count_by_the_last_of_each_day() -> None:
    hourly = walk(60 * 24)
    begin = datetime(2026, 9, 22, tzinfo=UTC)
    times = [begin + timedelta(hours=i) for i in range(len(hourly))]
    points = [[at.timestamp() * 1000, price] for at, price in zip(times, hourly, strict=True)]
    found = read({"prices": points})
    assert found.ma_50_usd == pytest.approx(sum(hourly[23::24][-50:]) / 50)
    assert (found.step_s, found.ts) == (3600.0, times[-1])


@pytest.mark.parametrize(
    ("prices", "index"),
    [
        ([5.0] * 20, 50.0),
        ([float(i) for i in range(1, 21)], 100.0),
        ([2.0**-i for i in range(20)], 0.0),
    ],
)
def test_a_market_that_stands_rises_or_falls_has_an_index(
    prices: list[float], index: float
) -> None:
    assert indicators.rsi(prices, 14) == index


def test_a_short_hole_is_bridged_and_a_long_one_ends_what_is_known() -> None:
    whole = chart(walk(100))["prices"]
    assert isinstance(whole, list)
    bridged = read({"prices": whole[:80] + whole[83:]})
    assert bridged.ma_50_usd is not None
    assert bridged.quality_flags == ("field_missing:prices",)
    cut = read({"prices": whole[:80] + whole[84:]})
    assert cut.ma_50_usd is None
    assert cut.rsi_14 is not None, "sixteen days are left"
    assert cut.quality_flags == ("field_missing:prices",)


@pytest.mark.parametrize(
    "bad",
    [
        [1e15, 82.0],
        [AT.timestamp() * 1000, -82.0],
        [AT.timestamp() * 1000, 0],
        [AT.timestamp() * 1000, math.nan],
        ["now", 82.0],
        [AT.timestamp() * 1000],
        "x",
        None,
    ],
)
def test_a_point_that_cannot_be_is_left_out_and_told(bad: object) -> None:
    sound = chart(walk(60))
    points = sound["prices"]
    assert isinstance(points, list)
    found = read({"prices": [*points, bad]})
    expected = read(sound)
    assert set(found.quality_flags) - {"repaired"} == {"field_invalid:prices"}
    assert found.model_copy(update={"quality_flags": ()}) == expected


def test_the_order_of_points_does_not_count() -> None:
    sound = chart(walk(60))
    points = sound["prices"]
    assert isinstance(points, list)
    assert read({"prices": points[::-1]}) == read(sound)


def test_the_official_example_has_too_few_days_for_anything() -> None:
    found = read(recorded("market_chart"))
    assert (found.points, found.rsi_14, found.volatility_30d_ratio) == (2, None, None)
    assert found.step_s == pytest.approx(300.62)


def test_a_chart_without_prices_or_coin_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="no price in the chart"):
        normalise_market(answer("market_chart", {"prices": []}))
    with pytest.raises(UnreadableError, match="of no coin"):
        normalise_market(answer("market_chart", chart(walk(20)), coin_id=None))
