"""What pools, markets and feature stores say, as rows."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from tests.component.timescale_sink.conftest import sink
from tests.component.timescale_sink.dying import dying
from tests.component.timescale_sink.events import NOW, reading
from tests.component.timescale_sink.outside import (
    network,
    one_of_each,
    pool_rate,
    pool_stats,
    pool_worker,
    price,
)
from tests.component.timescale_sink.writing import keep_up, write

from minestream_runtime.database import Migrations, StorageDialect, migrate
from minestream_runtime.database.migrations import detect
from minestream_schemas import topics as registry
from minestream_schemas.dead_letter import DeadLetterHeader, dead_letter_topic
from minestream_schemas.market import PRICE
from minestream_schemas.pool import (
    POOL_STATS,
    POOL_WORKER,
)
from timescale_sink.adapters.migrations import MIGRATIONS
from timescale_sink.adapters.sink import TOPICS
from timescale_sink.adapters.store import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from tests.component.conftest import Ask, Eventually, Tell

    from minestream_runtime.kafka import Producer
    from timescale_sink.settings import SinkSettings

_KINDS = tuple(one_of_each())
_WITH_LATEST = tuple(
    name for name in _KINDS if name not in {"feature", "pool_reward", "pool_notice"}
)
_COUNTS = " UNION ALL ".join(
    f"SELECT '{name}' AS name, count(*) AS n, count(DISTINCT event_id) AS ids "  # noqa: S608 - our own names
    f"FROM telemetry_v1.{name}"
    for name in _KINDS
)


def test_the_sink_reads_every_topic_that_names_it_as_a_reader() -> None:
    assert {topic.name for topic in TOPICS} == {
        topic.name for topic in registry.TOPICS if "timescale-sink" in topic.consumers
    }
    assert {topic.name for topic, _ in one_of_each().values()} < {topic.name for topic in TOPICS}


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }


@pytest.mark.usefixtures("running")
async def test_each_event_becomes_one_row_with_all_its_fields_however_often_it_comes(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    events = one_of_each()
    for topic, event in events.values():
        await tell(topic, event, event)
    await eventually(_COUNTS, until=lambda rows: all(row["n"] for row in rows))
    for topic, event in events.values():
        await tell(topic, event)
    assert len(await ask("TABLE telemetry.dead_letter")) == 0
    rows = await ask(_COUNTS)
    assert {(row["n"], row["ids"]) for row in rows} == {(1, 1)}
    for name, (_, event) in events.items():
        views = [name, f"{name}_latest"] if name in _WITH_LATEST else [name]
        for view in views:
            (row,) = await ask(f"SELECT * FROM telemetry_v1.{view}")  # noqa: S608 - our own names
            assert row == _told(event.model_dump()), view


@pytest.mark.usefixtures("running")
async def test_an_old_snapshot_does_not_replace_the_newest(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    await tell(
        POOL_STATS, pool_stats(NOW), pool_stats(NOW - timedelta(minutes=5), unpaid_coins=0.0)
    )
    await eventually(
        "SELECT count(*) AS n FROM telemetry_v1.pool_stats", until=lambda rows: rows[0]["n"] == 2
    )
    (newest,) = await ask("SELECT ts, unpaid_coins FROM telemetry_v1.pool_stats_latest")
    assert newest == {"ts": NOW, "unpaid_coins": 0.00765122}


@pytest.mark.parametrize("stage", [Stage.BEFORE_COMMIT, Stage.COMMITTED])
async def test_a_sink_killed_around_its_commit_has_each_kind_of_event_exactly_once(
    stage: Stage,
    settings: SinkSettings,
    tell: Tell,
    eventually: Eventually,
    environment: dict[str, str],
) -> None:
    worlds = [one_of_each(NOW - timedelta(seconds=number)) for number in range(20)]
    await asyncio.gather(*(tell(*told) for world in worlds for told in world.values()))
    assert await dying(stage, 2, environment) == -signal.SIGKILL
    async with sink(settings):
        rows = await eventually(_COUNTS, until=lambda rows: all(row["n"] >= 20 for row in rows))
        await eventually(
            "SELECT sum(next_offset)::int AS n FROM telemetry.kafka_offset",
            until=lambda rows: rows[0]["n"] == 20 * len(_KINDS),
        )
    assert {(row["n"], row["ids"]) for row in rows} == {(20, 20)}


@pytest.mark.usefixtures("running")
async def test_bad_events_are_dead_letters_and_all_others_rows(
    tell: Tell, producer: Producer, eventually: Eventually, ask: Ask
) -> None:
    await producer.send(PRICE, key=b"litecoin", value=b'{"price_usd": -1}')
    good = [price("litecoin", NOW - timedelta(minutes=n)) for n in range(9)]
    await tell(PRICE, *good[:5])
    await tell(PRICE, price("litecoin", NOW - timedelta(days=1096)))
    await tell(PRICE, price("litecoin", NOW + timedelta(days=2)))
    await tell(PRICE, *good[5:])
    await tell(POOL_WORKER, pool_worker("site-a-r01-s01", NOW, hardware="nul\x00"))
    letters = await eventually(
        "SELECT kind, source_topic FROM telemetry_v1.dead_letter", until=lambda rows: len(rows) == 4
    )
    assert sorted((letter["kind"], letter["source_topic"]) for letter in letters) == [
        ("schema", PRICE.name),
        ("store", POOL_WORKER.name),
        ("too_new", PRICE.name),
        ("too_old", PRICE.name),
    ]
    await eventually(
        "SELECT count(*) AS n FROM telemetry_v1.price", until=lambda rows: rows[0]["n"] == 9
    )
    (latest,) = await ask("SELECT ts FROM telemetry_v1.price_latest")
    assert latest["ts"] == NOW


@pytest.mark.usefixtures("running")
async def test_dead_letters_of_alerter_and_abacus_sink_are_kept_too(
    producer: Producer, eventually: Eventually
) -> None:
    for service in ("alerter", "abacus-sink"):
        headers = [
            (DeadLetterHeader.TOPIC.value, b"minestream.feature.v1"),
            (DeadLetterHeader.PARTITION.value, b"3"),
            (DeadLetterHeader.OFFSET.value, b"99"),
            (DeadLetterHeader.KIND.value, b"bug"),
        ]
        await producer.send(dead_letter_topic(service), key=None, value=b"{}", headers=headers)
    letters = await eventually(
        "SELECT service, source_offset FROM telemetry_v1.dead_letter ORDER BY service",
        until=lambda rows: len(rows) == 2,
    )
    assert letters == [
        {"service": "abacus-sink", "source_offset": 99},
        {"service": "alerter", "source_offset": 99},
    ]


async def test_the_newest_of_each_is_kept_in_whatever_order_it_comes(
    settings: SinkSettings, ask: Ask
) -> None:
    earlier, miner = NOW - timedelta(minutes=1), "site-a-r01-s01"
    again = price("litecoin", NOW, 83.0, fetched_at=NOW + timedelta(seconds=60))
    await write(settings, pool_worker(miner, NOW), pool_worker(miner, earlier), again)
    await write(
        settings,
        pool_worker(miner, earlier, hashrate_hs=0.0),
        pool_worker(miner, earlier, worker_id="other"),
        pool_worker("prohashing-main/x", NOW, "x", worker_id=None, miner_id=None),
        price("litecoin", NOW, 82.0),
    )
    later = NOW + timedelta(seconds=1)
    await write(
        settings,
        pool_worker("prohashing-main/x", later, "x", worker_id=None, miner_id=None),
        pool_rate(NOW, received_at=NOW + timedelta(seconds=9), server_id=None),
        pool_rate(NOW),
        network("litecoin", earlier),
        network("litecoin", later, height=None),
    )
    workers = await ask(
        "SELECT worker, worker_id, ts FROM telemetry_v1.pool_worker_latest ORDER BY worker, ts"
    )
    assert [tuple(row.values()) for row in workers] == [
        ("l9-1", "other", earlier),
        ("l9-1", "8e0c0a0e", NOW),
        ("x", None, later),
    ]
    (priced,) = await ask("SELECT price_usd FROM telemetry_v1.price_latest")
    assert priced == {"price_usd": 83.0}, "fetched later, though the source gives the same instant"
    (rate,) = await ask("SELECT server_id FROM telemetry_v1.pool_rate_latest")
    assert rate == {"server_id": None}
    (chain,) = await ask("SELECT ts, height FROM telemetry_v1.network_latest")
    assert chain == {"ts": later, "height": None}


async def test_a_connection_that_is_over_leaves_the_newest_rows_when_another_has_its_name(
    settings: SinkSettings, ask: Ask
) -> None:
    old = NOW - timedelta(days=2)
    await write(
        settings,
        pool_worker("site-a-r01-s01", old, worker_id="first"),
        pool_worker("site-a-r01-s01", NOW, worker_id="second"),
        pool_worker("site-a-r01-s02", old, "l9-2", worker_id="alone"),
    )
    await keep_up(settings)
    left = await ask("SELECT worker_id FROM telemetry_v1.pool_worker_latest ORDER BY worker_id")
    assert [row["worker_id"] for row in left] == ["alone", "second"]


async def test_partitions_are_made_ahead_for_each_table_and_dropped_when_kept_long_enough(
    settings: SinkSettings, ask: Ask
) -> None:
    old = NOW - timedelta(days=80)
    for at in (old, NOW):
        await write(settings, *(event for _, event in one_of_each(at).values()))
    await keep_up(settings)
    if (await ask("SELECT max(dialect) AS d FROM minestream.migration"))[0]["d"] == "postgres":
        for name in (*_KINDS, "pool_worker_hourly", "earning_hourly", "earning_daily"):
            (made,) = await ask(
                "SELECT count(*) AS n FROM pg_inherits "
                "JOIN telemetry.storage AS s ON s.relation = %s "
                "WHERE inhparent = ('telemetry.' || s.relation)::regclass "
                "AND to_date(right(inhrelid::regclass::text, 8), 'YYYYMMDD') + s.step > %s",
                name,
                NOW + timedelta(days=3),
            )
            assert made["n"] == 1, name
    tight = {"keep_pool_worker_days": 30, "keep_pool_days": 30, "keep_market_days": 30}
    await keep_up(settings.model_copy(update={**tight, "keep_feature_days": 30}), turns=2)
    rows = await ask(_COUNTS)
    assert {row["name"]: row["n"] for row in rows} == dict.fromkeys(_KINDS, 1)
    (kept,) = await ask("SELECT hashrate_hs FROM telemetry_v1.pool_worker_latest")
    assert kept["hashrate_hs"] == 1.5e10


async def test_a_databases_rows_from_before_stay_and_it_takes_the_new_ones(
    settings: SinkSettings, empty_database: str, tmp_path: Path
) -> None:
    for file in MIGRATIONS.folder.iterdir():
        if file.name < "0011":
            (tmp_path / file.name).write_text(file.read_text())
    settings = settings.model_copy(update={"database_url": SecretStr(empty_database)})
    await migrate(settings, [Migrations("telemetry", tmp_path)])
    old = {
        "ts": NOW - timedelta(days=2),
        "usd": 6.4,
        "boards": Jsonb([]),
    }
    async with await psycopg.AsyncConnection[Any].connect(
        empty_database, autocommit=True
    ) as connection:
        async with psycopg.AsyncClientCursor(connection) as cursor:
            await cursor.execute(_OLD_ROWS, old)
        if await detect(connection) is StorageDialect.TIMESCALE:
            packed = "SELECT compress_chunk(c) FROM show_chunks('telemetry.reading') AS c"
            await connection.execute(packed)
        done = await migrate(settings, [MIGRATIONS])
        assert done[0] == "telemetry/0011_pool_market"
        await write(settings, reading("m-2", NOW), *(e for _, e in one_of_each().values()))
        await keep_up(settings)
        await connection.execute("SET ROLE minestream_reader")
        counts = await (await connection.execute(_COUNTS.encode())).fetchall()
        assert {n for _, n, _ in counts} == {1}
        readings = await (
            await connection.execute(
                "SELECT miner_id, revenue_usd_per_day FROM telemetry_v1.reading ORDER BY miner_id"
            )
        ).fetchall()
        assert readings == [("m-1", 6.4), ("m-2", None)]
        series = await (
            await connection.execute(
                "SELECT revenue_mean_usd_per_day FROM telemetry_v1.unified("
                "'m-1', %(ts)s, %(ts)s + interval '1 minute', '5 minutes')",
                old,
            )
        ).fetchall()
        assert (6.4,) in series


_OLD_ROWS = """
SELECT telemetry.ensure_partitions('reading', %(ts)s, %(ts)s::timestamptz + interval '1 s');
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status, revenue_usd_per_day, revenue_basis)
VALUES (gen_random_uuid(), gen_random_uuid(), %(ts)s, 'm-1', 's', 'd', 'a', 'mining', %(usd)s,
    'network');
INSERT INTO telemetry.dirty_bucket (kind, at) VALUES ('hour', date_bin('1 hour', %(ts)s, 'epoch'))
"""
