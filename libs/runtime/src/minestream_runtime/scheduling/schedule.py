"""Which targets are due: one heap over all of them; time is passed in. Knows nothing of polls."""

import hashlib
import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Final

from minestream_runtime.scheduling import pace as paces
from minestream_runtime.scheduling.pace import USUAL, Pace, Tempo

JITTER_RATIO: Final = 0.05
STEP_S: Final = 0.1
"""Ticks come together in steps of so long, or of a fiftieth of an interval where that is shorter:
ten polls that share their wake-ups and their requests to Kafka cost what six alone do."""
STEPS_PER_INTERVAL: Final = 50
_MOST_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """One target whose time has come.

    Args:
        target: its id.
        late_s: seconds since it was due.
        skipped: ticks before this one that passed unserved (we were too slow).
        urgent: it was asked for out of turn.
    """

    target: str
    late_s: float
    skipped: int
    urgent: bool = False


@dataclass(slots=True)
class _Plan:
    interval_s: float
    priority: int
    origin_s: float
    pace: Pace = USUAL
    period_s: float = 0.0
    tick: int = 0
    due_s: float = 0.0
    version: int = 0
    urgent: bool = False


_Entry = tuple[float, int, str, int]


class Schedule:
    """The pure core: a heap of (due, -priority, target); time is passed in.

    Each target ticks on a grid of its own, ``hash(target) mod period`` on the wall clock, so the
    load is spread evenly and stays spread over restarts; each tick is moved by up to ±5 %, so
    that no two fleets march in step, and to the nearest tenth of a second, so that those of a
    few targets come together. Its period follows what happens to it (``pace``); as the
    factors are whole, a slower or faster grid has ticks in common with its usual one.

    Args:
        wall_offset_s: what to add to the (monotonic) seconds passed in to get seconds since 1970.
        tempo: by which rules periods follow.
    """

    def __init__(self, *, wall_offset_s: float = 0.0, tempo: Tempo | None = None) -> None:
        self._offset_s = wall_offset_s
        self._tempo = tempo or Tempo()
        self._plans: dict[str, _Plan] = {}
        self._heap: list[_Entry] = []
        self._versions = itertools.count()

    def __len__(self) -> int:
        return len(self._plans)

    def __contains__(self, target: str) -> bool:
        return target in self._plans

    def add(self, target: str, *, interval_s: float, now_s: float, priority: int = 0) -> None:
        """Take a target in, or change the interval or priority of one that is there.

        Args:
            target: its id; decides its phase.
            interval_s: seconds between its ticks when nothing is the matter, above 0.
            now_s: monotonic seconds.
            priority: of two due at the same instant the higher one goes first.

        Raises:
            ValueError: the interval is not a finite number above 0.
        """
        if not (math.isfinite(interval_s) and interval_s > 0):
            raise ValueError(f"an interval is above 0 s, not {interval_s}")
        plan = self._plans.get(target)
        if plan is None:
            plan = self._plans[target] = _Plan(interval_s, priority, _origin_s(target))
        elif (plan.interval_s, plan.priority) == (interval_s, priority):
            return
        plan.interval_s, plan.priority = interval_s, priority
        self._replan(target, plan, now_s)

    def remove(self, target: str) -> None:
        """Let a target go; unknown ones too."""
        self._plans.pop(target, None)
        self._tidy()

    def priority_of(self, target: str) -> int:
        """A target's priority; 0 for one that is not there."""
        plan = self._plans.get(target)
        return plan.priority if plan else 0

    def period_after(
        self, target: str, *, now_s: float, answered: bool, changed: bool = False
    ) -> float | None:
        """How long until its next tick, s, if a poll has ended so; None: it is not there.

        At most so long: the next tick of a new grid may be nearer.
        """
        plan = self._plans.get(target)
        if plan is None:
            return None
        return self._period_s(
            plan,
            paces.after(plan.pace, plan.interval_s, now_s, answered=answered, changed=changed),
            now_s,
        )

    def settle(self, target: str, *, now_s: float, answered: bool, changed: bool = False) -> None:
        """A poll has ended so: from here on its period is what ``period_after`` has told."""
        plan = self._plans.get(target)
        if plan is not None:
            pace = paces.after(
                plan.pace, plan.interval_s, now_s, answered=answered, changed=changed
            )
            self._take_pace(target, plan, pace, now_s)

    def hurry(self, target: str, *, now_s: float, for_s: float | None = None) -> bool:
        """Ask it twice as often for a while (see ``pace.hurried``); False: it is not there."""
        plan = self._plans.get(target)
        if plan is None:
            return False
        pace = paces.hurried(plan.pace, plan.interval_s, now_s, for_s)
        self._take_pace(target, plan, pace, now_s)
        return True

    def at_once(self, target: str, *, now_s: float) -> bool:
        """Ask it now, out of turn; its ticks stay. False: it is not there."""
        plan = self._plans.get(target)
        if plan is None:
            return False
        plan.urgent, plan.due_s = True, min(plan.due_s, now_s)
        self._push(target, plan)
        return True

    def next_due(self) -> float | None:
        """When the next target is due (monotonic seconds); None without targets."""
        while self._heap and self._stale(self._heap[0]):
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def due(self, now_s: float, *, most: int = _MOST_AT_ONCE) -> list[Due]:
        """Take what is due, the longest waiting first, and plan the next tick of each.

        Args:
            now_s: monotonic seconds.
            most: at most so many; call again for more.
        """
        found: list[Due] = []
        while len(found) < most and (at_s := self.next_due()) is not None and at_s <= now_s:
            target = self._heap[0][2]
            plan = self._plans[target]
            before = plan.tick
            if plan.urgent:
                self._return_to_grid(plan, now_s)
                found.append(Due(target, now_s - at_s, 0, urgent=True))
            else:
                self._advance(plan, now_s)
                found.append(Due(target, now_s - at_s, plan.tick - before - 1))
            heapq.heapreplace(self._heap, _entry(target, plan))
        return found

    def _period_s(self, plan: _Plan, pace: Pace, now_s: float) -> float:
        return self._tempo.period_s(pace, plan.interval_s, now_s, priority=plan.priority)

    def _take_pace(self, target: str, plan: _Plan, pace: Pace, now_s: float) -> None:
        plan.pace = pace
        if not plan.urgent and self._period_s(plan, pace, now_s) != plan.period_s:
            self._replan(target, plan, now_s)

    def _replan(self, target: str, plan: _Plan, now_s: float) -> None:
        plan.period_s = self._period_s(plan, plan.pace, now_s)
        plan.tick = self._tick_at(plan, now_s)
        self._advance(plan, now_s)
        if plan.urgent:
            plan.due_s = now_s
        self._push(target, plan)

    def _push(self, target: str, plan: _Plan) -> None:
        plan.version = next(self._versions)
        heapq.heappush(self._heap, _entry(target, plan))
        self._tidy()

    def _return_to_grid(self, plan: _Plan, now_s: float) -> None:
        """After a poll out of turn: its next tick, but not one that comes at once."""
        plan.urgent = False
        plan.period_s = self._period_s(plan, plan.pace, now_s)
        plan.tick = self._tick_at(plan, now_s)
        self._advance(plan, now_s + 2 * JITTER_RATIO * plan.period_s)

    def _advance(self, plan: _Plan, now_s: float) -> None:
        plan.tick = max(plan.tick + 1, self._tick_at(plan, now_s))
        plan.due_s = self._due_s(plan)
        while plan.due_s <= now_s:
            plan.tick += 1
            plan.due_s = self._due_s(plan)

    def _tick_at(self, plan: _Plan, now_s: float) -> int:
        phase_s = plan.origin_s % plan.period_s
        return math.floor((now_s + self._offset_s - phase_s) / plan.period_s)

    def _due_s(self, plan: _Plan) -> float:
        phase_s = plan.origin_s % plan.period_s
        at_s = phase_s + plan.tick * plan.period_s
        jitter = JITTER_RATIO * plan.interval_s * _noise(plan.origin_s, round(at_s * 1000))
        step_s = min(STEP_S, plan.interval_s / STEPS_PER_INTERVAL)
        return round((at_s + jitter) / step_s) * step_s - self._offset_s

    def _stale(self, entry: _Entry) -> bool:
        plan = self._plans.get(entry[2])
        return plan is None or plan.version != entry[3]

    def _tidy(self) -> None:
        if len(self._heap) > 64 + 2 * len(self._plans):
            self._heap = [_entry(target, plan) for target, plan in self._plans.items()]
            heapq.heapify(self._heap)


def _entry(target: str, plan: _Plan) -> _Entry:
    return (plan.due_s, -plan.priority, target, plan.version)


def _origin_s(target: str) -> float:
    """A number of seconds that is the target's own, the same in every process."""
    digest = hashlib.blake2b(target.encode(), digest_size=5).digest()
    return int.from_bytes(digest, "big") / 1000


def _noise(origin_s: float, at_ms: int) -> float:
    """-1 to 1, decided by the target and its tick's instant: a tick of two grids is one."""
    mixed = (int(origin_s * 1000) ^ at_ms * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
    return (mixed >> 16 & 0xFFFF) / 32767.5 - 1
