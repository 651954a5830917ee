"""Partitions, retention, rollups and migrations on the real database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from psycopg.errors import InsufficientPrivilege, UndefinedColumn
from tests.component.timescale_sink.events import NOW, reading
from tests.component.timescale_sink.writing import StandingClock, keep_up, write

from minestream_runtime.database import (
    Migrations,
    Role,
    StorageDialect,
    migrate,
    open_pool,
    storage_dialect,
)
from minestream_runtime.errors import ConfigurationError
from minestream_schemas.telemetry import MinerStatus
from timescale_sink.adapters.maintenance import Upkeep, maintenance_of
from timescale_sink.adapters.migrations import MIGRATIONS
from timescale_sink.domain.tables import READING_COLUMNS

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from tests.component.conftest import Ask

    from minestream_runtime.database import Connection
    from minestream_schemas.telemetry import MinerTelemetry
    from timescale_sink.settings import SinkSettings

_SUMS = """
SELECT sum(readings)::int AS readings, sum(answered)::int AS answered,
       sum(hashrate_sum_hs) AS hashrate,
       min(power_min_w) AS power_min, max(power_max_w) AS power_max
FROM telemetry_v1.{}
"""
_ROW_SUMS = """
SELECT count(*)::int AS readings, count(hashrate_hs)::int AS answered,
       sum(hashrate_hs) AS hashrate, min(power_w) AS power_min, max(power_w) AS power_max
FROM telemetry_v1.reading
"""


async def test_a_task_of_the_upkeep_that_fails_for_any_reason_ends_neither_others_nor_the_sink(
    settings: SinkSettings, ask: Ask
) -> None:
    await ask(
        "INSERT INTO telemetry.dead_letter VALUES ('s', 't', 0, 0, 'bug', 'r', %s)",
        NOW - timedelta(days=100),
    )
    async with open_pool(settings, Role.OWNER, name="test") as pool:
        maintenance = maintenance_of(await storage_dialect(pool, "telemetry"))

        async def broken(connection: Connection, **_: object) -> None:
            await connection.execute("SELECT * FROM telemetry.no_such_table")

        maintenance.refresh = broken  # type: ignore[method-assign]
        assert await Upkeep(settings, pool, maintenance, StandingClock(NOW)).turn()
    assert await ask("SELECT * FROM telemetry.dead_letter") == []


async def _dialect(ask: Ask) -> str:
    (row,) = await ask("SELECT max(dialect) AS dialect FROM minestream.migration")
    return str(row["dialect"])


def _day(at: datetime, **more: Any) -> list[MinerTelemetry]:
    return [
        reading(f"site-a-r0{n % 2}-s01", at - timedelta(minutes=25 * n), power_w=3000.0 + n, **more)
        for n in range(40)
    ]


async def test_a_reading_has_a_column_for_each_of_its_events_fields(ask: Ask) -> None:
    rows = await ask(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'telemetry_v1.reading'::regclass "
        "AND attnum > 0"
    )
    assert {row["attname"] for row in rows} == {*READING_COLUMNS, "stored_at"}


async def test_rollups_are_the_sums_of_the_readings(settings: SinkSettings, ask: Ask) -> None:
    await write(settings, *_day(NOW))
    await keep_up(settings)
    if await _dialect(ask) == StorageDialect.TIMESCALE:
        for rollup in ("reading_hourly", "reading_daily"):
            await ask(f"CALL refresh_continuous_aggregate('telemetry.{rollup}', NULL, NULL)")
    await write(
        settings, *_day(NOW - timedelta(minutes=3), status=MinerStatus.OFFLINE, hashrate_hs=None)
    )
    await keep_up(settings)
    (rows,) = await ask(_ROW_SUMS)
    assert rows["readings"] == 80
    if await _dialect(ask) == StorageDialect.TIMESCALE:
        for rollup in ("reading_hourly", "reading_daily"):
            await ask(f"CALL refresh_continuous_aggregate('telemetry.{rollup}', NULL, NULL)")
    for rollup in ("reading_hourly", "reading_daily"):
        (sums,) = await ask(_SUMS.format(rollup))
        assert sums == pytest.approx(rows, rel=1e-12)


async def test_what_is_kept_long_enough_goes_and_its_rollup_stays_whatever_comes_late(
    settings: SinkSettings, ask: Ask
) -> None:
    old = NOW - timedelta(days=20)
    await write(settings, *_day(old), *_day(NOW))
    await keep_up(settings)
    before = await ask("SELECT * FROM telemetry_v1.reading_hourly ORDER BY bucket_at, miner_id")
    assert len(before) > 20
    tight = settings.model_copy(update={"keep_reading_days": 10, "keep_board_days": 10})
    await keep_up(tight, turns=2)
    (left,) = await ask("SELECT min(ts) AS oldest, count(*) AS n FROM telemetry_v1.reading")
    assert left["n"] == 40
    assert left["oldest"] > NOW - timedelta(days=2)
    await ask(
        "INSERT INTO telemetry.dirty_bucket (kind, at) VALUES ('hour', %s)", before[0]["bucket_at"]
    )
    await write(settings, reading("site-a-r00-s01", old + timedelta(seconds=1)))
    await keep_up(tight)
    after = await ask("SELECT * FROM telemetry_v1.reading_hourly ORDER BY bucket_at, miner_id")
    assert after[: len(before)] == before


async def test_gaps_that_ended_long_ago_go_and_open_ones_stay(
    settings: SinkSettings, ask: Ask
) -> None:
    for number, ended in enumerate((NOW - timedelta(days=400), NOW - timedelta(days=1), None)):
        await ask(
            "INSERT INTO telemetry.gap (gap_id, event_id, subject, cause, began_at, ended_at, "
            "reported_by) VALUES (%s, %s, 'm-1', 'miner_silent', %s, %s, 'processor')",
            UUID(int=number),
            UUID(int=number),
            NOW - timedelta(days=500),
            ended,
        )
    await keep_up(settings.model_copy(update={"keep_gap_days": 365}))
    left = await ask("SELECT gap_id FROM telemetry.gap ORDER BY gap_id")
    assert [row["gap_id"].int for row in left] == [1, 2]


async def test_partitions_are_made_ahead_and_for_late_rows_and_no_row_is_refused(
    settings: SinkSettings, ask: Ask
) -> None:
    await keep_up(settings)
    if await _dialect(ask) == StorageDialect.POSTGRES:
        names = await ask(
            "SELECT inhrelid::regclass::text AS name FROM pg_inherits "
            "WHERE inhparent = 'telemetry.reading'::regclass"
        )
        made = {row["name"] for row in names}
        days = [NOW + timedelta(days=ahead) for ahead in range(4)]
        assert made >= {f"telemetry.reading_p{day:%Y%m%d}" for day in days}
    await write(settings, reading("site-a-r01-s01", NOW - timedelta(days=29)))
    (row,) = await ask("SELECT count(*) AS n FROM telemetry.reading")
    assert row["n"] == 1


async def test_only_one_replica_does_the_upkeep(settings: SinkSettings, ask: Ask) -> None:
    await ask("SELECT pg_advisory_lock(x'55706B70'::bigint)")
    assert await keep_up(settings) == [False]
    await ask("SELECT pg_advisory_unlock(x'55706B70'::bigint)")
    assert await keep_up(settings) == [True]


async def test_a_reader_reads_the_contract_and_nothing_else(
    settings: SinkSettings, ask: Ask
) -> None:
    await write(settings, reading("site-a-r01-s01", NOW))
    for view in await ask("SELECT viewname FROM pg_views WHERE schemaname = 'telemetry_v1'"):
        await ask("SET ROLE minestream_reader")
        await ask('TABLE telemetry_v1."{}"'.format(view["viewname"]))
    with pytest.raises(InsufficientPrivilege):
        await ask("TABLE telemetry.reading")


async def test_migrations_run_once_however_many_run_them(settings: SinkSettings) -> None:
    done = await asyncio.gather(*(migrate(settings, [MIGRATIONS]) for _ in range(4)))
    assert done == [[], [], [], []]


async def test_an_applied_migration_that_was_edited_is_refused(
    settings: SinkSettings, tmp_path: Path
) -> None:
    owner = Migrations("tried", tmp_path)
    file = tmp_path / "0001_first.sql"
    file.write_text("CREATE SCHEMA tried;")
    runs = await asyncio.gather(*(migrate(settings, [owner]) for _ in range(4)))
    assert sorted(runs) == [[], [], [], ["tried/0001_first"]]
    file.write_text("CREATE SCHEMA tried; -- edited")
    with pytest.raises(ConfigurationError, match="tried/0001_first was edited"):
        await migrate(settings, [owner])
    file.write_text("CREATE SCHEMA tried;")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE tried.t (); SELECT nonsense;")
    with pytest.raises(UndefinedColumn, match="nonsense"):
        await migrate(settings, [owner])
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE tried.t ();")
    assert await migrate(settings, [owner]) == ["tried/0002_second"]
