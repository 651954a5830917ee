"""A collector's clock that jumps ahead and back silences no rule."""

from datetime import timedelta

import pytest
from tests.component.alerter.events import now
from tests.component.alerter.events import reading as telemetry
from tests.unit.alerter.scripts import HOT, SILENT, at, judged, reading, run, story, temps

from alerter.adapters.decoding import reading_in
from alerter.domain.judging import judge_all
from minestream_runtime.kafka import Partition, Record
from minestream_schemas.telemetry import TELEMETRY

HOUR_S = 3600.0


@pytest.mark.parametrize("late", [False, True])
def test_what_follows_a_reading_from_the_future_is_judged_whatever_it_made_late(
    late: bool,  # noqa: FBT001 - a parameter
) -> None:
    ahead = reading(2 * HOUR_S, 60, ahead=True)
    hot = [reading(seconds, 99, late=late) for seconds in range(30, 3600, 30)]
    _, told = run(HOT, [reading(0), ahead, *hot])
    assert story(told) == [(1, "critical", "firing", 90)]


def test_a_reading_from_the_future_is_judged_by_nobody() -> None:
    hot = [reading(2 * HOUR_S + 30 * place, 99, ahead=True) for place in range(9)]
    assert run(HOT, hot)[1] == []
    state, _ = run(HOT, temps(99, 99, 99))
    cool = [reading(2 * HOUR_S + 30 * place, 60, ahead=True) for place in range(9)]
    after, told = run(HOT, cool, state)
    assert (told, after.judged_at) == ([], state.judged_at)


def test_what_is_late_for_another_reason_still_changes_nothing() -> None:
    ahead = reading(HOUR_S, ahead=True)
    later = [reading(HOUR_S + 30 * place, 99, late=True) for place in range(9)]
    assert run(HOT, [reading(0), ahead, *later])[1] == []


def test_a_reading_from_the_future_in_a_backlog_makes_nobodys_time_pass() -> None:
    silent = [reading(0), *(reading(each, answered=False) for each in (30, 90))]
    ahead = reading(2 * HOUR_S, subject="site-a-m2", ahead=True)
    outcome = judge_all((HOT, SILENT), {}, [*silent, ahead], flow=None, now=at(3 * HOUR_S))
    assert outcome.transitions == []
    assert judged([*silent, ahead]).flow == judged(silent).flow


@pytest.mark.parametrize(
    ("ahead_s", "heard_s_ago", "ahead"), [(59, 0, False), (61, 0, True), (-300, HOUR_S, True)]
)
def test_a_reading_is_ahead_of_when_it_was_heard_not_of_when_it_is_read(
    ahead_s: float,
    heard_s_ago: float,
    ahead: bool,  # noqa: FBT001 - a parameter
) -> None:
    clock = now()
    event = telemetry("site-a-m1", clock + timedelta(seconds=ahead_s))
    at_ms = int((clock.timestamp() - heard_s_ago) * 1000)
    record = Record(Partition(TELEMETRY.name, 0), 0, b"site-a-m1", event.to_json(), {}, at_ms)
    assert reading_in(record, now=clock).ahead is ahead


@pytest.mark.parametrize("at_ms", [-1, 2**63 - 1], ids=["says none", "says none of any calendar"])
def test_a_reading_whose_record_has_no_time_was_heard_when_it_is_read(at_ms: int) -> None:
    clock = now()
    event = telemetry("site-a-m1", clock)
    record = Record(Partition(TELEMETRY.name, 0), 0, b"site-a-m1", event.to_json(), {}, at_ms)
    assert not reading_in(record, now=clock).ahead
