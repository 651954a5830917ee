"""What holds for any series of readings whatever."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter
from tests.unit.alerter.scripts import HOT, judged, reading

from alerter.domain.lifecycle import State
from alerter.domain.reading import Reading
from minestream_schemas.alert import Alert, AlertPhase, Severity

Steps = list[tuple[str, int, int, float | str | None]]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["site-a-m1", "site-a-m2", "site-a-m3"]),
        st.integers(1, 90),
        st.integers(1, 12),
        st.sampled_from([None, 60.0, 77.9, 79.0, 81.0, 89.0, 91.0, "silent", "late", "ahead"]),
    ),
    max_size=40,
)
"""Whose, how many seconds apart, how many in a row, and what they say."""
_STATE = TypeAdapter(State)


def _readings(steps: Steps) -> list[Reading]:
    found, second = list[Reading](), 0
    for subject, apart_s, count, said in steps:
        for _ in range(count):
            second += apart_s
            found.append(
                reading(
                    second + 7200 * (said == "ahead"),
                    said if isinstance(said, float) else None,
                    answered=said != "silent",
                    late=said == "late",
                    ahead=said == "ahead",
                    subject=subject,
                )
            )
    return found


def _by_alert(readings: Sequence[Reading]) -> list[list[Alert]]:
    told: defaultdict[object, list[Alert]] = defaultdict(list)
    for each in judged(readings).transitions:
        told[each.alert.alert_id].append(each.alert)
    return list(told.values())


@given(_STEPS)
def test_an_alert_fires_then_changes_then_ends_and_is_numbered_without_a_gap(
    steps: Steps,
) -> None:
    for alerts in _by_alert(_readings(steps)):
        assert [each.number for each in alerts] == list(range(1, len(alerts) + 1))
        phases = [each.phase for each in alerts]
        assert phases[0] is AlertPhase.FIRING
        assert AlertPhase.RESOLVED not in phases[:-1]
        assert (
            len({(each.began_at, each.fired_at, each.rule, each.subject) for each in alerts}) == 1
        )
        changed = [each.changed_at for each in alerts]
        assert changed == sorted(changed)


@given(_STEPS)
def test_a_temperature_fires_only_after_a_whole_hold_of_hot_readings(
    steps: Steps,
) -> None:
    readings = _readings(steps)
    for alerts in _by_alert(readings):
        fired = alerts[0]
        if fired.rule != "temperature":
            continue
        limit_c = HOT.limits_c[fired.severity]
        hot = [
            each.chip_temp_max_c
            for each in readings
            if each.subject == fired.subject
            and fired.changed_at - HOT.hold <= each.ts <= fired.changed_at
            and each.chip_temp_max_c is not None
            and not each.late
            and not each.ahead
        ]
        assert hot
        assert all(each > limit_c for each in hot)
        assert fired.changed_at - fired.began_at >= HOT.hold


@given(_STEPS)
def test_offline_fires_only_with_nothing_but_silence_for_the_hold(
    steps: Steps,
) -> None:
    readings = _readings(steps)
    for alerts in _by_alert(readings):
        fired = alerts[0]
        if fired.rule != "offline":
            continue
        within = [
            each
            for each in readings
            if each.subject == fired.subject
            and fired.began_at <= each.ts <= fired.changed_at
            and not each.late
            and not each.ahead
        ]
        assert sum(not each.answered for each in within) >= 2
        assert not any(each.answered for each in within if each.ts > fired.began_at)
        assert fired.changed_at - fired.began_at >= timedelta(seconds=300)
        assert fired.severity is Severity.CRITICAL


@example(  # what was due before nobody was polled for long
    steps=[
        ("site-a-m2", 1, 2, "silent"),
        ("site-a-m1", 27, 12, None),
        ("site-a-m1", 25, 12, "ahead"),
        ("site-a-m1", 1, 1, None),
    ],
    cuts=[14],
)
@given(_STEPS, st.lists(st.integers(0, 500), max_size=6))
def test_how_the_stream_is_cut_into_batches_changes_no_outcome(
    steps: Steps, cuts: list[int]
) -> None:
    readings = _readings(steps)
    whole = judged(readings)
    parts = judged(readings, [cut % (len(readings) + 1) for cut in cuts])
    told = [
        sorted(each.alert.to_json() for each in outcome.transitions) for outcome in (whole, parts)
    ]
    assert told[0] == told[1]
    assert whole.states == parts.states
    assert whole.flow == parts.flow


@given(_STEPS)
def test_a_state_survives_its_way_through_the_database(
    steps: Steps,
) -> None:
    for state in judged(_readings(steps)).states.values():
        assert _STATE.validate_json(_STATE.dump_json(state, exclude_none=True)) == state


def test_random_series_reach_what_they_are_to_test() -> None:
    hot_then_silent: Steps = [
        ("site-a-m1", 30, 4, 91.0),
        ("site-a-m1", 60, 7, "silent"),
        ("site-a-m1", 30, 6, 60.0),
    ]
    assert sorted(len(alerts) for alerts in _by_alert(_readings(hot_then_silent))) == [2, 2]
