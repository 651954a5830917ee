"""How long the steps of a miner's unified series are, and where they begin."""

from datetime import UTC, datetime, timedelta
from typing import Final

MOST_STEPS: Final = 2000
SHORTEST_S: Final = 60
_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_ORIGIN: Final = datetime(2000, 1, 3, tzinfo=UTC)
"""A Monday: where the database's own buckets begin, so that weeks agree."""
_FINEST_FOR: Final = ((timedelta(hours=25), 300), (timedelta(days=32), _HOUR_S))


def choose_step_s(span: timedelta) -> int:
    """The step that tells ``span`` in at most a few hundred points, up to a year."""
    return next((step_s for longest, step_s in _FINEST_FOR if span <= longest), _DAY_S)


def check_step(step_s: int) -> None:
    """Refuse a step that does not fit hours and days.

    Raises:
        ValueError: naming what is allowed.
    """
    if step_s < _HOUR_S:
        fits = step_s >= SHORTEST_S and _HOUR_S % step_s == 0
    elif step_s < _DAY_S:
        fits = step_s % _HOUR_S == 0 and _DAY_S % step_s == 0
    else:
        fits = step_s % _DAY_S == 0
    if not fits:
        raise ValueError(
            f"a step divides an hour (from {SHORTEST_S} s on), is hours that divide a day, "
            "or is whole days, in seconds"
        )


def whole_steps(start: datetime, end: datetime, step_s: int) -> tuple[datetime, datetime]:
    """The span in whole steps: from the one that ``start`` lies in, to the end of ``end``'s.

    Args:
        start: included.
        end: not included; an end between two steps ends at the later.
        step_s: as ``check_step`` accepts it.

    Raises:
        ValueError: ``end`` is not after ``start``, or there are too many steps.
    """
    if end <= start:
        raise ValueError("from must be before to")
    step = timedelta(seconds=step_s)
    first, last = (start - _ORIGIN) // step, -((_ORIGIN - end) // step)
    if last - first > MOST_STEPS:
        raise ValueError(f"{last - first} steps: at most {MOST_STEPS} at once, or a longer step")
    return _ORIGIN + first * step, _ORIGIN + last * step
