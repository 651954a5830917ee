"""When does a line of cron next come true, in a time zone with its gaps and folds?"""

import hashlib
from datetime import UTC, datetime
from itertools import islice
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

_MOST_STEPS: Final = 400
"""A fold's second hour has less than 121 ticks that have come true before."""
_WITH_SECONDS: Final = 6


class Cron:
    """A line of cron in a time zone.

    Five fields as Debian's cron reads them: minute, hour, day of month, month, day of week; or six
    with seconds before them where the hour is ``*``. What is set for an hour that the clock skips
    in spring comes right after the gap; what is set for one that it repeats in autumn comes once,
    the first time. Lines with ``*`` for minute or hour go by elapsed time, so they come in both.

    Args:
        line: for example ``30 2 * * *``.
        zone: for example ``Europe/Berlin``.

    Raises:
        ValueError: no such line, a day that never comes, or no such zone.
    """

    def __init__(self, line: str, zone: str = "UTC") -> None:
        try:
            self._zone = UTC if zone == "UTC" else ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone {zone!r}: one like Europe/Berlin is wanted") from None
        self._line = line
        fields = line.split()
        if len(fields) == _WITH_SECONDS and not fields[2].startswith("*"):
            raise ValueError(f"no line of cron {line!r}: seconds only where the hour is *")
        try:
            found = next(CronSim(line, datetime(2026, 1, 1, tzinfo=UTC)), None)
        except CronSimError as exc:
            raise ValueError(f"no line of cron {line!r}: {exc}") from None
        if found is None:
            raise ValueError(f"no line of cron {line!r}: that never comes")

    def after(self, at: datetime) -> datetime:
        """The first tick after an instant.

        Args:
            at: aware; any zone.

        Returns:
            aware UTC, later than ``at``.

        Raises:
            ValueError: it does not come within the 50 years after it.
        """
        ticks = CronSim(self._line, at.astimezone(self._zone))
        for tick in islice(ticks, _MOST_STEPS):
            found = tick.astimezone(UTC)
            if found > at:  # a fold's second hour: the same words, but they have come true before
                return found
        raise ValueError(f"the line of cron {self._line!r} does not come again after {at}")


def stagger_s(name: str, spread_s: float) -> float:
    """How long after its tick a task begins: its own share of the spread, the same each time.

    Args:
        name: of the task, and of whoever else shall not march in step with others.
        spread_s: seconds over which to spread; the share is below it.
    """
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return spread_s * (int.from_bytes(digest, "big") / 2**64)
