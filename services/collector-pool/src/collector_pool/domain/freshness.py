"""Does the source say anything recent? When it does not, that is a gap in the data."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

_MOST_SUBJECTS: Final = 100_000
"""Names are the pool's, and some pools give each connection another."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A gap to be told.

    Args:
        began_at: the last instant that is covered.
        ended_at: the next one; None: it lasts.
    """

    began_at: datetime
    ended_at: datetime | None = None


@dataclass(slots=True)
class Freshness:
    """What is known of a source's liveliness.

    Args:
        since: when somebody began to listen.
        limit: what was said longer ago is not fresh.
        silent_since: the gap that is open.
    """

    since: datetime
    limit: timedelta
    silent_since: datetime | None = None
    newest: datetime | None = None
    _last: dict[str, int] = field(default_factory=dict)

    def said(self, subject: str, body: str | None, at: datetime, *, pushed: bool) -> None:
        """It has said something.

        Args:
            subject: what about.
            body: what. An answer that is the same as the last one says nothing new.
            at: when the source computed it, as far as it says; else when it came.
            pushed: nobody asked, so it is news even when it is the same.
        """
        mark = hash(body)
        before = self._last.pop(subject, None)
        self._last[subject] = mark  # the newest is the last to be forgotten
        if len(self._last) > _MOST_SUBJECTS:
            del self._last[next(iter(self._last))]
        if not pushed and before == mark:
            return
        self.newest = at if self.newest is None else max(self.newest, at)

    def age_s(self, now: datetime) -> float:
        """How old the newest is, s."""
        return max((now - (self.newest or self.since)).total_seconds(), 0.0)

    def fresh(self, now: datetime) -> bool:
        """Has it said something, and recently?"""
        return self.newest is not None and now - self.newest <= self.limit

    def look(self, now: datetime) -> Silence | None:
        """What has begun or ended since the last look; None: nothing."""
        if self.silent_since is None:
            covered = self.newest or self.since
            if now - covered <= self.limit:
                return None
            self.silent_since = covered
            return Silence(covered)
        if not self.fresh(now) or self.newest is None:
            return None
        began_at, self.silent_since = self.silent_since, None
        return Silence(began_at, max(self.newest, began_at))
