"""What the clock closes for miners that say nothing more."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from minestream_schemas.gap import GapCause
from processor.adapters.state_codec import decode, encode
from processor.domain.miner_state import MinerState, to_us
from processor.domain.step import Reading, Rules, due_us, step, tick

MakeReading = Callable[..., Reading]
RULES = Rules(window_s=10, grace_s=5)
START = to_us(datetime(2026, 1, 1, tzinfo=UTC))


def at(second: float) -> int:
    return START + int(second * 1_000_000)


@pytest.fixture
def fallen_silent(reading: MakeReading) -> MinerState:
    """A miner polled each 5 s, last at second 7."""
    state = step(None, reading(2, interval_s=5), RULES).state
    return step(state, reading(7, interval_s=5), RULES).state


def test_a_silent_miners_window_closes_an_interval_after_its_grace(
    fallen_silent: MinerState,
) -> None:
    assert tick(fallen_silent, at(19.9), RULES).windows == ()
    closed = tick(fallen_silent, at(20), RULES)
    assert [window.readings for window in closed.windows] == [2]
    assert closed.state.open == ()


def test_a_tick_that_comes_again_tells_the_same(fallen_silent: MinerState) -> None:
    once = tick(fallen_silent, at(20), RULES)
    twice = tick(once.state, at(20), RULES)
    assert twice.changed
    assert twice.windows == once.windows
    assert twice.state == once.state


def test_the_next_tick_tells_it_once_more_and_the_one_after_does_not(
    fallen_silent: MinerState,
) -> None:
    first = tick(fallen_silent, at(20), RULES)
    second = tick(first.state, at(21), RULES)
    again = tick(second.state, at(21), RULES)
    third = tick(again.state, at(22), RULES)
    assert second.windows == first.windows == again.windows
    assert third.windows == ()
    assert third.state.told == ()
    assert third.state.closed == ()


def test_a_miner_that_nobody_polls_for_three_intervals_has_a_gap(
    fallen_silent: MinerState,
) -> None:
    assert tick(fallen_silent, at(22), RULES).gaps == ()
    (gap,) = tick(fallen_silent, at(22.1), RULES).gaps
    assert (gap.cause, gap.ended_at) == (GapCause.COLLECTOR_DOWN, None)
    assert to_us(gap.began_at) == at(7)


def test_the_gap_opens_once_and_closes_with_the_next_poll(
    fallen_silent: MinerState, reading: MakeReading
) -> None:
    opened = tick(fallen_silent, at(23), RULES)
    quiet = tick(tick(opened.state, at(24), RULES).state, at(60), RULES)
    assert quiet.gaps == ()
    back = step(quiet.state, reading(70, interval_s=5), RULES)
    (gap,) = back.gaps
    assert gap.gap_id == opened.gaps[0].gap_id
    assert gap.event_id != opened.gaps[0].event_id
    assert to_us(gap.ended_at or gap.began_at) == at(70)
    assert not gap.filled


@pytest.mark.parametrize(("second", "filled"), [(12, True), (22, True), (22.1, False)])
def test_a_gap_that_queued_readings_fill_closes_as_filled(
    fallen_silent: MinerState, reading: MakeReading, second: float, *, filled: bool
) -> None:
    opened = tick(fallen_silent, at(23), RULES)
    (gap,) = step(opened.state, reading(second, interval_s=5), RULES).gaps
    assert gap.cause is GapCause.COLLECTOR_DOWN
    assert gap.filled is filled
    assert to_us(gap.ended_at or gap.began_at) == at(second)


def test_a_poll_that_came_when_the_one_before_had_said_leaves_no_hole_though_it_hurries_now(
    reading: MakeReading,
) -> None:
    state = step(None, reading(2, interval_s=50), RULES).state
    opened = tick(state, at(160), RULES)
    assert [gap.cause for gap in opened.gaps] == [GapCause.COLLECTOR_DOWN]
    (gap,) = step(opened.state, reading(52, interval_s=5), RULES).gaps
    assert gap.filled, "it was on its way"


def test_a_gap_that_has_closed_since_is_not_told_as_open_again(
    fallen_silent: MinerState, reading: MakeReading
) -> None:
    opened = tick(fallen_silent, at(23), RULES)
    assert [gap.ended_at for gap in opened.gaps] == [None]
    closed = step(opened.state, reading(24, interval_s=5), RULES)
    assert [gap.ended_at is None for gap in closed.gaps] == [False]
    for second in (23, 25):
        assert tick(closed.state, at(second), RULES).gaps == ()


@pytest.mark.parametrize(
    ("late", "told"),
    [
        ([20, 30], [None, True]),
        ([10, 24, 33], [None, None, True]),
        ([20, 30, 30, 35], [None, True, True, True]),
        ([25, 30, 35], [None, None, None]),
        ([20, 24], [None, None]),
        ([3, 20, 41], [None, None, None]),
    ],
)
def test_polls_held_up_in_a_spool_fill_a_gap_that_others_have_closed(
    fallen_silent: MinerState, reading: MakeReading, late: list[float], told: list[bool | None]
) -> None:
    opened = tick(fallen_silent, at(23), RULES)
    closed = step(opened.state, reading(40, interval_s=5), RULES)
    assert [gap.filled for gap in closed.gaps] == [False]
    state, found = closed.state, list[bool | None]()
    for second in late:
        outcome = step(decode(encode(state)), reading(second, interval_s=5), RULES)
        state = outcome.state
        found.append(outcome.gaps[0].filled if outcome.gaps else None)
        assert {gap.gap_id for gap in outcome.gaps} <= {closed.gaps[0].gap_id}
        assert {gap.ended_at for gap in outcome.gaps} <= {closed.gaps[0].ended_at}
    assert found == told


def test_a_tick_has_nothing_to_do_before_it_is_due(fallen_silent: MinerState) -> None:
    due = due_us(fallen_silent, RULES)
    assert not tick(fallen_silent, due - 1, RULES).changed
    assert tick(fallen_silent, due, RULES).changed


def test_a_miner_whose_gap_is_open_and_told_is_never_due(fallen_silent: MinerState) -> None:
    first = tick(fallen_silent, at(23), RULES).state
    assert due_us(first, RULES) == at(23) + 1
    assert due_us(tick(first, at(24), RULES).state, RULES) == 2**63


def test_a_removed_miners_open_gap_ends_and_opens_no_more(fallen_silent: MinerState) -> None:
    opened = tick(fallen_silent, at(23), RULES)
    told = tick(opened.state, at(24), RULES).state
    left = tick(told, at(60), RULES, removed=True)
    (gap,) = left.gaps
    assert gap.gap_id == opened.gaps[0].gap_id
    assert to_us(gap.ended_at or gap.began_at) == at(60)
    again = tick(left.state, at(61), RULES, removed=True)
    assert again.gaps == left.gaps
    for removed in (True, False):  # by and by the inventory's topic forgets it too
        after = tick(again.state, at(1000), RULES, removed=removed)
        assert (after.changed, after.gaps) == (True, ())  # the telling of 61 s grows old
        assert not tick(after.state, at(2000), RULES, removed=removed).changed


def test_a_removed_miner_that_did_not_answer_is_silent_no_more(reading: MakeReading) -> None:
    state = None
    for second in (1, 6, 11):
        state = step(state, reading(second, answered=False, interval_s=5), RULES).state
    assert state is not None
    left = tick(state, at(12), RULES, removed=True)
    assert [gap.cause for gap in left.gaps] == [GapCause.MINER_SILENT]
    assert due_us(left.state._replace(told=(), open=()), RULES) == 2**63


def test_a_miner_that_is_polled_after_its_removal_counts_again(
    fallen_silent: MinerState, reading: MakeReading
) -> None:
    left = tick(fallen_silent, at(12), RULES, removed=True).state
    assert left.removed
    back = step(left, reading(70, interval_s=5), RULES).state
    assert not back.removed
    assert [gap.cause for gap in tick(back, at(100), RULES).gaps] == [GapCause.COLLECTOR_DOWN]
