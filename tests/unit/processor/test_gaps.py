"""When a polled miner counts as silent."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.gap import Gap, GapCause
from processor.domain.miner_state import MinerState, to_us
from processor.domain.step import Reading, Rules, due_us, step, tick

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
