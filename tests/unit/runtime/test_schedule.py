"""The heap's promises: nobody is forgotten, nobody is asked too often, skips are counted."""

import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from minestream_runtime.scheduling.pace import Tempo, slowest_factor
from minestream_runtime.scheduling.schedule import JITTER_RATIO, Schedule

TARGETS = st.sampled_from([f"target-{number}" for number in range(8)])
INTERVALS_S = st.sampled_from([1.0, 10.0, 60.0, 300.0])


def drain(schedule: Schedule, now_s: float) -> list[str]:
    return [due.target for due in schedule.due(now_s, most=10**9)]


class Promises(RuleBasedStateMachine):
    """Any order of additions, removals, changes, silences, answers, hurries and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 1000.0
        self.schedule = Schedule(wall_offset_s=1.7e9, tempo=Tempo(floor_s=0.5, calm=True))
        self.intervals: dict[str, float] = {}
        self.told_s: dict[str, tuple[float, float]] = {}
        """When a poll was settled, and how long until the next was told."""
        self.last_due_s: dict[str, float] = {}

    @rule(who=TARGETS, interval_s=INTERVALS_S)
    def add(self, who: str, interval_s: float) -> None:
        self.schedule.add(who, interval_s=interval_s, now_s=self.now_s)
        if self.intervals.get(who) != interval_s:
            self.told_s.pop(who, None)
        self.intervals[who] = interval_s

    @rule(who=TARGETS)
    def remove(self, who: str) -> None:
        self.schedule.remove(who)
        for known in (self.intervals, self.told_s, self.last_due_s):
            known.pop(who, None)

    @precondition(lambda self: self.intervals)
    @rule(data=st.data(), answered=st.booleans(), changed=st.booleans())
    def settle(self, data: st.DataObject, *, answered: bool, changed: bool) -> None:
        target = data.draw(st.sampled_from(sorted(self.intervals)))
        how = {"answered": answered, "changed": changed}
        told_s = self.schedule.period_after(target, now_s=self.now_s, **how)
        assert told_s is not None
        interval_s = self.intervals[target]
        assert min(interval_s, 0.5) <= told_s <= interval_s * slowest_factor(interval_s)
        self.schedule.settle(target, now_s=self.now_s, **how)
        self.told_s[target] = self.now_s, told_s

    @precondition(lambda self: self.intervals)
    @rule(data=st.data(), at_once=st.booleans())
    def hurry(self, data: st.DataObject, *, at_once: bool) -> None:
        target = data.draw(st.sampled_from(sorted(self.intervals)))
        assert self.schedule.hurry(target, now_s=self.now_s)
        if at_once:
            assert self.schedule.at_once(target, now_s=self.now_s)
            assert self.schedule.next_due() is not None
            assert (self.schedule.next_due() or math.inf) <= self.now_s

    @rule(seconds=st.floats(0.0, 2000.0))
    def wait(self, seconds: float) -> None:
        self.now_s += seconds
        found = self.schedule.due(self.now_s, most=10**9)
        assert [due.late_s for due in found] == sorted((d.late_s for d in found), reverse=True)
        assert len({due.target for due in found}) == len(found), "due twice at one instant"
        for due in found:
            at_s = self.now_s - due.late_s
            settled = self.told_s.pop(due.target, None)
            if settled is not None:
                most_s = settled[1] + 4 * JITTER_RATIO * self.intervals[due.target]
                assert at_s - settled[0] <= most_s + 1e-3, "later than was told"
        # whoever was told to be asked by now has been
        for target, (since_s, told_s) in self.told_s.items():
            slack_s = 4 * JITTER_RATIO * self.intervals[target]
            assert self.now_s <= since_s + told_s + slack_s + 1e-3

    @invariant()
    def every_target_is_planned(self) -> None:
        assert len(self.schedule) == len(self.intervals)
        next_s = self.schedule.next_due()
        if not self.intervals:
            assert next_s is None
            return
        assert next_s is not None
        longest_s = min(
            each * (slowest_factor(each) + 4 * JITTER_RATIO) for each in self.intervals.values()
        )
        assert next_s <= self.now_s + longest_s

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
    for second in range(1, 151):
        found = drain(schedule, float(second))
        per_second.append(len(found))
        asked.update(found)
    assert len(asked) == 100_000
    assert set(asked.values()) <= {4, 5, 6}
    assert sum(asked.values()) == pytest.approx(500_000, rel=0.01)
    # spread evenly: no second has more than 15 % above its share
    assert max(per_second[31:]) < 1.15 * 100_000 / interval_s
    assert len(schedule._heap) == 100_000


@pytest.mark.parametrize(("interval_s", "step_s"), [(60.0, 0.1), (10.0, 0.1), (1.0, 0.02)])
def test_ticks_of_many_targets_come_together_in_steps(interval_s: float, step_s: float) -> None:
    schedule, targets = Schedule(), 2000
    for number in range(targets):
        schedule.add(f"t-{number}", interval_s=interval_s, now_s=0.0)
    instants = Counter[int]()
    while (at_s := schedule.next_due()) is not None and at_s < 2 * interval_s:
        found = schedule.due(at_s, most=10**9)
        assert at_s == pytest.approx(round(at_s / step_s) * step_s, abs=1e-6)
        instants[round(at_s / step_s)] += len(found)
    assert sum(instants.values()) == pytest.approx(2 * targets, rel=0.05)
    # and stay spread over them
    share = targets * step_s / interval_s
    assert max(instants.values()) < share + 6 * math.sqrt(share)


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


def asked_within(schedule: Schedule, begin_s: float, seconds: int) -> int:
    """How often its one target is due in so many seconds, looked at each of them."""
    return sum(len(schedule.due(begin_s + second)) for second in range(1, seconds + 1))


def told(schedule: Schedule, now_s: float, *, answered: bool, changed: bool = False) -> float:
    """Settle a poll; what was told of the next."""
    period_s = schedule.period_after("t", now_s=now_s, answered=answered, changed=changed)
    schedule.settle("t", now_s=now_s, answered=answered, changed=changed)
    assert period_s is not None
    return period_s


def one(interval_s: float, *, calm: bool = False, priority: int = 0) -> Schedule:
    schedule = Schedule(wall_offset_s=1.7e9, tempo=Tempo(calm=calm))
    schedule.add("t", interval_s=interval_s, now_s=0.0, priority=priority)
    return schedule


@pytest.mark.parametrize(
    ("interval_s", "periods"),
    [
        (10.0, [20, 40, 50, 50]),
        (60.0, [120, 240, 300, 300]),
        (120.0, [240, 240, 240, 240]),
        (300.0, [300, 300, 300, 300]),
        (900.0, [900, 900, 900, 900]),
    ],
)
def test_a_silent_target_is_asked_less_often_up_to_five_intervals_or_300_s(
    interval_s: float, periods: list[float]
) -> None:
    schedule = one(interval_s)
    assert [told(schedule, 0.0, answered=False) for _ in range(4)] == periods
    seconds = int(10 * periods[-1])
    assert asked_within(schedule, 0.0, seconds) in (9, 10, 11)


def test_one_that_answers_again_is_asked_twice_as_often_for_ten_minutes_and_then_as_usual() -> None:
    schedule = one(60.0)
    told(schedule, 0.0, answered=False)
    assert told(schedule, 1000.0, answered=True) == 30.0
    assert asked_within(schedule, 1000.0, 600) in (19, 20, 21)
    assert told(schedule, 1601.0, answered=True) == 60.0
    assert asked_within(schedule, 1601.0, 600) in (9, 10, 11)


@pytest.mark.parametrize("why", ["hurry", "changed"])
def test_trouble_halves_the_period_for_ten_intervals(why: str) -> None:
    schedule = one(60.0)
    if why == "hurry":
        assert schedule.hurry("t", now_s=0.0)
        assert told(schedule, 1.0, answered=True) == 30.0
    else:
        assert told(schedule, 0.0, answered=True, changed=True) == 30.0
    assert asked_within(schedule, 1.0, 590) in (19, 20, 21)
    assert told(schedule, 599.0, answered=True) == 30.0
    assert told(schedule, 601.0, answered=True) == 60.0


def test_no_trouble_is_looked_at_more_closely_for_over_ten_minutes() -> None:
    schedule = one(300.0)
    schedule.hurry("t", now_s=0.0)
    assert told(schedule, 599.0, answered=True) == 150.0
    assert told(schedule, 600.0, answered=True) == 300.0


def test_who_is_asked_more_often_anyway_is_looked_at_closely_for_ten_of_its_intervals() -> None:
    schedule = one(20.0)
    schedule.hurry("t", now_s=0.0)
    assert told(schedule, 199.0, answered=True) == 10.0
    assert told(schedule, 200.0, answered=True) == 20.0


@pytest.mark.parametrize(
    ("interval_s", "period_s"), [(10.0, 10.0), (12.0, 10.0), (5.0, 5.0), (300.0, 150.0)]
)
def test_no_trouble_makes_it_asked_more_often_than_the_floor_allows(
    interval_s: float, period_s: float
) -> None:
    schedule = one(interval_s)
    schedule.hurry("t", now_s=0.0)
    assert told(schedule, 0.0, answered=True) == period_s


def test_one_that_is_hurried_and_silent_is_asked_as_usual_until_the_hurry_is_over() -> None:
    schedule = one(60.0)
    schedule.hurry("t", now_s=0.0)
    assert [told(schedule, at_s, answered=False) for at_s in (30.0, 90.0)] == [60.0, 60.0]
    assert told(schedule, 601.0, answered=False) == 300.0


def test_only_where_it_is_wished_is_a_calm_target_asked_less_often() -> None:
    for calm, priority, last_s in ((False, 0, 60.0), (True, 1, 60.0), (True, 0, 300.0)):
        schedule = one(60.0, calm=calm, priority=priority)
        periods = [told(schedule, 60.0 * number, answered=True) for number in range(80)]
        assert periods[:29] == [60.0] * 29
        assert periods == sorted(periods)
        assert periods[-1] == last_s
        assert told(schedule, 6000.0, answered=True, changed=True) == 30.0
        assert told(schedule, 7000.0, answered=True) == 60.0


def test_the_next_tick_of_another_period_does_not_come_at_once() -> None:
    for number in range(200):
        schedule = Schedule(wall_offset_s=1.7e9 + number)
        schedule.add(f"t{number}", interval_s=60.0, now_s=0.0)
        at_s = schedule.next_due()
        assert at_s is not None
        schedule.due(at_s)
        schedule.settle(f"t{number}", now_s=at_s + 0.1, answered=True, changed=True)
        next_s = schedule.next_due()
        assert next_s is not None
        assert 30 - 6.1 <= next_s - at_s <= 30 + 6.1


def test_one_that_is_asked_out_of_turn_keeps_its_ticks() -> None:
    schedule = one(60.0)
    first_s = schedule.next_due()
    assert first_s is not None
    assert schedule.at_once("t", now_s=first_s - 30)
    (due,) = schedule.due(first_s - 30)
    assert (due.urgent, due.skipped, due.late_s) == (True, 0, 0.0)
    assert schedule.next_due() == pytest.approx(first_s)
    schedule.at_once("t", now_s=first_s - 1)
    schedule.due(first_s - 1)
    next_s = schedule.next_due()
    assert next_s is not None
    assert next_s > first_s + 50, "not again a second later"
    assert not schedule.at_once("unknown", now_s=0.0)
    assert not schedule.hurry("unknown", now_s=0.0)
    assert schedule.period_after("unknown", now_s=0.0, answered=True) is None
    schedule.settle("unknown", now_s=0.0, answered=True)


def test_of_two_that_are_due_together_the_more_urgent_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("minestream_runtime.scheduling.schedule._origin_s", lambda _: 3.0)
    schedule = Schedule()
    schedule.add("a-usual", interval_s=10.0, now_s=0.0)
    schedule.add("z-urgent", interval_s=10.0, now_s=0.0, priority=5)
    assert drain(schedule, 10.0) == ["z-urgent", "a-usual"]


@given(st.floats(max_value=0.0) | st.sampled_from([math.inf, math.nan]))
def test_an_interval_that_is_none_is_refused(interval_s: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Schedule().add("t", interval_s=interval_s, now_s=0.0)
