"""Tells which targets are due: one heap over all of them; knows nothing of what a poll is."""

import asyncio
import hashlib
import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from minestream_runtime.clock import Clock
from minestream_runtime.metrics import counter, histogram

JITTER_RATIO: Final = 0.05
MOST_BACK_OFF: Final = 10
SHORTEST_SLEEP_S: Final = 0.01
"""Never shorter than 1 ms: uvloop spins on shorter ones (42 % of a core, measured)."""
_LONGEST_SLEEP_S: Final = 1.0
_MOST_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True)
class Due:
    """One target whose time has come.

    Args:
        target: its id.
        late_s: seconds since it was due.
        skipped: ticks before this one that passed unserved (we were too slow).
    """

    target: str
    late_s: float
    skipped: int


@dataclass(slots=True)
class _Plan:
    interval_s: float
    priority: int
    origin_s: float
    factor: int = 1
    tick: int = 0
    due_s: float = 0.0
    version: int = 0

    @property
    def period_s(self) -> float:
        return self.interval_s * self.factor


_Entry = tuple[float, int, str, int]


class Schedule:
    """The pure core: a heap of (due, -priority, target); time is passed in.

    Each target ticks on a grid of its own, ``hash(target) mod period`` on the wall clock, so the
    load is spread evenly and stays spread over restarts; each tick is moved by up to ±5 %, so
    that no two fleets march in step. A target that is silent is asked half as often each time,
    down to a tenth; as the factors are whole, its slower grid lies on its usual one.

    Args:
        wall_offset_s: what to add to the (monotonic) seconds passed in to get seconds since 1970.
    """

    def __init__(self, *, wall_offset_s: float = 0.0) -> None:
        self._offset_s = wall_offset_s
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
            interval_s: seconds between its ticks, above 0.
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

    def factor_after(self, target: str, *, answered: bool) -> int:
        """How many intervals it will wait once it has answered, or has been silent once more."""
        plan = self._plans.get(target)
        return 1 if answered or plan is None else _next_factor(plan.factor)

    def interval_after(self, target: str, *, answered: bool) -> float:
        """The same in seconds; 0 for a target that is not there."""
        plan = self._plans.get(target)
        return plan.interval_s * self.factor_after(target, answered=answered) if plan else 0.0

    def answered(self, target: str, *, now_s: float) -> None:
        """It answered: back to its usual interval."""
        plan = self._plans.get(target)
        if plan is not None and plan.factor != 1:
            plan.factor = 1
            self._replan(target, plan, now_s)

    def silent(self, target: str, *, now_s: float) -> None:
        """It did not answer: ask half as often, down to a tenth."""
        plan = self._plans.get(target)
        if plan is not None and plan.factor < MOST_BACK_OFF:
            plan.factor = _next_factor(plan.factor)
            self._replan(target, plan, now_s)

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
            self._advance(plan, now_s)
            found.append(Due(target, now_s - at_s, plan.tick - before - 1))
            heapq.heapreplace(self._heap, _entry(target, plan))
        return found

    def _replan(self, target: str, plan: _Plan, now_s: float) -> None:
        plan.version = next(self._versions)
        plan.tick = self._tick_at(plan, now_s)
        self._advance(plan, now_s)
        heapq.heappush(self._heap, _entry(target, plan))
        self._tidy()

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
        jitter = JITTER_RATIO * plan.interval_s * _noise(plan.origin_s, plan.tick)
        return phase_s + plan.tick * plan.period_s + jitter - self._offset_s

    def _stale(self, entry: _Entry) -> bool:
        plan = self._plans.get(entry[2])
        return plan is None or plan.version != entry[3]

    def _tidy(self) -> None:
        if len(self._heap) > 64 + 2 * len(self._plans):
            self._heap = [_entry(target, plan) for target, plan in self._plans.items()]
            heapq.heapify(self._heap)


def _entry(target: str, plan: _Plan) -> _Entry:
    return (plan.due_s, -plan.priority, target, plan.version)


def _next_factor(factor: int) -> int:
    return min(factor * 2, MOST_BACK_OFF)


def _origin_s(target: str) -> float:
    """A number of seconds that is the target's own, the same in every process."""
    digest = hashlib.blake2b(target.encode(), digest_size=5).digest()
    return int.from_bytes(digest, "big") / 1000


def _noise(origin_s: float, tick: int) -> float:
    """-1 to 1, decided by the target and the tick, so that a replay schedules alike."""
    mixed = (int(origin_s * 1000) ^ tick * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93
    return (mixed >> 16 & 0xFFFF) / 32767.5 - 1


class Scheduler:
    """The loop around a ``Schedule``: hands over each target when it is due.

    Args:
        clock: its monotonic seconds count; the wall clock is looked at once, for the phases.
        submit: takes a due target at once (no waiting); False: its last poll is still under way.
    """

    def __init__(self, clock: Clock, submit: Callable[[str], bool]) -> None:
        self._clock = clock
        self._submit = submit
        self._wake = asyncio.Event()
        self.schedule = Schedule(wall_offset_s=clock.now().timestamp() - clock.monotonic())

    def add(self, target: str, *, interval_s: float, priority: int = 0) -> None:
        """Take a target in, or change its interval or priority; takes effect at once."""
        now_s = self._clock.monotonic()
        self.schedule.add(target, interval_s=interval_s, now_s=now_s, priority=priority)
        self._wake.set()

    def remove(self, target: str) -> None:
        """Let a target go."""
        self.schedule.remove(target)

    def settle(self, target: str, *, answered: bool) -> None:
        """Tell how its poll ended, so that a silent target is asked less often."""
        now_s = self._clock.monotonic()
        if answered:
            self.schedule.answered(target, now_s=now_s)
        else:
            self.schedule.silent(target, now_s=now_s)

    async def run(self) -> None:
        """Hand out due targets until cancelled."""
        lateness = histogram("minestream_poll_lateness_seconds")
        skipped = counter("minestream_polls_skipped_total")
        while True:
            self._wake.clear()
            for due in self.schedule.due(self._clock.monotonic()):
                if due.skipped:
                    skipped.labels("late").inc(due.skipped)
                if self._submit(due.target):
                    lateness.observe(due.late_s)
                else:
                    skipped.labels("busy").inc()
            await self._sleep()

    async def _sleep(self) -> None:
        at_s = self.schedule.next_due()
        wait_s = _LONGEST_SLEEP_S if at_s is None else at_s - self._clock.monotonic()
        try:
            async with asyncio.timeout(min(max(wait_s, SHORTEST_SLEEP_S), _LONGEST_SLEEP_S)):
                await self._wake.wait()
        except TimeoutError:
            return
