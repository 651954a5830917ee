"""Which tasks are due: by cron, after other tasks, or at an event. Pure: time is passed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from minestream_runtime.tasks.cron import Cron, stagger_s

_SET_BACK: Final = timedelta(seconds=60)
"""A clock that went back further than this had been wrong: all ticks are planned anew."""
_MOST_COUNTED: Final = 1000


class End(StrEnum):
    """How a run of a task ended."""

    OK = "ok"
    AGAIN = "again"
    """It failed for what may pass by itself."""
    FAILED = "failed"
    """It failed, and trying again soon is no use."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When a task runs.

    Args:
        cron: at its ticks; None: at none.
        spread_s: begin so many seconds at most after the tick: each task at its own place in it.
        after: once all these tasks have succeeded since its own last run began.
        on: when one of these events is told.
        tries: at most so many for one occasion.
        pause_s: between two tries, s; doubles each time, up to ``longest_pause_s``.
        longest_pause_s: see there.
    """

    cron: Cron | None = None
    spread_s: float = 0.0
    after: tuple[str, ...] = ()
    on: frozenset[str] = frozenset()
    tries: int = 3
    pause_s: float = 5.0
    longest_pause_s: float = 300.0


@dataclass(slots=True)
class _Entry:
    terms: Terms
    offset: timedelta
    due_at: datetime | None = None
    """The next tick, with its offset."""
    again_at: datetime | None = None
    """The next try of the present occasion."""
    called: bool = False
    """An event or the tasks before it want it to run."""
    running: bool = False
    tries: int = 0
    ok_at: datetime | None = None
    waits_for: set[str] = field(default_factory=set)


class Agenda:
    """The tasks and what each waits for.

    A task never runs twice at a time: ticks that come while it runs are left out and counted,
    events that come meanwhile make it run once more afterwards.

    Args:
        whose: goes into the stagger, so that replicas do not march in step.
        ok_at: when each task last succeeded, from an earlier life. One that has missed ticks since
            runs once at the start, not once for each.
    """

    def __init__(self, *, whose: str = "", ok_at: Mapping[str, datetime] | None = None) -> None:
        self._whose = whose
        self._before = dict(ok_at or {})
        self._entries: dict[str, _Entry] = {}
        self._looked_at: datetime | None = None

    def add(self, name: str, terms: Terms, at: datetime) -> None:
        """Take a task in.

        Args:
            name: its own.
            terms: when it runs.
            at: now.

        Raises:
            ValueError: the name is taken, the task never runs, or it follows an unknown one (those
                before it are added first, so that no circle can be made).
        """
        if name in self._entries:
            raise ValueError(f"there is a task {name!r} already")
        if terms.cron is None and not terms.after and not terms.on:
            raise ValueError(f"the task {name!r} never runs: it needs cron, after or on")
        if unknown := [other for other in terms.after if other not in self._entries]:
            raise ValueError(f"the task {name!r} comes after unknown ones: {', '.join(unknown)}")
        offset = timedelta(seconds=stagger_s(f"{self._whose}/{name}", terms.spread_s))
        entry = _Entry(terms, offset, waits_for=set(terms.after))
        entry.ok_at = self._before.get(name)
        if entry.ok_at is not None and entry.ok_at > at:  # the clock had been ahead
            entry.ok_at = at
        if terms.cron is not None:
            entry.due_at = terms.cron.after((entry.ok_at or at) - offset) + offset
        self._entries[name] = entry

    @property
    def ok_at(self) -> dict[str, datetime]:
        """When each task last succeeded; of tasks that are not there any more too."""
        now = {name: entry.ok_at for name, entry in self._entries.items() if entry.ok_at}
        return self._before | now

    def tell(self, event: str) -> list[str]:
        """Something has happened.

        Returns:
            the tasks that it makes run.
        """
        called = [name for name, entry in self._entries.items() if event in entry.terms.on]
        for name in called:
            self._entries[name].called = True
        return called

    def due(self, at: datetime) -> list[str]:
        """The tasks to begin now, in the order in which they were added."""
        if self._looked_at is not None and at < self._looked_at - _SET_BACK:
            self._plan_anew(at)
        self._looked_at = at
        return [name for name, entry in self._entries.items() if _is_due(entry, at)]

    def next_at(self) -> datetime | None:
        """The next instant at which something is due by the clock; None: there is none."""
        waiting = [
            when
            for entry in self._entries.values()
            if not entry.running
            for when in (entry.due_at, entry.again_at)
            if when is not None
        ]
        return min(waiting, default=None)

    def began(self, name: str, at: datetime) -> int:
        """A task begins.

        Returns:
            how many of its ticks have passed unserved before this run.
        """
        entry = self._entries[name]
        if entry.again_at is None or entry.called or _ticked(entry, at):
            entry.tries = 0
        entry.tries += 1
        entry.running, entry.called, entry.again_at = True, False, None
        if entry.tries == 1:
            entry.waits_for = set(entry.terms.after)
        return max(_pass_ticks(entry, at) - 1, 0)

    def ended(self, name: str, end: End, at: datetime) -> tuple[float | None, int]:
        """A task has ended.

        Args:
            name: which.
            end: how.
            at: now.

        Returns:
            the seconds until it is tried again (None: it is not, until its next occasion), and how
            many of its ticks came while it ran.
        """
        entry = self._entries[name]
        entry.running = False
        return self._again_after(name, entry, end, at), _pass_ticks(entry, at)

    def _again_after(self, name: str, entry: _Entry, end: End, at: datetime) -> float | None:
        if end is End.OK:
            entry.ok_at = at
            self._call_followers(name)
            return None
        if end is End.FAILED or entry.tries >= entry.terms.tries:
            return None
        pause_s = min(
            entry.terms.pause_s * 2.0 ** min(entry.tries - 1, 30), entry.terms.longest_pause_s
        )
        entry.again_at = at + timedelta(seconds=pause_s)
        return pause_s

    def _call_followers(self, name: str) -> None:
        for entry in self._entries.values():
            if name in entry.waits_for:
                entry.waits_for.discard(name)
                entry.called = entry.called or not entry.waits_for

    def _plan_anew(self, at: datetime) -> None:
        for entry in self._entries.values():
            if entry.terms.cron is not None:
                entry.due_at = entry.terms.cron.after(at - entry.offset) + entry.offset
            if entry.again_at is not None:
                entry.again_at = at


def _pass_ticks(entry: _Entry, at: datetime) -> int:
    """Plan the first tick after now; how many had come until now (a thousand at most)."""
    cron = entry.terms.cron
    if cron is None or entry.due_at is None or entry.due_at > at:
        return 0
    tick, passed = entry.due_at - entry.offset, 1
    while passed < _MOST_COUNTED and (later := cron.after(tick)) + entry.offset <= at:
        tick, passed = later, passed + 1
    entry.due_at = cron.after(at - entry.offset) + entry.offset
    return passed


def _ticked(entry: _Entry, at: datetime) -> bool:
    return entry.due_at is not None and entry.due_at <= at


def _is_due(entry: _Entry, at: datetime) -> bool:
    if entry.running:
        return False
    again = entry.again_at is not None and entry.again_at <= at
    return entry.called or again or _ticked(entry, at)
