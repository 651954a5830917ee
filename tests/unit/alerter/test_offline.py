"""Offline only after five minutes of unanswered polls, and never because nobody polled."""

from datetime import timedelta
from uuid import UUID

import pytest
from tests.unit.alerter.scripts import SILENT, at, judged, reading, run, story

from alerter.domain.reading import Reading, reading_of
from minestream_schemas.telemetry import MinerStatus, MinerTelemetry


def _silent(*seconds: float, subject: str = "site-a-m1") -> list[Reading]:
    return [reading(each, answered=False, subject=subject) for each in seconds]


def _others(start: int, stop: int, every: int = 10) -> list[Reading]:
    return [reading(each, subject="site-a-m2") for each in range(start, stop, every)]


def _ordered(*parts: list[Reading]) -> list[Reading]:
    return sorted((each for part in parts for each in part), key=lambda each: each.ts)


def test_five_minutes_without_an_answer_fire() -> None:
    _, told = run(SILENT, [reading(0), *_silent(*range(30, 400, 30))])
    assert story(told) == [(1, "critical", "firing", 300)]
    alert = told[0].alert
    assert alert.began_at == at(0), "since the last answer"
    assert alert.summary == "site-a-m1: no answer for 300 s"
    assert (alert.value, alert.limit, alert.unit) == (300, 300, "s")


def test_less_than_five_minutes_do_not() -> None:
    assert run(SILENT, [reading(0), *_silent(*range(30, 300, 30)), reading(299)])[1] == []


def test_one_answer_resolves_at_once_whatever_it_says() -> None:
    state, _ = run(SILENT, [reading(0), *_silent(*range(30, 331, 30))])
    _, told = run(SILENT, [reading(345, None)], state)
    assert story(told) == [(2, "critical", "resolved", 345)]
    assert told[0].alert.summary == "site-a-m1: answers again, after 345 s"


@pytest.mark.parametrize("status", [MinerStatus.UNAUTHORISED, MinerStatus.GARBAGE])
def test_a_miner_that_answers_and_gives_no_reading_is_not_offline(status: MinerStatus) -> None:
    polls = [
        reading_of(
            MinerTelemetry(
                event_id=UUID(int=second + 1),
                raw_event_id=UUID(int=second),
                ts=at(second),
                miner_id="site-a-m1",
                site_id="site-a",
                dialect="vnish",
                status=status,
            ),
            heard_at=at(second),
            traceparent=None,
        )
        for second in range(0, 900, 30)
    ]
    assert run(SILENT, polls)[1] == []


def test_a_miner_that_never_answered_is_silent_since_its_first_poll() -> None:
    _, told = run(SILENT, _silent(*range(0, 331, 30)))
    assert story(told) == [(1, "critical", "firing", 300)]


def test_one_unanswered_poll_never_fires() -> None:
    told = judged([reading(0), *_silent(30), *_others(40, 5000)]).transitions
    assert told == []


def test_the_hold_ends_by_the_readings_of_others_as_silent_miners_are_asked_less_often() -> None:
    mine = [reading(0), *_silent(30, 90, 210, 450)]
    told = judged(_ordered(mine, _others(5, 600))).transitions
    assert story(told) == [(1, "critical", "firing", 300)]
    assert told[0].alert.source_event_id == reading(210).event_id
    assert told[0].traceparent == "trace-210"


def test_an_answer_within_the_slack_prevents_it() -> None:
    mine = [reading(0), *_silent(30, 90, 210), reading(309)]
    assert judged([*_ordered(mine[:-1], _others(5, 314)), mine[-1]]).transitions == []


def test_a_collector_that_is_down_makes_nobody_offline() -> None:
    before = _ordered([reading(0)], _others(0, 60))
    after = _ordered([reading(7200)], _others(7205, 7300))
    assert judged(before + after).transitions == []


def test_silent_miners_are_asked_again_after_an_outage_of_the_collector() -> None:
    before = _ordered([reading(0), *_silent(30, 90)], _others(0, 100))
    back = _others(7200, 7260)
    assert judged(before + back).transitions == [], "nobody has asked it for two hours"
    assert judged([*before, *back, reading(7265)]).transitions == []
    fired = judged([*before, *back, *_silent(7265)]).transitions
    assert story(fired) == [(1, "critical", "firing", 7265)]


def test_a_gap_longer_than_the_hold_before_the_first_unanswered_poll_does_not_count() -> None:
    _, told = run(SILENT, [reading(0), *_silent(3600, 3660, 3720)])
    assert told == []
    _, told = run(SILENT, [reading(0), *_silent(*range(3600, 3931, 30))])
    assert told[0].alert.began_at == at(3600)


def test_a_reading_from_the_future_makes_nobody_elses_time_pass() -> None:
    future = reading(2e6, subject="site-a-m2")
    mine = [reading(0), *_silent(30, 90)]
    told = judged([*_ordered(mine, _others(5, 100)), future]).transitions
    assert told == []


def test_slack_is_what_others_must_be_ahead() -> None:
    assert SILENT.slack == timedelta(seconds=15)
    mine = _ordered([reading(0), *_silent(30, 90, 210)], _others(5, 310))
    assert judged([*mine, reading(314.9, subject="site-a-m2")]).transitions == []
    assert len(judged([*mine, reading(315, subject="site-a-m2")]).transitions) == 1
