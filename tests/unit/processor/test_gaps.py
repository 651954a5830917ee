"""When a polled miner counts as silent, and when as one that gives no readings."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.telemetry import MinerStatus
from processor.domain.miner_state import MinerState, Silence, to_us
from processor.domain.step import Kind, Reading, Rules, due_us, step, tick

MakeReading = Callable[..., Reading]
RULES = Rules()
START = to_us(datetime(2026, 1, 1, tzinfo=UTC))


def gaps_of(reading: MakeReading, answers: list[bool]) -> list[Gap]:
    state: MinerState | None = None
    told: list[Gap] = []
    for minute, answered in enumerate(answers):
        outcome = step(state, reading(60 * minute, answered=answered), RULES)
        state = outcome.state
        told += outcome.gaps
    return told


def minute(gap: Gap) -> tuple[float, float | None]:
    began = (to_us(gap.began_at) - START) / 60e6
    return began, None if gap.ended_at is None else (to_us(gap.ended_at) - START) / 60e6


def test_one_unanswered_poll_is_no_gap(reading: MakeReading) -> None:
    assert gaps_of(reading, [True, False, True]) == []


def test_two_unanswered_polls_are_a_gap_since_the_last_answer(reading: MakeReading) -> None:
    opened, closed = gaps_of(reading, [True, True, False, False, False, True])
    assert opened.cause is GapCause.MINER_SILENT
    assert minute(opened) == (1, None)
    assert minute(closed) == (1, 5)
    assert opened.gap_id == closed.gap_id
    assert opened.event_id != closed.event_id


def test_a_miner_that_never_answered_is_silent_since_its_first_poll(reading: MakeReading) -> None:
    (opened,) = gaps_of(reading, [False, False, False])
    assert minute(opened) == (0, None)


POLLS = {
    "r": MinerStatus.MINING,
    "s": MinerStatus.OFFLINE,
    "a": MinerStatus.UNAUTHORISED,
    "u": MinerStatus.GARBAGE,
}
CAUSES = {
    "s": GapCause.MINER_SILENT,
    "a": GapCause.MINER_UNAUTHORISED,
    "u": GapCause.MINER_UNREADABLE,
}


def told_of(
    reading: MakeReading, polls: str, state: MinerState | None = None, *, since: int = 0
) -> tuple[MinerState | None, list[tuple[GapCause, float, float | None]]]:
    """What is told of a miner polled each minute: a reading, silent, unauthorised, unreadable."""
    told: list[tuple[GapCause, float, float | None]] = []
    for number, poll in enumerate(polls, since):
        state, _, _, _, _, gaps, _ = step(state, reading(60 * number, status=POLLS[poll]), RULES)
        told += [(gap.cause, *minute(gap)) for gap in gaps]
    return state, told


@pytest.mark.parametrize("poll", ["a", "u"])
def test_a_miner_that_answers_without_a_reading_has_one_gap_that_says_why(
    reading: MakeReading, poll: str
) -> None:
    cause = CAUSES[poll]
    _, told = told_of(reading, f"rr{poll * 5}rr")
    assert told == [(cause, 1, None), (cause, 1, 7)]


def test_a_miner_that_refuses_a_part_and_tells_figures_gives_readings(
    reading: MakeReading,
) -> None:
    state = None
    for at in range(0, 600, 60):
        one = reading(at, status=MinerStatus.UNAUTHORISED, hashrate_hs=0.0)
        state, _, _, _, _, gaps, _ = step(state, one, RULES)
        assert gaps == ()


def test_another_cause_takes_over_where_it_began_once_two_polls_name_it(
    reading: MakeReading,
) -> None:
    silent, refused = GapCause.MINER_SILENT, GapCause.MINER_UNAUTHORISED
    _, told = told_of(reading, "rsssaaar")
    assert told == [(silent, 0, None), (silent, 0, 4), (refused, 4, None), (refused, 4, 7)]


@pytest.mark.parametrize("polls", ["rsususususr", "rsauasuasur"])
def test_faults_that_alternate_are_one_gap(reading: MakeReading, polls: str) -> None:
    _, told = told_of(reading, polls)
    assert [(began, ended) for _, began, ended in told] == [(0, None), (0, 10)]


@given(st.text("rsau", max_size=40))
def test_what_is_without_a_reading_for_two_polls_lies_in_gaps_that_touch_and_nothing_else_does(
    reading: MakeReading, polls: str
) -> None:
    _, told = told_of(reading, polls)
    ends = {(cause, began): ended for cause, began, ended in told}
    assert len(told) == len(ends) + sum(ended is not None for ended in ends.values())
    spans = sorted((began, len(polls) if end is None else end) for (_, began), end in ends.items())
    joined: list[list[float]] = []
    for began, end in spans:
        if joined and joined[-1][1] == began and polls[int(began)] != "r":
            joined[-1][1] = end
        else:
            joined.append([began, end])
    runs = [found.span() for found in re.finditer("[sau]{2,}", polls)]
    assert joined == [[max(0, first - 1), end] for first, end in runs]


def test_a_gap_of_a_removed_miner_ends_under_its_own_cause(reading: MakeReading) -> None:
    state, _ = told_of(reading, "raa")
    assert state is not None
    (ended,) = tick(state, START + 180 * 10**6, RULES, removed=True).gaps
    assert (ended.cause, *minute(ended)) == (GapCause.MINER_UNAUTHORISED, 0, 3)


def test_a_poll_that_comes_again_after_its_gap_has_closed_does_not_tell_it_as_open(
    reading: MakeReading,
) -> None:
    state, told = told_of(reading, "rss")
    assert [ended for _, _, ended in told] == [None]
    again = step(state, reading(120, status=MinerStatus.OFFLINE), RULES)
    assert (again.kind, len(again.gaps)) == (Kind.REPEAT, 1)
    closed = step(state, reading(180), RULES)
    over = step(closed.state, reading(120, status=MinerStatus.OFFLINE), RULES)
    assert (over.kind, over.gaps) == (Kind.REPEAT, ())
    assert step(closed.state, reading(180), RULES).gaps == closed.gaps


def test_a_gap_that_a_collector_ahead_of_its_time_began_ends_no_earlier(
    reading: MakeReading,
) -> None:
    state, _ = told_of(reading, "rss")
    assert state is not None
    (ended,) = tick(state, START - 180 * 10**6, RULES, removed=True).gaps
    assert minute(ended) == (0, 0)


def test_an_open_gap_of_before_there_were_other_causes_is_one_of_silence(
    reading: MakeReading,
) -> None:
    before = Silence(START, START + 60 * 10**6, 3, START)
    state, _ = told_of(reading, "rsss")
    assert state is not None
    silent, refused = GapCause.MINER_SILENT, GapCause.MINER_UNAUTHORISED
    old = state._replace(silence=before)
    assert told_of(reading, "ar", old, since=4)[1] == [(silent, 0, 5)]
    assert told_of(reading, "aa", old, since=4)[1] == [(silent, 0, 4), (refused, 4, None)]
    assert told_of(reading, "ssar", old, since=4)[1] == [(silent, 0, 7)]


@given(st.lists(st.booleans(), max_size=60))
def test_gaps_are_the_runs_of_at_least_two_unanswered_polls(
    reading: MakeReading, answers: list[bool]
) -> None:
    told = gaps_of(reading, answers)
    runs = [run for run in "".join("x."[answer] for answer in answers).split(".") if len(run) > 1]
    assert len({gap.gap_id for gap in told}) == len(runs)
    still_open = bool(answers) and not any(answers[-2:]) and len(answers) > 1
    assert sum(gap.ended_at is not None for gap in told) == len(runs) - still_open


@pytest.mark.parametrize("interval_s", [1e9, 1e302, 1.7e308])
def test_no_interval_that_an_edge_site_promises_stops_the_processor(
    reading: MakeReading, interval_s: float
) -> None:
    first = step(None, reading(0, interval_s=interval_s), RULES)
    second = step(first.state, reading(60, interval_s=interval_s), RULES)
    assert due_us(second.state, RULES) > START
    assert tick(second.state, START + 10**12, RULES).gaps == ()
    assert step(second.state, reading(120), RULES).state.interval_s == 60
