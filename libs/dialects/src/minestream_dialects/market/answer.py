"""One answer while it is read, and readers of single values: inside sane bounds, or None."""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from minestream_dialects.fields import Bounds, Flags
from minestream_schemas.market import RawMarket

FIRST: Final = datetime(2009, 1, 3, tzinfo=UTC)
"""Bitcoin's first block: nothing was priced or mined before."""
AHEAD: Final = timedelta(minutes=5)
"""How far a source's clock may be ahead of ours."""

PRICE_USD: Final = Bounds(1e-12, 1e9)
PRICE_BTC: Final = Bounds(1e-18, 1e6)
WORTH_USD: Final = Bounds(0.0, 1e15)
CHANGE_PERCENT: Final = Bounds(-100.0, 100_000.0)


@dataclass(frozen=True, slots=True)
class Answer:
    """A decoded body and where it came from.

    Args:
        raw: the answer as it came.
        value: what its JSON says.
        flags: what is doubtful about all of it.
    """

    raw: RawMarket
    value: Any
    flags: tuple[str, ...] = ()


def number(
    value: object, bounds: Bounds, *, name: str, flags: Flags, required: bool = True
) -> float | None:
    """Read a number.

    Args:
        value: what the body says; ``true`` and ``"5"`` are no numbers.
        bounds: the least and the most that is possible.
        name: our field, for the flag.
        flags: where to note that it is missing or invalid.
        required: does the source normally say it? If not, absence is no fault.

    Returns:
        the number; None when missing or invalid.
    """
    if value is None:
        if required:
            flags.missing(name)
        return None
    if type(value) in (int, float) and bounds.low <= value <= bounds.high:  # type: ignore[operator] # a number
        return float(value)  # type: ignore[arg-type] # as above
    flags.invalid(name)
    return None


def ratio(value: object, *, name: str, flags: Flags, required: bool = True) -> float | None:
    """Read a change in percent as a ratio: ``1.25`` is 0.0125."""
    percent = number(value, CHANGE_PERCENT, name=name, flags=flags, required=required)
    return None if percent is None else percent / 100.0


def instant_of(value: object, answer: Answer, *, times: float = 1.0) -> datetime | None:
    """Read seconds since 1970 (``times`` of them, 1000 where they are ms), or ISO 8601 text.

    Returns:
        aware UTC; None when it is neither, before the first block or ahead of our clock.
    """
    at: datetime | None = None
    try:
        if type(value) is str and len(value) <= 40:  # noqa: PLR2004 - longer is no date
            at = datetime.fromisoformat(value)
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        elif type(value) in (int, float) and math.isfinite(value):  # type: ignore[arg-type] # a number
            at = datetime.fromtimestamp(value / times, UTC)  # type: ignore[operator] # as above
    except (ValueError, OverflowError, OSError):
        return None
    return at if at is not None and FIRST <= at <= answer.raw.fetched_at + AHEAD else None


def told_at(value: object, answer: Answer, *, name: str, flags: Flags) -> datetime:
    """When a source says that it last changed something; else when that was fetched."""
    if value is None:
        flags.missing(name)
        return answer.raw.fetched_at
    at = instant_of(value, answer)
    if at is None:
        flags.invalid(name)
        return answer.raw.fetched_at
    return at
