"""When each hop let go of a reading: the stamps of its rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from pydantic import SecretStr
from tests.component.timescale_sink.events import NOW, raw, reading
from tests.component.timescale_sink.writing import write

from minestream_runtime.clock import new_event_id
from minestream_runtime.database import Migrations, StorageDialect, migrate
from minestream_runtime.database.migrations import detect
from minestream_schemas.ids import derived_id
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.adapters.migrations import MIGRATIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.component.conftest import Ask, Eventually, Tell

    from timescale_sink.settings import SinkSettings

_STAMPED = ("reading", "latest", "raw_event")
_STAMPS = "SELECT published_at, stored_at FROM telemetry_v1.{}"
_SENT = datetime(2026, 3, 4, 12, 30, 0, 250_000, tzinfo=UTC)


@pytest.mark.usefixtures("running")
async def test_rows_say_when_their_event_was_published_and_when_they_were_stored(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    before = datetime.now(UTC)
    await tell(TELEMETRY, reading("site-a-r01-s01", NOW))
    await tell(RAW_MINER, raw("site-a-r01-s01", NOW))
    await eventually("SELECT 1 FROM telemetry_v1.raw_event")
    await eventually("SELECT 1 FROM telemetry_v1.reading")
    for view in _STAMPED:
        (row,) = await ask(_STAMPS.format(view))
        sent, stored = row["published_at"], row["stored_at"]
        # Kafka's timestamps are whole milliseconds
        assert before - timedelta(milliseconds=1) <= sent <= stored, view
        assert stored <= datetime.now(UTC), view


async def test_a_repeat_keeps_the_first_stamps(settings: SinkSettings, ask: Ask) -> None:
    stamps = [_STAMPS.format(view) for view in _STAMPED]
    sent = (reading("site-a-r01-s01", NOW), raw("site-a-r01-s01", NOW))
    await write(settings, *sent, published_at=_SENT)
    first = [await ask(query) for query in stamps]
    await write(settings, *sent, published_at=_SENT + timedelta(hours=1))
    assert [await ask(query) for query in stamps] == first
    assert [rows[0]["published_at"] for rows in first] == [_SENT] * 3


async def test_a_record_without_a_timestamp_is_stored_without_one(
    settings: SinkSettings, ask: Ask
) -> None:
    await write(settings, reading("site-a-r01-s01", NOW))
    (row,) = await ask("SELECT published_at, stored_at FROM telemetry_v1.latest")
    assert row["published_at"] is None
    assert row["stored_at"] is not None


_OLD_ROWS = """
SELECT telemetry.ensure_partitions('reading', %(ts)s, %(ts)s::timestamptz + interval '1 s');
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status) VALUES (gen_random_uuid(), gen_random_uuid(), %(ts)s, 'm-1', 's', 'd', 'a', 'mining')
"""


async def test_a_database_from_before_gains_the_stamps_and_keeps_its_rows(
    settings: SinkSettings, empty_database: str, tmp_path: Path
) -> None:
    for file in MIGRATIONS.folder.iterdir():
        if file.name < "0007":
            (tmp_path / file.name).write_text(file.read_text())
    settings = settings.model_copy(update={"database_url": SecretStr(empty_database)})
    await migrate(settings, [Migrations("telemetry", tmp_path)])
    async with await psycopg.AsyncConnection[Any].connect(
        empty_database, autocommit=True
    ) as connection:
        async with psycopg.AsyncClientCursor(connection) as cursor:
            await cursor.execute(_OLD_ROWS, {"ts": NOW - timedelta(days=2)})
        if await detect(connection) is StorageDialect.TIMESCALE:
            packed = "SELECT compress_chunk(c) FROM show_chunks('telemetry.reading') AS c"
            await connection.execute(packed)
        assert "telemetry/0007_stamps" in await migrate(settings, [MIGRATIONS])
        await write(
            settings,
            reading("m-2", NOW),
            reading("m-3", NOW - timedelta(days=2)),
            published_at=_SENT,
        )
        await connection.execute("SET ROLE minestream_reader")
        rows = await (
            await connection.execute(
                "SELECT published_at, stored_at IS NULL AS old FROM telemetry_v1.reading "
                "ORDER BY miner_id"
            )
        ).fetchall()
    assert rows == [(None, True), (_SENT, False), (_SENT, False)]


async def test_a_reading_is_found_by_its_own_id_and_by_its_polls(
    settings: SinkSettings, ask: Ask
) -> None:
    polls = [raw(f"site-a-r01-s{n:02}", NOW - timedelta(days=n % 3)) for n in range(1, 10)]
    readings = [
        reading(poll.miner_id, poll.polled_at, raw_event_id=poll.event_id) for poll in polls
    ]
    await write(settings, *readings)
    await ask("SET ROLE minestream_reader")
    for sent in readings:
        for event_id in (sent.event_id, sent.raw_event_id):
            (row,) = await ask("SELECT * FROM telemetry_v1.reading_by_id(%s)", event_id)
            assert (row["miner_id"], row["ts"]) == (sent.miner_id, sent.ts)
    for unknown in (new_event_id(NOW), derived_id("nobody's")):
        assert await ask("SELECT * FROM telemetry_v1.reading_by_id(%s)", unknown) == []


_MANY_ROWS = """
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status, error)
SELECT gen_random_uuid(), gen_random_uuid(), %s, 'm-' || n, 's', 'd', 'a', 'mining',
    repeat('-', 700)
FROM generate_series(1, 20000) AS n
"""


async def test_a_reading_is_found_without_reading_the_whole_table(
    settings: SinkSettings, ask: Ask
) -> None:
    sought = reading("site-a-r01-s01", NOW)
    await write(settings, sought)
    await ask(_MANY_ROWS, NOW)
    await ask("VACUUM ANALYZE telemetry.reading")
    found = await _blocks(ask, "reading_by_id(%s)", sought.event_id)
    assert found < await _blocks(ask, "reading") / 2


async def _blocks(ask: Ask, what: str, *values: object) -> int:
    """How many blocks of tables and indexes a query touches."""
    query = f"SELECT * FROM telemetry_v1.{what}"  # noqa: S608 - our own names
    query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"
    ((answer,),) = [row.values() for row in await ask(query, *values)]
    plan: dict[str, int] = answer[0]["Plan"]
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


async def test_an_id_tells_its_instant_if_it_is_one_that_does(ask: Ask) -> None:
    query = "SELECT telemetry_v1.instant_of(%s) AS at"
    assert await ask(query, new_event_id(NOW)) == [{"at": NOW}]
    assert await ask(query, derived_id("reading")) == [{"at": None}]
