"""Which of the stored series answers a question about a span of time."""

from datetime import timedelta
from enum import StrEnum
from typing import Final


class Resolution(StrEnum):
    """How finely a history is told."""

    RAW = "raw"
    """Every reading."""
    WINDOW = "window"
    """The processor's tumbling windows (300 s)."""
    HOUR = "hour"
    DAY = "day"


DEFAULT_SPAN: Final = timedelta(hours=24)
LONGEST: Final[dict[Resolution, timedelta]] = {
    Resolution.RAW: timedelta(days=31),
    Resolution.WINDOW: timedelta(days=93),
    Resolution.HOUR: timedelta(days=3 * 366),
    Resolution.DAY: timedelta(days=20 * 366),
}
"""The longest span that each may be asked for at once."""

_FINEST_FOR: Final = (
    (timedelta(hours=6), Resolution.RAW),
    (timedelta(days=3), Resolution.WINDOW),
    (timedelta(days=62), Resolution.HOUR),
)


def choose(span: timedelta) -> Resolution:
    """The finest series that tells ``span`` in about a thousand points or fewer."""
    for longest, resolution in _FINEST_FOR:
        if span <= longest:
            return resolution
    return Resolution.DAY


def check_span(span: timedelta, resolution: Resolution) -> None:
    """Refuse a span that nobody should ask for at once.

    Raises:
        ValueError: naming what is allowed.
    """
    if span <= timedelta(0):
        raise ValueError("from must be before to")
    if span > LONGEST[resolution]:
        raise ValueError(
            f"{span.days} days at resolution {resolution}: at most "
            f"{LONGEST[resolution].days} days at once, or a coarser resolution"
        )
