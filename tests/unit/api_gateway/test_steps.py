from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.steps import MOST_STEPS, check_step, choose_step_s, whole_steps

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("step_s", [60, 300, 900, 3600, 7200, 43_200, 86_400, 7 * 86_400])
def test_a_step_that_fits_hours_and_days_is_taken(step_s: int) -> None:
    check_step(step_s)


@pytest.mark.parametrize("step_s", [0, 30, 59, 70, 2400, 5400, 18_000, 90_000])
def test_a_step_that_fits_neither_is_refused(step_s: int) -> None:
    with pytest.raises(ValueError, match="divides an hour"):
        check_step(step_s)


@pytest.mark.parametrize(
    ("span", "step_s"),
    [
        (timedelta(minutes=1), 300),
        (timedelta(hours=24), 300),
        (timedelta(days=7), 3600),
        (timedelta(days=31), 3600),
        (timedelta(days=90), 86_400),
    ],
)
def test_the_usual_step_is_coarser_for_a_longer_span(span: timedelta, step_s: int) -> None:
    assert choose_step_s(span) == step_s


def test_a_span_is_widened_to_whole_steps() -> None:
    start, end = NOON + timedelta(minutes=1), NOON + timedelta(minutes=11)
    assert whole_steps(start, end, 300) == (NOON, NOON + timedelta(minutes=15))
    assert whole_steps(NOON, NOON + timedelta(minutes=5), 300) == (
        NOON,
        NOON + timedelta(minutes=5),
    )


def test_weeks_begin_on_monday() -> None:
    start, _ = whole_steps(NOON, NOON + timedelta(days=1), 7 * 86_400)
    assert start.weekday() == 0


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (NOON, "before"),
        (NOON - timedelta(seconds=1), "before"),
        (NOON + timedelta(seconds=60 * MOST_STEPS + 1), "at most"),
    ],
)
def test_no_span_and_too_long_a_span_are_refused(end: datetime, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        whole_steps(NOON, end, 60)


@given(
    start=st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds it
    length_s=st.integers(min_value=1, max_value=60 * (MOST_STEPS - 1)),
    step_s=st.sampled_from([60, 300, 3600, 86_400]),
)
def test_whole_steps_hold_the_span_and_no_step_more(
    start: datetime, length_s: int, step_s: int
) -> None:
    end, step = start + timedelta(seconds=length_s), timedelta(seconds=step_s)
    first, last = whole_steps(start, end, step_s)
    assert first <= start < first + step
    assert last - step < end <= last
    assert (last - first) % step == timedelta(0)
