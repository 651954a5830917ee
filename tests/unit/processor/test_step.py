"""Events in any order and repeated anywhere: what is told, and what stays the same."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from minestream_schemas.telemetry import MinerTelemetry
from minestream_schemas.window import TelemetryWindow
from processor.adapters.state_codec import decode, encode
from processor.domain.miner_state import COUNTERS, MinerState, Worth, to_us
from processor.domain.step import REMEMBERED, Kind, Outcome, Reading, Rules, step, tick

MakeReading = Callable[..., Reading]
RULES = Rules(window_s=10, grace_s=5, feature_every_s=20)
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

maybe = st.none() | st.floats(0, 1e15)
counter = st.none() | st.integers(0, 50)
numbers = st.fixed_dictionaries(
    {
        "hashrate_hs": maybe,
        "power_w": st.none() | st.floats(0, 9000),
        "chip_temp_max_c": st.none() | st.floats(-40, 150),
        "pcb_temp_max_c": st.none() | st.floats(-40, 150),
        "fan_rpm": st.lists(st.integers(0, 9000), max_size=3).map(tuple),
        **dict.fromkeys(COUNTERS, counter),
    }
)
polls = st.lists(st.tuples(st.integers(0, 120), numbers), min_size=1, max_size=40)


def run(readings: Iterable[Reading], state: MinerState | None = None) -> list[Outcome]:
    """Step through readings; the state goes through its blob each time, as it does in service."""
    outcomes = []
    for one in readings:
        outcome = step(state, one, RULES)
        state = decode(encode(outcome.state))
        assert state == outcome.state
        outcomes.append(outcome)
    return outcomes


def told(outcome: Outcome) -> list[bytes]:
    events = [outcome.telemetry, outcome.anomaly, *outcome.windows, *outcome.gaps, outcome.feature]
    return [event.to_json() for event in events if event is not None]


def naive(rows: Sequence[MinerTelemetry], start_s: int) -> dict[str, Any]:
    """One window's row, as anybody would compute it from all rows in order."""

    def second(row: MinerTelemetry) -> float:
        return (row.ts - EPOCH).total_seconds()

    inside = [row for row in rows if start_s <= second(row) < start_s + 10]

    def said(name: str) -> list[float]:
        return [getattr(row, name) for row in inside if getattr(row, name) is not None]

    def mean(name: str) -> float | None:
        return sum(said(name)) / len(said(name)) if said(name) else None

    deltas = {}
    for name in COUNTERS:
        saying = [row for row in rows if getattr(row, name) is not None]
        pairs = [(getattr(a, name), getattr(b, name)) for a, b in pairwise(saying) if b in inside]
        total = sum(b - a if b >= a else b for a, b in pairs) if pairs else None
        deltas[name.removesuffix("_total") + "_delta"] = total
    fans = [rpm for row in inside for rpm in row.fan_rpm]
    return {
        "readings": len(inside),
        "answered": len(said("hashrate_hs")),
        "mining": len(inside),
        "hashrate_mean_hs": mean("hashrate_hs"),
        "hashrate_min_hs": min(said("hashrate_hs"), default=None),
        "hashrate_max_hs": max(said("hashrate_hs"), default=None),
        "power_mean_w": mean("power_w"),
        "power_max_w": max(said("power_w"), default=None),
        "chip_temp_mean_c": mean("chip_temp_max_c"),
        "chip_temp_max_c": max(said("chip_temp_max_c"), default=None),
        "pcb_temp_max_c": max(said("pcb_temp_max_c"), default=None),
        "fan_rpm_min": min(fans, default=None),
        "anomaly_score_max": max(said("anomaly_score"), default=None),
        **deltas,
    }


def agree(window: TelemetryWindow, expected: dict[str, Any]) -> bool:
    def close(name: str, value: Any) -> bool:
        said = getattr(window, name)
        if value is None or said is None:
            return said is value
        return math.isclose(said, value, rel_tol=1e-9, abs_tol=1e-9)

    return all(close(name, value) for name, value in expected.items())


@settings(max_examples=60, deadline=None)
@given(polls, st.data())
def test_windows_equal_those_recomputed_from_the_rows_whatever_is_late_or_repeated(
    reading: MakeReading, plan: list[tuple[int, dict[str, Any]]], data: st.DataObject
) -> None:
    readings = [reading(at, number=number, **said) for number, (at, said) in enumerate(plan)]
    fed: list[Reading] = []
    for one in readings:
        fed.append(one)
        recent = readings[max(0, len(set(map(id, fed))) - REMEMBERED) :][: len(fed)]
        if data.draw(st.booleans(), label="repeat") and recent:
            again = data.draw(st.sampled_from(recent), label="which")
            if any(again is earlier for earlier in fed):
                fed.append(again)
    outcomes = run(fed)
    final = tick(outcomes[-1].state, to_us(EPOCH) + 10**12, RULES)
    windows = {
        window.event_id: window
        for window in (*(w for outcome in outcomes for w in outcome.windows), *final.windows)
    }
    first: dict[object, MinerTelemetry] = {}
    for outcome in outcomes:
        first.setdefault(outcome.telemetry.event_id, outcome.telemetry)
    rows = [row for row in first.values() if "late" not in row.quality_flags]
    assert sorted(rows, key=lambda row: row.ts) == rows
    starts = {int((row.ts - EPOCH).total_seconds()) // 10 * 10 for row in rows}
    assert {int((w.window_start_at - EPOCH).total_seconds()) for w in windows.values()} == starts
    for window in windows.values():
        start = int((window.window_start_at - EPOCH).total_seconds())
        assert agree(window, naive(rows, start))


@settings(max_examples=60, deadline=None)
@given(polls, st.data())
def test_an_event_fed_again_anywhere_tells_the_same_and_changes_nothing(
    reading: MakeReading, plan: list[tuple[int, dict[str, Any]]], data: st.DataObject
) -> None:
    readings = [
        reading(at, number=number, answered=at % 3 > 0, interval_s=10, **said)._replace(
            worth=Worth(number, float(number), "Litecoin", 1e-10 * number, price_us=number),
            tariff_usd_per_kwh=0.05,
        )
        for number, (at, said) in enumerate(plan)
    ]
    outcomes = run(readings)
    which = data.draw(st.integers(max(0, len(readings) - REMEMBERED), len(readings) - 1))
    # what pools and markets say has changed meanwhile: a repeat does not listen
    meanwhile = readings[which]._replace(worth=Worth(1, 9.0, "Dogecoin", 7e-10, price_us=2))
    again = step(outcomes[-1].state, meanwhile, RULES)
    assert again.kind is Kind.REPEAT
    over = {gap.gap_id for outcome in outcomes for gap in outcome.gaps if gap.ended_at}
    still = tuple(gap for gap in outcomes[which].gaps if gap.ended_at or gap.gap_id not in over)
    assert told(again) == told(outcomes[which]._replace(gaps=still))
    assert again.state == outcomes[-1].state


def test_a_reading_older_than_the_newest_is_late_and_moves_nothing(reading: MakeReading) -> None:
    first, second = run([reading(20, hashrate_hs=1.0), reading(8, hashrate_hs=9.0)])
    assert second.kind is Kind.LATE
    assert second.telemetry.quality_flags == ("late",)
    assert second.state.open == first.state.open
    assert second.state.ewmas == first.state.ewmas


def test_a_reading_of_a_window_that_the_clock_has_closed_is_late(reading: MakeReading) -> None:
    state = run([reading(1, interval_s=1, accepted_total=5)])[0].state
    closed = tick(state, to_us(EPOCH) + 17_000_000, RULES)
    assert [window.readings for window in closed.windows] == [1]
    late = step(closed.state, reading(9, interval_s=1, accepted_total=7), RULES)
    assert late.kind is Kind.LATE
    assert late.telemetry.quality_flags == ("late",)
    after = run([reading(30), reading(41)], late.state)
    assert [outcome.kind for outcome in after] == [Kind.NEW, Kind.NEW]


def test_a_reading_at_the_same_instant_as_the_newest_is_not_late(reading: MakeReading) -> None:
    outcomes = run([reading(5, number=1), reading(5, number=2)])
    assert [outcome.kind for outcome in outcomes] == [Kind.NEW, Kind.NEW]
    assert outcomes[-1].state.open[0].readings == 2


def test_a_window_closes_when_the_grace_has_passed_and_not_before(reading: MakeReading) -> None:
    outcomes = run([reading(1), reading(14.9), reading(15)])
    assert [len(outcome.windows) for outcome in outcomes] == [0, 0, 1]
    assert outcomes[2].windows[0].readings == 1


def test_a_counter_that_fell_counts_from_zero(reading: MakeReading) -> None:
    readings = [
        reading(at, accepted_total=total) for at, total in ((1, 100), (4, 130), (7, 5), (9, 6))
    ]
    closed = run([*readings, reading(40)])[-1].windows[0]
    assert closed.accepted_delta == 30 + 5 + 1
    assert closed.rejected_delta is None


def test_the_state_of_a_miner_polled_each_minute_stays_below_two_kibibytes_and_a_half(
    reading: MakeReading,
) -> None:
    state = None
    for minute in range(60):
        one = reading(
            minute * 60,
            hashrate_hs=1.7e10 + minute * 1e7,
            power_w=3300.0 + minute,
            efficiency_j_per_th=190.5,
            chip_temp_max_c=70.5,
            pcb_temp_max_c=60.5,
            fan_rpm=(4000, 4100, 4200, 4300),
            **dict.fromkeys(COUNTERS, 10_000_000 + minute * 37),
        )
        at_us = to_us(one.telemetry.ts)
        worth = Worth(at_us, 1.7e10, "Litecoin", 4.5e-10, by_pool=True, price_us=at_us)
        state = step(state, one._replace(worth=worth), Rules()).state
    assert state is not None
    assert len(encode(state)) < 2560
