from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_gateway.domain.history import LONGEST, Resolution, check_span, choose


@pytest.mark.parametrize(
    ("span", "resolution"),
    [
        (timedelta(minutes=1), Resolution.RAW),
        (timedelta(hours=6), Resolution.RAW),
        (timedelta(hours=6, seconds=1), Resolution.WINDOW),
        (timedelta(hours=24), Resolution.WINDOW),
        (timedelta(days=7), Resolution.HOUR),
        (timedelta(days=62), Resolution.HOUR),
        (timedelta(days=365), Resolution.DAY),
    ],
)
def test_a_longer_span_is_told_more_coarsely(span: timedelta, resolution: Resolution) -> None:
    assert choose(span) is resolution


@given(st.timedeltas(timedelta(seconds=1), LONGEST[Resolution.DAY]))
def test_what_is_chosen_may_be_asked_for(span: timedelta) -> None:
    check_span(span, choose(span))


@pytest.mark.parametrize("span", [timedelta(0), timedelta(seconds=-1)])
def test_a_span_that_ends_before_it_begins_is_refused(span: timedelta) -> None:
    with pytest.raises(ValueError, match="before"):
        check_span(span, Resolution.RAW)


@pytest.mark.parametrize("resolution", list(Resolution))
def test_too_long_a_span_is_refused_naming_what_is_allowed(resolution: Resolution) -> None:
    with pytest.raises(ValueError, match=f"{LONGEST[resolution].days} days"):
        check_span(LONGEST[resolution] + timedelta(days=1), resolution)
