"""What CoinGecko v3 says: ``/simple/price``, ``/coins/markets``, ``/coins/{id}/market_chart``.

Source: the official OpenAPI description of 2026-06; examples in ``tests/fixtures/market``.
"""

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any, Final

from minestream_dialects.fields import Flags, entry, text
from minestream_dialects.market import indicators
from minestream_dialects.market.answer import (
    PRICE_BTC,
    PRICE_USD,
    WORTH_USD,
    Answer,
    instant_of,
    number,
    ratio,
    told_at,
)
from minestream_dialects.market.coins import COIN_ID, COINS
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.market import CoinIndicators, CoinPrice

MOST_COINS: Final = 250
"""CoinGecko's own limit of a page."""
_SYMBOL: Final = re.compile(r"[!-~]{1,16}")
_POINT: Final = 2
_Reader = Callable[[Answer, str, Any], CoinPrice | None]


def simple_price(answer: Answer) -> tuple[CoinPrice, ...]:
    """Read ``{"litecoin": {"usd": 82.1, "usd_market_cap": …, "btc": …, "last_updated_at": …}}``.

    Raises:
        UnreadableError: it is no such object, or has no coin with a price.
    """
    coins = _object(answer.value)
    return _prices(answer, coins.items(), _simple)


def coins_markets(answer: Answer) -> tuple[CoinPrice, ...]:
    """Read a list of coins, each with ``current_price`` in USD and its changes in percent.

    Raises:
        UnreadableError: it is no such list, or has no coin with a price.
    """
    if type(answer.value) is not list:
        raise UnreadableError(_instead(answer.value, "a list of coins"))
    return _prices(answer, ((entry(coin, "id"), coin) for coin in answer.value), _market)


def market_chart(answer: Answer) -> tuple[CoinIndicators, ...]:
    """Read ``{"prices": [[ms, usd], …]}`` and compute the indicators of daily prices.

    Raises:
        UnreadableError: it is no such object, or has no price.
    """
    coin_id, chart = answer.raw.coin_id, _object(answer.value).get("prices")
    if coin_id is None:
        raise UnreadableError("a chart of no coin in particular")
    if type(chart) is not list:
        raise UnreadableError(_instead(answer.value, "a chart with prices"))
    flags = Flags()
    points = _points(chart, answer, flags)
    if not points:
        raise UnreadableError("no price in the chart")
    days, unbroken = indicators.daily(points)
    if not unbroken:
        flags.missing("prices")
    last_at = points[-1][0]
    return (
        CoinIndicators(
            event_id=derived_id("indicators", answer.raw.event_id, coin_id),
            raw_event_id=answer.raw.event_id,
            ts=last_at,
            coin_id=coin_id,
            source=answer.raw.source,
            step_s=_step_s([at for at, _ in points]),
            points=len(points),
            rsi_14=indicators.rsi(days, 14),
            ma_50_usd=indicators.moving_average(days, 50),
            ma_200_usd=indicators.moving_average(days, 200),
            volatility_30d_ratio=indicators.volatility(days, 30),
            quality_flags=_flagged(answer, flags),
        ),
    )


def _prices(
    answer: Answer, coins: Iterable[tuple[object, Any]], read: _Reader
) -> tuple[CoinPrice, ...]:
    """The coins of an answer; one without a price is told by the flags of the others."""
    found: list[CoinPrice] = []
    dropped = Flags()
    for count, (coin_id, coin) in enumerate(coins):
        if count == MOST_COINS:
            raise UnreadableError(f"over {MOST_COINS} coins")
        if type(coin_id) is not str or not COIN_ID.fullmatch(coin_id):
            dropped.invalid("coin_id")
        elif (price := read(answer, coin_id, coin)) is not None:
            found.append(price)
        else:
            dropped.invalid(f"{coin_id}.price_usd")
    if not found:
        why = ", ".join(dropped.sorted()[:5])
        raise UnreadableError(f"no coin with a price ({why})" if why else "no coin in it")
    if not (lost := dropped.sorted()):
        return tuple(found)
    return tuple(
        price.model_copy(update={"quality_flags": tuple(sorted({*price.quality_flags, *lost}))})
        for price in found
    )


def _simple(answer: Answer, coin_id: str, coin: Any) -> CoinPrice | None:
    flags, known = Flags(), COINS.get(coin_id)
    price_usd = number(entry(coin, "usd"), PRICE_USD, name="price_usd", flags=flags)
    if price_usd is None:
        return None
    return CoinPrice(
        event_id=derived_id("price", answer.raw.event_id, coin_id),
        raw_event_id=answer.raw.event_id,
        ts=told_at(coin.get("last_updated_at"), answer, name="ts", flags=flags),
        coin_id=coin_id,
        symbol=known.symbol if known else None,
        source=answer.raw.source,
        fetched_at=answer.raw.fetched_at,
        price_usd=price_usd,
        price_btc=number(coin.get("btc"), PRICE_BTC, name="price_btc", flags=flags, required=False),
        market_cap_usd=_worth(coin, "usd_market_cap", "market_cap_usd", flags),
        volume_24h_usd=_worth(coin, "usd_24h_vol", "volume_24h_usd", flags),
        change_24h_ratio=ratio(coin.get("usd_24h_change"), name="change_24h_ratio", flags=flags),
        quality_flags=_flagged(answer, flags),
    )


def _market(answer: Answer, coin_id: str, coin: Any) -> CoinPrice | None:
    flags, known = Flags(), COINS.get(coin_id)
    price_usd = number(entry(coin, "current_price"), PRICE_USD, name="price_usd", flags=flags)
    if price_usd is None:
        return None
    change = {
        span: coin.get(f"price_change_percentage_{span}_in_currency")
        for span in ("1h", "24h", "7d")
    }
    if change["24h"] is None:
        change["24h"] = coin.get("price_change_percentage_24h")
    symbol = (text(coin.get("symbol")) or "").upper()
    return CoinPrice(
        event_id=derived_id("price", answer.raw.event_id, coin_id),
        raw_event_id=answer.raw.event_id,
        ts=told_at(coin.get("last_updated"), answer, name="ts", flags=flags),
        coin_id=coin_id,
        symbol=symbol if _SYMBOL.fullmatch(symbol) else known.symbol if known else None,
        source=answer.raw.source,
        fetched_at=answer.raw.fetched_at,
        price_usd=price_usd,
        market_cap_usd=_worth(coin, "market_cap", "market_cap_usd", flags),
        volume_24h_usd=_worth(coin, "total_volume", "volume_24h_usd", flags),
        change_1h_ratio=ratio(change["1h"], name="change_1h_ratio", flags=flags),
        change_24h_ratio=ratio(change["24h"], name="change_24h_ratio", flags=flags),
        change_7d_ratio=ratio(change["7d"], name="change_7d_ratio", flags=flags),
        quality_flags=_flagged(answer, flags),
    )


def _worth(coin: dict[str, Any], theirs: str, ours: str, flags: Flags) -> float | None:
    return number(coin.get(theirs), WORTH_USD, name=ours, flags=flags)


def _points(chart: list[Any], answer: Answer, flags: Flags) -> list[tuple[datetime, float]]:
    """The chart's prices in the order of time; of two at one instant the later one counts."""
    points: dict[datetime, float] = {}
    for point in chart:
        if type(point) is not list or len(point) != _POINT:
            flags.invalid("prices")
            continue
        at = instant_of(point[0], answer, times=1000.0)
        price = number(point[1], PRICE_USD, name="prices", flags=flags)
        if at is None:
            flags.invalid("prices")
        elif price is not None:
            points[at] = price
    return sorted(points.items())


def _step_s(times: list[datetime]) -> float:
    steps = [(after - before).total_seconds() for before, after in pairwise(times)]
    return median(steps) if steps else indicators.DAY_S


def _object(value: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise UnreadableError(_instead(value, "an object"))
    return value


def _instead(value: object, wanted: str) -> str:
    """Why an answer of the wrong shape is none: an error's number where it has one."""
    code = entry(value, "status", "error_code")
    if type(code) is int:
        return f"error {code} in place of {wanted}"
    return f"no {wanted.partition(' ')[2]}"


def _flagged(answer: Answer, flags: Flags) -> tuple[str, ...]:
    return tuple(sorted({*answer.flags, *flags.sorted()}))
