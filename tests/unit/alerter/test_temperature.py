"""Chips above 80 and 90 °C: holds, hysteresis, severities, gaps."""

import pytest
from tests.unit.alerter.scripts import BEGAN, HOT, at, reading, run, story, temps

from alerter.domain.lifecycle import NEW, judge


def test_a_breach_fires_once_it_has_lasted_for_the_hold() -> None:
    _, told = run(HOT, temps(85, 85, 85, 85))
    assert story(told) == [(1, "warning", "firing", 60)]
    alert = told[0].alert
    assert (alert.began_at, alert.fired_at, alert.ended_at) == (BEGAN, at(60), None)
    assert (alert.value, alert.limit, alert.unit) == (85, 80, "°C")
    assert alert.source_event_id == reading(60).event_id
    assert told[0].traceparent == "trace-60"


def test_the_limit_itself_is_no_breach() -> None:
    assert run(HOT, temps(80, 80, 80, 80))[1] == []


def test_one_hot_reading_never_fires_however_old_it_is() -> None:
    assert run(HOT, [reading(0, 95), reading(3600, 70), reading(3660, 95)])[1] == []


def test_a_dip_below_the_limit_begins_the_hold_anew() -> None:
    _, told = run(HOT, temps(85, 85, 79.9, 85, 85, 85))
    assert story(told) == [(1, "warning", "firing", 150)]
    assert told[0].alert.began_at == at(90)


def test_above_both_limits_is_one_critical_alert() -> None:
    assert story(run(HOT, temps(95, 95, 95, 95))[1]) == [(1, "critical", "firing", 60)]


def test_a_rise_to_critical_is_a_transition_of_the_same_alert_after_its_own_hold() -> None:
    _, told = run(HOT, temps(85, 85, 85, 95, 95, 95))
    assert story(told) == [(1, "warning", "firing", 60), (2, "critical", "firing", 150)]
    first, second = (each.alert for each in told)
    assert first.alert_id == second.alert_id
    assert first.event_id != second.event_id
    assert (second.began_at, second.fired_at, second.limit) == (BEGAN, at(60), 90)


def test_a_fall_to_warning_is_a_transition_after_its_hold() -> None:
    _, told = run(HOT, temps(95, 95, 95, *[85] * 6))
    assert story(told) == [(1, "critical", "firing", 60), (2, "warning", "firing", 210)]


def test_it_resolves_below_the_limit_less_the_hysteresis_for_the_resolving_hold() -> None:
    _, told = run(HOT, temps(85, 85, 85, *[77] * 6))
    assert story(told) == [(1, "warning", "firing", 60), (2, "warning", "resolved", 210)]
    assert told[1].alert.ended_at == at(210)
    assert told[1].alert.summary == "site-a-m1: a chip at 77.0 °C, back below 78 °C"


def test_a_critical_alert_that_cools_at_once_is_resolved_as_critical() -> None:
    _, told = run(HOT, temps(95, 95, 95, *[70] * 6))
    assert story(told) == [(1, "critical", "firing", 60), (2, "critical", "resolved", 210)]


@pytest.mark.parametrize("between_c", [78.0, 79.0, 80.0])
def test_between_limit_and_hysteresis_nothing_changes(between_c: float) -> None:
    state, told = run(HOT, temps(85, 85, 85, *[between_c] * 50))
    assert story(told) == [(1, "warning", "firing", 60)]
    assert state.firing is not None


def test_flapping_around_the_limit_tells_one_alert() -> None:
    _, told = run(HOT, temps(85, 85, 85, *[79, 85, 77, 85] * 25))
    assert story(told) == [(1, "warning", "firing", 60)]


def test_readings_without_a_temperature_neither_fire_nor_resolve() -> None:
    _, told = run(HOT, temps(85, None, None, 85, *[None] * 20, 85, 70, *[None] * 20, 70))
    assert story(told)[0] == (1, "warning", "firing", 90)
    assert story(told)[1][2] == "resolved", "two clear readings, long apart, nothing in between"
    state, _ = run(HOT, temps(85, 85, 85))
    after, told = run(HOT, [reading(90 + s, answered=False) for s in range(0, 9000, 30)], state)
    assert told == []
    assert after.firing == state.firing


def test_a_late_reading_changes_nothing() -> None:
    state, _ = run(HOT, temps(85, 85, 85))
    late = [reading(100 + s, 60, late=True) for s in range(0, 600, 30)]
    older = [reading(s, 60) for s in range(1, 60)]
    assert run(HOT, late + older, state) == (state, [])


def test_a_repeated_reading_changes_nothing() -> None:
    series = temps(85, 85, 85)
    state, _ = run(HOT, series)
    assert run(HOT, series, state) == (state, [])


def test_trouble_that_comes_back_is_another_alert() -> None:
    _, told = run(HOT, temps(85, 85, 85, *[70] * 6, 85, 85, 85))
    first, _, again = (each.alert for each in told)
    assert again.alert_id != first.alert_id
    assert again.number == 1


def test_the_same_readings_give_the_same_ids() -> None:
    series = temps(85, 85, 85, 95, 95, 95)
    assert run(HOT, series)[1] == run(HOT, series)[1]


def test_nothing_happens_in_nothing() -> None:
    state, told = judge(HOT, NEW, reading(0, None))
    assert told == ()
    assert state.firing is None
