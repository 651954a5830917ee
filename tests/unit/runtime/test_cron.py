"""Lines of cron in zones with gaps and folds."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.tasks.cron import Cron, stagger_s


def ticks(line: str, zone: str, after: str, count: int) -> list[str]:
    """The next ticks, in UTC."""
    cron, at = Cron(line, zone), datetime.fromisoformat(after)
    found = []
    for _ in range(count):
        at = cron.after(at)
        found.append(f"{at:%d %H:%M}")
    return found


def test_a_daily_task_keeps_its_hour_over_a_change_of_the_clock() -> None:
    assert ticks("15 6 * * *", "Europe/Berlin", "2026-03-27T12:00Z", 3) == [
        "28 05:15",
        "29 04:15",
        "30 04:15",
    ]


def test_what_is_set_for_an_hour_that_is_skipped_comes_right_after_it_and_once() -> None:
    # on 29 March 2026 02:00 becomes 03:00 in Berlin, which is 01:00 UTC
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == ["29 01:00", "30 00:30"]
    assert ticks("0,20,40 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == [
        "29 01:00",
        "30 00:00",
    ]


def test_what_is_set_for_an_hour_that_is_repeated_comes_the_first_time_only() -> None:
    # on 25 October 2026 03:00 becomes 02:00 in Berlin, at 01:00 UTC
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2) == ["25 00:30", "26 01:30"]
    for asked in ("2026-10-25T00:40Z", "2026-10-25T01:10Z", "2026-10-25T01:40Z"):
        assert ticks("30 2 * * *", "Europe/Berlin", asked, 1) == ["26 01:30"], asked
    assert ticks("0-59 2 * * *", "Europe/Berlin", "2026-10-25T01:00:30Z", 1) == ["26 01:00"]


def test_what_comes_every_so_often_goes_by_elapsed_time() -> None:
    assert ticks("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:59Z", 5) == [
        "25 00:00",
        "25 00:30",
        "25 01:00",
        "25 01:30",
        "25 02:00",
    ]
    assert ticks("30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", 3) == [
        "29 00:30",
        "29 01:30",
        "29 02:30",
    ]


@given(
    line=st.sampled_from(
        ["30 2 * * *", "*/7 * * * *", "0 0 * * *", "59 23 * * 0", "15 1-3 * * *", "5 */6 1 * *"]
    ),
    zone=st.sampled_from(
        ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo"]
    ),
    at=st.integers(0, 400 * 86_400).map(
        lambda second: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(seconds=second)
    ),
)
def test_ticks_only_go_forward_wherever_one_begins(line: str, zone: str, at: datetime) -> None:
    cron = Cron(line, zone)
    first = cron.after(at)
    assert at < first <= at + timedelta(days=32)
    row = [first]
    for _ in range(5):
        row.append(cron.after(row[-1]))
    assert all(before < later for before, later in pairwise(row))
    # no tick lies between: asked from anywhere before it, the answer is the same
    middle = at + (first - at) / 2
    assert cron.after(middle) == first
    local = first.astimezone(ZoneInfo(zone))
    assert local.second == 0


@pytest.mark.parametrize(
    ("line", "zone", "why"),
    [
        ("", "UTC", "Wrong number of fields"),
        ("61 * * * *", "UTC", "Bad minute"),
        ("* * * * * * *", "UTC", "Wrong number"),
        ("0 0 31 2 *", "UTC", "Bad day-of-month"),
        ("0 0 2 * * *", "UTC", "seconds only where the hour is"),
        ("0 2 * * *", "Mars/Olympus", "no time zone 'Mars/Olympus'"),
        ("0 2 * * *", "../etc/passwd", "no time zone"),
        ("0 2 * * *", "", "no time zone"),
    ],
)
def test_a_line_or_a_zone_that_is_none_is_refused_by_name(line: str, zone: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Cron(line, zone)


def test_the_stagger_is_each_names_own_and_below_the_spread() -> None:
    shares = [stagger_s(f"task-{number}", 60.0) for number in range(1000)]
    assert all(0 <= share < 60 for share in shares)
    assert len(set(shares)) == 1000
    assert 28 < sum(shares) / 1000 < 32
    assert stagger_s("task", 60.0) == stagger_s("task", 60.0)
