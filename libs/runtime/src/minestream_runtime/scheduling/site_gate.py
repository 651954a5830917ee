"""Lets polls of one site go at an even rate, so that its link is not flooded. Pure.

Not ``aiolimiter``: its bucket lets a burst through, knows no priorities, and wants a waiting task
for each of 100,000 targets.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from minestream_runtime.scheduling.line import Line, Waiting

_SLACK_S: Final = 0.1
"""So much of what a late loop has missed is made up for; more would be a burst."""


@dataclass(slots=True)
class _Site:
    free_s: float = 0.0
    """When the next may go."""
    line: Line = field(default_factory=Line)


class SiteGate:
    """A turnstile for each site.

    Args:
        per_s: polls per second and site; None: it stands open.
    """

    def __init__(self, per_s: float | None = None) -> None:
        self._apart_s = 0.0 if per_s is None else 1 / per_s
        self._sites: dict[str, _Site] = {}
        self._inside: dict[str, str] = {}
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
        self.forget(target)
        self._inside[target] = site
        line = self._sites.setdefault(site, _Site()).line
        line.put(Waiting(-priority, next(self._numbers), target, due_s))
        return False

    def pass_over(self, target: str) -> None:
        """A target that waits is due once more."""
        self._sites[self._inside[target]].line.pass_over(target)

    def leave(self, now_s: float) -> Iterator[Waiting]:
        """Those whose turn it is now, in order."""
        for site in self._sites.values():
            while site.line and site.free_s <= now_s and (first := site.line.take()) is not None:
                del self._inside[first.target]
                site.free_s = max(site.free_s, now_s - _SLACK_S) + self._apart_s
                yield first

    def next_s(self) -> float | None:
        """When it is somebody's turn next, monotonic seconds; None: nobody waits."""
        return min(
            (site.free_s for site in self._sites.values() if site.line),
            default=None,
        )

    def forget(self, target: str) -> None:
        """A target is gone."""
        site = self._inside.pop(target, None)
        if site is not None:
            self._sites[site].line.drop(target)
