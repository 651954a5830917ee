"""A target's own words tell when it changed."""

import pytest

from minestream_runtime.collecting.vitals import Vital, changed, remembered

MINING = Vital("mining", 1000.0)


@pytest.mark.parametrize(
    ("before", "now", "wanted"),
    [
        (None, MINING, False),
        (MINING, None, False),
        (MINING, Vital("mining", 1060.0), False),
        (MINING, Vital("stopped", 1060.0), True),
        (MINING, Vital("mining", 12.0), True),
        (MINING, Vital(None, 1060.0), False),
        (MINING, Vital("mining", None), False),
        (Vital(), MINING, False),
    ],
)
def test_another_state_or_an_uptime_that_went_back_is_a_change(
    before: Vital | None, now: Vital | None, *, wanted: bool
) -> None:
    assert changed(before, now) is wanted


def test_what_it_does_not_say_this_time_is_remembered() -> None:
    assert remembered(None, MINING) == MINING
    assert remembered(MINING, None) == MINING
    assert remembered(MINING, Vital(None, 5.0)) == Vital("mining", 5.0)
    assert remembered(MINING, Vital("stopped", None)) == Vital("stopped", 1000.0)
