"""What a source's quota does not allow is not asked, and nothing is forgotten over a restart."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from tests.unit.runtime.polite_source import QUICK, Source, Time, always, each

from minestream_runtime.polite import PoliteClient
from minestream_runtime.usage import Meter, Per, Quota, Usage
from minestream_schemas.raw import PollStatus

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)


@given(
    calls=st.lists(st.tuples(st.floats(0, 900), st.integers(1, 4)), min_size=1, max_size=200),
    most=st.integers(4, 40),
)
def test_no_hour_sees_more_than_its_quota(calls: list[tuple[float, int]], most: int) -> None:
    meter, at, made = Meter([Quota(Per.HOUR, most)]), NOON, list[tuple[datetime, int]]()
    for pause_s, cost in calls:
        at += timedelta(seconds=pause_s)
        refusal = meter.spend(cost, at)
        if refusal is None:
            made.append((at, cost))
        else:
            assert refusal.opens_at is not None
            assert at < refusal.opens_at <= at + timedelta(seconds=3660)
            assert Meter([Quota(Per.HOUR, most)], meter.spent).spend(cost, refusal.opens_at) is None
            meter.add(-cost, refusal.opens_at)
            at = refusal.opens_at
    for begin, _ in made:
        within = [cost for when, cost in made if begin <= when < begin + timedelta(hours=1)]
        assert sum(within) <= most


def test_a_day_opens_again_at_midnight_and_a_month_on_its_day() -> None:
    for quota, opens_at in (
        (Quota(Per.DAY, 10), datetime(2026, 11, 22, tzinfo=UTC)),
        (Quota(Per.MONTH, 10), datetime(2026, 12, 1, tzinfo=UTC)),
        (Quota(Per.MONTH, 10, resets_on=25), datetime(2026, 11, 25, tzinfo=UTC)),
        (Quota(Per.MONTH, 10, resets_on=21), datetime(2026, 12, 21, tzinfo=UTC)),
    ):
        meter = Meter([quota])
        assert meter.spend(10, NOON) is None
        refusal = meter.spend(1, NOON + MINUTE)
        assert refusal is not None
        assert refusal.opens_at == opens_at
        assert f"until {opens_at:%Y-%m-%d} 00:00 UTC" in refusal.reason
        assert meter.spend(1, opens_at - SECOND) is not None
        assert meter.left(opens_at - SECOND) == {quota.per: 0}
        assert meter.left(opens_at) == {quota.per: 10}
        assert meter.spend(10, opens_at) is None


@given(
    resets_on=st.integers(1, 28),
    day=st.integers(0, 800),
    cost=st.integers(1, 10),
)
def test_a_month_ends_where_the_next_begins(resets_on: int, day: int, cost: int) -> None:
    meter, at = Meter([Quota(Per.MONTH, 10, resets_on=resets_on)]), NOON + day * DAY
    meter.spend(10, at)
    refusal = meter.spend(cost, at)
    assert refusal is not None
    assert refusal.opens_at is not None
    assert refusal.opens_at.day == resets_on
    assert at < refusal.opens_at <= at + 31 * DAY
    assert meter.spend(cost, refusal.opens_at - SECOND) is not None
    assert meter.spend(cost, refusal.opens_at) is None


def test_what_is_kept_for_urgent_calls_only_they_can_use() -> None:
    for per, kept in ((Per.HOUR, 2), (Per.DAY, 4)):  # half of the day is over
        meter = Meter([Quota(per, 10, kept=kept)])
        assert meter.spend(8, NOON) is None
        refusal = meter.spend(1, NOON)
        assert refusal is not None
        assert "2 are kept for urgent calls" in refusal.reason
        assert meter.spend(2, NOON, urgent=True) is None
        assert meter.spend(1, NOON, urgent=True) is not None


@given(most=st.integers(20, 150), kept=st.integers(1, 19), pause_min=st.integers(10, 60))
def test_what_urgent_calls_need_until_midnight_is_kept_and_no_more(
    most: int, kept: int, pause_min: int
) -> None:
    meter, begin = Meter([Quota(Per.DAY, most, kept=kept)]), NOON - DAY / 2
    every, urgent, plain, at = DAY / kept, 0, 0, begin
    while at < begin + DAY:
        refusal = meter.spend(1, at)
        if refusal is None:
            plain += 1
        else:
            assert refusal.opens_at is not None
            assert at < refusal.opens_at <= begin + DAY
            assert (
                Meter([Quota(Per.DAY, most, kept=kept)], deepcopy(meter.spent)).spend(
                    1, refusal.opens_at
                )
                is None
            )
        while begin + urgent * every <= at:
            assert meter.spend(1, at, urgent=True) is None
            urgent += 1
        at += pause_min * MINUTE
    wanted = -(-1440 // pause_min)
    assert plain >= min(wanted, most - kept) - 1


def test_while_only_urgent_calls_are_allowed_that_is_told_once() -> None:
    clock = Time()
    usage = Usage("told-once", clock, quotas=(Quota(Per.HOUR, 10, kept=2),))
    with capture_logs() as logs:
        assert usage.take(8) is None
        for urgent in (False, True, False, True, False, True):
            usage.take(urgent=urgent)
        clock.at += DAY
        assert usage.take(urgent=True) is None
        assert usage.take() is None
    assert [(each["event"], "kept for urgent" in each.get("reason", "")) for each in logs] == [
        ("source_quota_used_up", True),
        ("source_quota_used_up", False),
        ("source_quota_open_again", False),
    ]


def test_in_a_scarce_month_single_calls_that_go_through_end_nothing_and_tell_nothing() -> None:
    clock = Time()
    clock.at = datetime(2026, 11, 1, tzinfo=UTC)
    usage = Usage("scarce", clock, quotas=(Quota(Per.MONTH, 3000, kept=2880),))
    taken, told_at = 0, list[datetime]()
    with capture_logs() as logs:
        for quarter in range(30 * 96 + 4):
            if quarter % 4:  # one price in four fails: what is kept shrinks faster than it is used
                assert usage.take(urgent=True) is None
            taken += usage.take() is None
            told_at += [clock.at] * (len(logs) - len(told_at))
            clock.at += 15 * MINUTE
    assert taken > 500, "the calls that end nothing"
    assert [each["event"] for each in logs] == ["source_quota_used_up", "source_quota_open_again"]
    assert told_at[1] == datetime(2026, 12, 1, tzinfo=UTC), "at once, as the month begins"


def test_a_quota_that_refuses_nothing_for_a_day_is_open_again() -> None:
    clock = Time()
    usage = Usage("grown", clock, quotas=(Quota(Per.MONTH, 10),))
    with capture_logs() as logs:
        assert usage.take(10) is None
        assert usage.take() is not None
        usage.correct(-5)
        clock.at += DAY - SECOND
        assert usage.take() is None
        assert [each["event"] for each in logs] == ["source_quota_used_up"]
        clock.at += SECOND
        assert usage.take() is None
    assert [each["event"] for each in logs][1:] == ["source_quota_open_again"]


def test_of_several_quotas_the_one_that_opens_last_is_told_and_a_refusal_spends_nothing() -> None:
    meter = Meter([Quota(Per.HOUR, 5), Quota(Per.DAY, 8), Quota(Per.MONTH, 100)])
    assert meter.spend(5, NOON) is None
    refusal = meter.spend(4, NOON)
    assert refusal is not None
    assert refusal.opens_at == datetime(2026, 11, 22, tzinfo=UTC)
    assert meter.left(NOON) == {Per.HOUR: 0, Per.DAY: 3, Per.MONTH: 95}
    beyond = meter.spend(9, NOON)
    assert beyond is not None
    assert beyond.opens_at is None
    assert "a call of 9 is beyond the 5 per hour" in beyond.reason


def test_a_clock_that_was_ahead_blocks_nothing_for_longer_than_a_quota_lasts() -> None:
    meter = Meter([Quota(Per.HOUR, 5), Quota(Per.DAY, 5)])
    assert meter.spend(5, NOON + 900 * DAY) is None
    assert meter.spend(1, NOON) is not None, "it may have been just now"
    assert meter.spend(5, NOON + DAY) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"most": 0},
        {"most": 5, "kept": 5},
        {"most": 5, "kept": -1},
        {"most": 5, "resets_on": 29},
        {"most": 5, "resets_on": 0},
    ],
)
def test_a_quota_that_allows_nothing_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"allows nothing|from 1 to 28"):
        Quota(Per.MONTH, **wrong)


def test_what_was_spent_is_known_after_a_restart(tmp_path: Path) -> None:
    file, clock = tmp_path / "state" / "coingecko.usage", Time()
    quotas = (Quota(Per.MONTH, 10),)
    first = Usage("coingecko-kept", clock, quotas=quotas, state=file)
    for _ in range(4):
        assert first.take(2) is None
    first.correct(1)
    again = Usage("coingecko-kept", clock, quotas=quotas, state=file)
    assert again.left() == {Per.MONTH: 1}
    assert again.take(2) is not None
    assert again.take(1) is None
    file.write_bytes(b"{}x")
    assert Usage("coingecko-kept", clock, quotas=quotas, state=file).left() == {Per.MONTH: 10}


def test_what_is_left_is_exported_and_grows_while_nobody_calls() -> None:
    clock = Time()
    usage = Usage("hourly", clock, quotas=(Quota(Per.HOUR, 9),))
    about = {"source": "hourly", "per": "hour"}
    assert usage.take(4) is None
    usage.ended("ok", 4)
    assert REGISTRY.get_sample_value("minestream_source_quota_left", about) == 5
    clock.at += timedelta(hours=2)
    assert REGISTRY.get_sample_value("minestream_source_quota_left", about) == 9
    cost = REGISTRY.get_sample_value("minestream_source_credits_total", {"source": "hourly"})
    assert cost == 4


def calls(source: str, outcome: str) -> float:
    about = {"source": source, "outcome": outcome}
    return REGISTRY.get_sample_value("minestream_source_calls_total", about) or 0.0


async def test_a_client_counts_each_try_and_asks_no_more_once_its_quota_is_used_up() -> None:
    time, source = Time(), Source(each(always(503), always(), always(401), always()))
    usage = Usage("counted", time, quotas=(Quota(Per.DAY, 4),))
    async with (
        source.running(),
        PoliteClient(
            "counted", source.url, time, manners=QUICK, usage=usage, sleep=time.sleep
        ) as client,
    ):
        assert (await client.ask("a")).tries == 2
        assert (await client.ask("b")).status is PollStatus.UNAUTHORISED
        refused = await client.ask("c", cost=2)
        assert (await client.ask("d")).status is PollStatus.OK
        last = await client.ask("e", urgent=True)
    assert len(source.asked) == 4
    for answer in (refused, last):
        assert (answer.status, answer.tries) == (PollStatus.ERROR, 0)
        assert answer.not_before == datetime(2026, 11, 22, tzinfo=UTC)
        assert "the quota of 4 per day is used up until 2026-11-22 00:00 UTC" in (
            answer.error or ""
        )
    counted = {outcome: calls("counted", outcome) for outcome in ("ok", "error", "unauthorised")}
    assert counted == {"ok": 2, "error": 1, "unauthorised": 1}
    assert calls("counted", "quota") == 2


async def test_a_quota_that_ends_between_two_tries_leaves_what_the_first_brought() -> None:
    time, source = Time(), Source(always(429, Retry_After="2"))
    usage = Usage("ended", time, quotas=(Quota(Per.HOUR, 1),))
    async with (
        source.running(),
        PoliteClient(
            "ended", source.url, time, manners=QUICK, usage=usage, sleep=time.sleep
        ) as client,
    ):
        answer = await client.ask("a")
    assert (answer.http_status, answer.tries) == (429, 1)
    assert answer.not_before is not None
    assert answer.not_before >= time.at + timedelta(minutes=59)
    assert calls("ended", "limited") == 1


async def test_what_a_source_does_not_charge_for_is_given_back(tmp_path: Path) -> None:
    time, file = Time(), tmp_path / "free.usage"
    source = Source(each(always(503), always(429), always(404), always(), always(text="<html>")))
    quotas = (Quota(Per.MONTH, 9),)
    free = {"error", "limited"}
    usage = Usage("free", time, quotas=quotas, state=file, free=free)
    async with (
        source.running(),
        PoliteClient(
            "free", source.url, time, manners=QUICK, usage=usage, sleep=time.sleep
        ) as client,
    ):
        assert (await client.ask("a", cost=2)).http_status == 404
        assert usage.left() == {Per.MONTH: 9}
        assert (await client.ask("b", cost=2)).status is PollStatus.OK
        assert (await client.ask("c", cost=2)).status is PollStatus.GARBAGE
    assert usage.left() == {Per.MONTH: 5}
    assert Usage("free", time, quotas=quotas, state=file).left() == {Per.MONTH: 5}
    assert REGISTRY.get_sample_value("minestream_source_credits_total", {"source": "free"}) == 4
