"""Windows of the processor and windows from the rows: one definition, told twice."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.component.timescale_sink.events import NOW, reading, silence, window

from minestream_schemas.telemetry import TELEMETRY
from minestream_schemas.window import WINDOW, TelemetryWindow

if TYPE_CHECKING:
    from tests.component.conftest import Ask, Eventually, Tell

pytestmark = pytest.mark.usefixtures("running")

MINER = "site-a-r02-s01"
START = NOW.replace(second=0) - timedelta(minutes=10)
_WINDOWS = 'SELECT * FROM telemetry_v1."window" ORDER BY window_start_at'
_FROM_ROWS = "SELECT * FROM telemetry.window_from_rows(%s, %s, %s) ORDER BY window_start_at"


def at(seconds: float) -> Any:
    return START + timedelta(seconds=seconds)


async def test_the_definition_in_sql_is_that_of_the_contract(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    await tell(
        TELEMETRY,
        reading(MINER, at(-25), accepted_total=100, rejected_total=7),
        reading(MINER, at(1), hashrate_hs=1e13, power_w=None, accepted_total=160, fan_rpm=()),
        silence(MINER, at(4)),
        reading(MINER, at(7), hashrate_hs=4e13, accepted_total=20, rejected_total=9, stale_total=5),
        reading(MINER, at(12), hashrate_hs=0.0, accepted_total=None, stale_total=6),
    )
    await eventually("SELECT 1 FROM telemetry.reading", until=lambda rows: len(rows) == 5)
    first, second = await ask(_FROM_ROWS, 10, at(0), at(20))
    expected = {
        "window_start_at": at(0),
        "readings": 3,
        "answered": 2,
        "mining": 2,
        "hashrate_mean_hs": 2.5e13,
        "hashrate_min_hs": 1e13,
        "hashrate_max_hs": 4e13,
        "power_mean_w": 3250.0,
        "fan_rpm_min": 5280,
        "accepted_delta": 60 + 20,
        "rejected_delta": 2,
        "stale_delta": None,
        "hw_errors_delta": None,
    }
    assert {name: first[name] for name in expected} == expected
    assert (second["accepted_delta"], second["stale_delta"]) == (None, 1)
    assert second["hashrate_mean_hs"] == 0.0


async def test_windows_have_the_same_columns_as_their_event(ask: Ask) -> None:
    columns = await ask(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'telemetry_v1.\"window\"'::regclass "
        "AND attnum > 0"
    )
    assert {row["attname"] for row in columns} == set(TelemetryWindow.model_fields)


async def test_a_late_reading_makes_a_new_revision_of_its_window_and_of_its_neighbours_delta(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    await tell(
        TELEMETRY,
        reading(MINER, at(1), accepted_total=100),
        reading(MINER, at(11), accepted_total=130),
    )
    await eventually("SELECT 1 FROM telemetry.reading", until=lambda rows: len(rows) == 2)
    (first, second) = await ask(_FROM_ROWS, 10, at(0), at(20))
    told = [
        TelemetryWindow(**(row | {"event_id": window(MINER, at(0)).event_id}))
        for row in (first, second)
    ]
    await tell(WINDOW, *told)
    await eventually(_WINDOWS, until=lambda rows: len(rows) == 2)
    await tell(
        TELEMETRY,
        reading(MINER, at(5), accepted_total=3, hashrate_hs=1.0, quality_flags=("late",)),
    )
    rows = await eventually(
        _WINDOWS, until=lambda rows: [row["revision"] for row in rows] == [1, 1]
    )
    computed = await ask(_FROM_ROWS, 10, at(0), at(20))
    for row, expected in zip(rows, computed, strict=True):
        assert {name: row[name] for name in expected} == expected
    assert [row["accepted_delta"] for row in rows] == [3, 127]
    assert rows[0]["readings"] == 2
    await eventually(
        "SELECT count(*) AS n FROM telemetry.dirty_bucket WHERE kind = 'window'",
        until=lambda rows: rows[0]["n"] == 0,
    )


async def test_a_window_told_again_changes_nothing_and_never_beats_a_revision(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    revised = window(MINER, at(0), revision=2, readings=5)
    await tell(WINDOW, revised)
    await eventually(_WINDOWS)
    await tell(WINDOW, window(MINER, at(0)), window(MINER, at(10)))
    await eventually(_WINDOWS, until=lambda rows: len(rows) == 2)
    rows = await ask(_WINDOWS)
    assert [(row["revision"], row["readings"]) for row in rows] == [(2, 5), (0, 1)]


async def test_a_window_whose_rows_are_still_on_their_way_is_left_alone(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    await tell(WINDOW, window(MINER, at(0), readings=2, answered=2, mining=2))
    await eventually(_WINDOWS)
    await tell(TELEMETRY, reading(MINER, at(1)))
    await eventually("SELECT 1 FROM telemetry.reading")
    await eventually(
        "SELECT count(*) AS n FROM telemetry.dirty_bucket WHERE kind = 'window'",
        until=lambda rows: rows[0]["n"] <= 1,
    )
    assert [row["revision"] for row in await ask(_WINDOWS)] == [0]
    await tell(TELEMETRY, reading(MINER, at(2), hashrate_hs=1e12))
    (row,) = await eventually(_WINDOWS, until=lambda rows: rows[0]["revision"] == 1)
    assert row["readings"] == 2
    assert row["hashrate_min_hs"] == 1e12
