"""The heap's promises: nobody is forgotten, nobody is asked too often, skips are counted."""

import asyncio
import math
from collections import Counter
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minestream_runtime.collecting.scheduler import (
    JITTER_RATIO,
    SHORTEST_SLEEP_S,
    Schedule,
    Scheduler,
)

TARGETS = st.sampled_from([f"target-{number}" for number in range(8)])
INTERVALS_S = st.sampled_from([1.0, 10.0, 60.0, 300.0])


def drain(schedule: Schedule, now_s: float) -> list[str]:
    return [due.target for due in schedule.due(now_s, most=10**9)]


class Promises(RuleBasedStateMachine):
    """Any order of additions, removals, changes, silences, answers and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.schedule = Schedule(wall_offset_s=1.7e9)
        self.intervals: dict[str, float] = {}
        self.factors: dict[str, int] = {}
        self.last_due_s: dict[str, float] = {}

    @rule(who=TARGETS, interval_s=INTERVALS_S)
    def add(self, who: str, interval_s: float) -> None:
        self.schedule.add(who, interval_s=interval_s, now_s=self.now_s)
        self.factors.setdefault(who, 1)
        self.intervals[who] = interval_s
        self.last_due_s.pop(who, None)

    @rule(who=TARGETS)
    def remove(self, who: str) -> None:
        self.schedule.remove(who)
        self.intervals.pop(who, None)
        self.factors.pop(who, None)
        self.last_due_s.pop(who, None)

    @precondition(lambda self: self.intervals)
    @rule(data=st.data(), answered=st.booleans())
    def settle(self, data: st.DataObject, *, answered: bool) -> None:
        target = data.draw(st.sampled_from(sorted(self.intervals)))
        if answered:
            self.schedule.answered(target, now_s=self.now_s)
            self.factors[target] = 1
        else:
            self.schedule.silent(target, now_s=self.now_s)
            self.factors[target] = min(10, self.factors[target] * 2)
        self.last_due_s.pop(target, None)

    @rule(seconds=st.floats(0.0, 2000.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        found = self.schedule.due(self.now_s, most=10**9)
        assert [due.late_s for due in found] == sorted((d.late_s for d in found), reverse=True)
        assert len({due.target for due in found}) == len(found), "due twice at one instant"
        for due in found:
            interval_s, factor = self.intervals[due.target], self.factors[due.target]
            at_s = self.now_s - due.late_s
            before_s = self.last_due_s.get(due.target)
            if before_s is not None:
                shortest_s = interval_s * (factor - 2 * JITTER_RATIO)
                assert at_s - before_s >= shortest_s - 1e-3
            ticks_s = (due.skipped + 1) * interval_s * factor
            self.last_due_s[due.target] = at_s + ticks_s - interval_s * factor

    @invariant()
    def every_target_is_planned_within_its_period(self) -> None:
        assert len(self.schedule) == len(self.intervals)
        next_s = self.schedule.next_due()
        if not self.intervals:
            assert next_s is None
            return
        assert next_s is not None
        longest_s = min(
            self.intervals[target] * (self.factors[target] + 1 + JITTER_RATIO)
            for target in self.intervals
        )
        assert next_s <= self.now_s + longest_s
        assert all(
            self.schedule.factor_after(target, answered=False) == min(10, factor * 2)
            for target, factor in self.factors.items()
        )

    @invariant()
    def the_heap_does_not_grow(self) -> None:
        assert len(self.schedule._heap) <= 64 + 2 * len(self.schedule) + 1


TestPromises = Promises.TestCase
TestPromises.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_hundred_thousand_targets_are_each_asked_once_per_interval() -> None:
    schedule, interval_s = Schedule(wall_offset_s=1.7e9), 30.0
    for number in range(100_000):
        schedule.add(f"t-{number}", interval_s=interval_s, now_s=0.0)
    asked: Counter[str] = Counter()
    per_second: list[int] = []
    for second in range(1, 301):
        found = drain(schedule, float(second))
        per_second.append(len(found))
        asked.update(found)
    assert len(asked) == 100_000
    assert set(asked.values()) <= {9, 10, 11}
    assert sum(asked.values()) == pytest.approx(1_000_000, rel=0.01)
    # spread evenly: no second has more than 15 % above its share
    assert max(per_second[31:]) < 1.15 * 100_000 / interval_s
    assert len(schedule._heap) == 100_000


def test_a_restart_keeps_the_phases() -> None:
    def first_due(wall_offset_s: float) -> float:
        schedule = Schedule(wall_offset_s=wall_offset_s)
        schedule.add("t", interval_s=60.0, now_s=1.7e9 - wall_offset_s)
        due_s = schedule.next_due()
        assert due_s is not None
        return due_s + wall_offset_s

    assert first_due(1.7e9) == pytest.approx(first_due(1.7e9 - 12345.0), abs=1e-3)


def test_missed_ticks_are_skipped_and_counted() -> None:
    schedule = Schedule()
    schedule.add("t", interval_s=10.0, now_s=0.0)
    first = schedule.due(10.5 + 10)
    again = schedule.due(10.5 + 1000.0)
    assert [due.skipped for due in first] in ([0], [1])
    assert [due.target for due in again] == ["t"]
    assert again[0].skipped in (98, 99)
    assert schedule.due(10.5 + 1000.0) == []


def test_a_silent_target_is_asked_a_tenth_as_often_and_at_once_as_usual_when_it_answers() -> None:
    schedule = Schedule()
    schedule.add("t", interval_s=10.0, now_s=0.0)
    factors = []
    for _ in range(5):
        factors.append(schedule.factor_after("t", answered=False))
        schedule.silent("t", now_s=0.0)
    assert factors == [2, 4, 8, 10, 10]
    asked = sum(len(schedule.due(float(second))) for second in range(1, 1001))
    assert asked in (9, 10, 11)
    schedule.answered("t", now_s=1000.0)
    asked = sum(len(schedule.due(float(second))) for second in range(1001, 1101))
    assert asked in (9, 10, 11)


def test_of_two_that_are_due_together_the_more_urgent_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("minestream_runtime.collecting.scheduler._origin_s", lambda _: 3.0)
    schedule = Schedule()
    schedule.add("a-usual", interval_s=10.0, now_s=0.0)
    schedule.add("z-urgent", interval_s=10.0, now_s=0.0, priority=5)
    assert drain(schedule, 10.0) == ["z-urgent", "a-usual"]


@given(st.floats(max_value=0.0) | st.sampled_from([math.inf, math.nan]))
def test_an_interval_that_is_none_is_refused(interval_s: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Schedule().add("t", interval_s=interval_s, now_s=0.0)


class Steps:
    """A clock that a test moves; every sleep moves it too."""

    def __init__(self) -> None:
        self.now_s = 50.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(1.7e9 + self.now_s, UTC)

    def monotonic(self) -> float:
        return self.now_s


async def test_the_loop_hands_out_what_is_due_and_takes_changes_at_once() -> None:
    clock, asked = Steps(), list[str]()

    def submit(target: str) -> bool:
        asked.append(target)
        return True

    scheduler = Scheduler(clock, submit)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(scheduler.run())
        scheduler.add("a", interval_s=10.0)
        for _ in range(12):
            clock.now_s += 1.0
            await asyncio.sleep(SHORTEST_SLEEP_S * 2)
            scheduler.add("b", interval_s=10.0)
            scheduler._wake.set()
        await asyncio.sleep(SHORTEST_SLEEP_S * 2)
        running.cancel()
    assert asked.count("a") in (1, 2)
    assert asked.count("b") in (1, 2)
    assert SHORTEST_SLEEP_S >= 0.001
