"""Lets polls of one site go at an even rate, so that its link is not flooded. Pure.

Not ``aiolimiter``: its bucket lets a burst through, knows no priorities, and wants a waiting task
for each of 100,000 targets.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_SLACK_S: Final = 0.1
"""So much of what a late loop has missed is made up for; more would be a burst."""


class Waiting(NamedTuple):
    """A target that waits for its site's turn, in the order in which it goes.

    Args:
        rank: the lower one first.
        number: of two of one rank, who came first.
        target: its id.
        due_s: when it was due, monotonic seconds.
    """

    rank: int
    number: int
    target: str
    due_s: float


@dataclass(slots=True)
class _Site:
    free_s: float = 0.0
    """When the next may go."""
    waiting: list[Waiting] = field(default_factory=list)


class SiteGate:
    """A turnstile for each site.

    Args:
        per_s: polls per second and site; None: it stands open.
    """

    def __init__(self, per_s: float | None = None) -> None:
        self._apart_s = 0.0 if per_s is None else 1 / per_s
        self._sites: dict[str, _Site] = {}
        self._inside: dict[str, int] = {}
        self._numbers = itertools.count()

    def __contains__(self, target: str) -> bool:
        return target in self._inside

    def enter(self, target: str, site: str | None, *, priority: int, due_s: float) -> bool:
        """A target is due.

        Args:
            target: its id.
            site: whose; None: nobody's, it may go.
            priority: the higher one goes first. One that waits already moves up, never down.
            due_s: since when, monotonic seconds.

        Returns:
            True: it may go at once; False: ``leave`` gives it when it is its turn.
        """
        if site is None or not self._apart_s:
            return True
        number = next(self._numbers)
        self._inside[target] = number
        line = self._sites.setdefault(site, _Site()).waiting
        heapq.heappush(line, Waiting(-priority, number, target, due_s))
        return False

    def leave(self, now_s: float) -> Iterator[Waiting]:
        """Those whose turn it is now, in order."""
        for site in self._sites.values():
            while (first := self._first(site)) is not None and site.free_s <= now_s:
                heapq.heappop(site.waiting)
                del self._inside[first.target]
                site.free_s = max(site.free_s, now_s - _SLACK_S) + self._apart_s
                yield first

    def next_s(self) -> float | None:
        """When it is somebody's turn next, monotonic seconds; None: nobody waits."""
        return min(
            (site.free_s for site in self._sites.values() if self._first(site) is not None),
            default=None,
        )

    def forget(self, target: str) -> None:
        """A target is gone."""
        self._inside.pop(target, None)

    def _first(self, site: _Site) -> Waiting | None:
        while site.waiting and self._inside.get(site.waiting[0].target) != site.waiting[0].number:
            heapq.heappop(site.waiting)
        return site.waiting[0] if site.waiting else None
