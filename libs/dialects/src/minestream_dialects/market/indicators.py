"""Technical indicators over one price a day. Pure arithmetic; knows no source."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

DAY_S: Final = 86_400.0
DAYS_PER_YEAR: Final = 365
"""These markets never close."""
BRIDGED_DAYS: Final = 3
"""A hole of so many days keeps the price before it; a longer one ends what can be computed."""


def daily(points: Sequence[tuple[datetime, float]]) -> tuple[list[float], bool]:
    """One price for each UTC day: the day's last, up to now for the last day.

    Args:
        points: prices in the order of time.

    Returns:
        the prices of the last days that are without a hole, oldest first; and whether no day at
        all was missing.
    """
    closes = {at.date(): price for at, price in points}
    days: list[float] = []
    unbroken = True
    for (day, price), following in zip(closes.items(), [*list(closes)[1:], None], strict=True):
        days.append(price)
        hole = 0 if following is None else (following - day - timedelta(days=1)).days
        unbroken = unbroken and not hole
        days = [] if hole > BRIDGED_DAYS else days + [price] * hole
    return days, unbroken


def rsi(days: Sequence[float], span: int) -> float | None:
    """Wilder's relative strength index, 0 to 100; 50 where nothing moved.

    The first average is the mean of ``span`` changes; each further change weighs 1/``span``.

    Args:
        days: one price a day, oldest first.
        span: in days.

    Returns:
        None with fewer than ``span`` + 1 prices.

    Source: J. W. Wilder, New Concepts in Technical Trading Systems, 1978, section VI.
    """
    changes = [after - before for before, after in pairwise(days)]
    if len(changes) < span:
        return None
    gain = math.fsum(max(change, 0.0) for change in changes[:span]) / span
    loss = math.fsum(max(-change, 0.0) for change in changes[:span]) / span
    for change in changes[span:]:
        gain = (gain * (span - 1) + max(change, 0.0)) / span
        loss = (loss * (span - 1) + max(-change, 0.0)) / span
    if gain + loss == 0:
        return 50.0
    return 100.0 * gain / (gain + loss)


def moving_average(days: Sequence[float], span: int) -> float | None:
    """The mean of the last ``span`` days; None with fewer."""
    return math.fsum(days[-span:]) / span if len(days) >= span else None


def volatility(days: Sequence[float], span: int) -> float | None:
    """How much a price varies: the sample deviation of its last ``span`` daily log returns, a year.

    Args:
        days: one price a day, all above zero, oldest first.
        span: in days.

    Returns:
        a ratio (0.6: 60 % a year); None with fewer than ``span`` + 1 prices.
    """
    if len(days) < span + 1:
        return None
    returns = [math.log(after / before) for before, after in pairwise(days[-span - 1 :])]
    middle = math.fsum(returns) / span
    variance = math.fsum((value - middle) ** 2 for value in returns) / (span - 1)
    return math.sqrt(variance * DAYS_PER_YEAR)
