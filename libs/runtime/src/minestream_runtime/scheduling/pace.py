"""How often a target is asked: at its own interval, faster on trouble, slower when silent or calm.

Everything is in proportion to the target's own interval; with the usual 60 s that is 30 s for ten
minutes, and up to 300 s. Pure: time is passed in.
"""

from typing import Final, NamedTuple

HURRIED_INTERVALS: Final = 10
HURRIED_MOST_S: Final = 600.0
SLOWEST_S: Final = 300.0
SLOWEST_FACTOR: Final = 5
CALM_AFTER: Final = 30
"""Answers in a row, half an hour of them, without anything that would have hurried it."""
_CALM_STEP: Final = 10


class Pace(NamedTuple):
    """What has happened to a target that bears on when it is asked next.

    Args:
        hurried_until_s: monotonic seconds; it is asked twice as often until then.
        silent: polls in a row that it did not answer.
        calm: polls in a row that it answered as ever.
    """

    hurried_until_s: float = 0.0
    silent: int = 0
    calm: int = 0


USUAL: Final = Pace()


class Tempo(NamedTuple):
    """The rules of a collector.

    Args:
        floor_s: no period is shorter, unless the target's own interval is.
        calm: ask those less often with whom nothing has been the matter for long.
    """

    floor_s: float = 10.0
    calm: bool = False

    def period_s(self, pace: Pace, interval_s: float, now_s: float, *, priority: int = 0) -> float:
        """Seconds between two polls of a target.

        Who is hurried and silent is asked at its usual interval: a site that goes dark costs no
        more than one that answers.

        Args:
            pace: the target's.
            interval_s: its own.
            now_s: monotonic seconds.
            priority: above 0: it is never asked less often for being calm.
        """
        if now_s < pace.hurried_until_s:
            half_s = min(interval_s, max(self.floor_s, interval_s / 2))
            return interval_s if pace.silent else half_s
        if pace.silent:
            return interval_s * min(1 << min(pace.silent, 10), slowest_factor(interval_s))
        if self.calm and priority <= 0 and pace.calm >= CALM_AFTER:
            step = 1 + (pace.calm - CALM_AFTER) // _CALM_STEP
            return interval_s * min(1 << min(step, 10), slowest_factor(interval_s))
        return interval_s


def slowest_factor(interval_s: float) -> int:
    """Of how many intervals the longest period is: five, and no more than 300 s unless one is."""
    return max(1, min(SLOWEST_FACTOR, int(SLOWEST_S // interval_s)))


def hurried(pace: Pace, interval_s: float, now_s: float, for_s: float | None = None) -> Pace:
    """The pace of a target that has to be watched: an anomaly, a command, a change of its state.

    Args:
        pace: before.
        interval_s: its own.
        now_s: monotonic seconds.
        for_s: for so long; None: ten intervals, ten minutes at most.
    """
    if for_s is None:
        for_s = min(HURRIED_INTERVALS * interval_s, HURRIED_MOST_S)
    return pace._replace(hurried_until_s=max(pace.hurried_until_s, now_s + for_s), calm=0)


def after(
    pace: Pace, interval_s: float, now_s: float, *, answered: bool, changed: bool = False
) -> Pace:
    """The pace of a target after a poll.

    Args:
        pace: before.
        interval_s: its own.
        now_s: monotonic seconds.
        answered: did it answer at all? Who does so again after a silence is hurried.
        changed: does it do something else than before?
    """
    if not answered:
        return pace._replace(silent=pace.silent + 1, calm=0)
    if changed or pace.silent:
        return hurried(pace._replace(silent=0), interval_s, now_s)
    calm = 0 if now_s < pace.hurried_until_s else pace.calm + 1
    return Pace(pace.hurried_until_s, calm=calm)  # each poll, twice: a third of ``_replace``
