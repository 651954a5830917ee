"""The bare loop beside the sink: getmany, decode, the same staged COPY, the same INSERT, commit.

It validates nothing, keeps no offsets, has no dead letters and no second try: what the sink adds
is measured against it. Run by ``bench_sink.py`` as a process of its own.
"""

import asyncio
import os
import sys
import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from aiokafka import AIOKafkaConsumer, TopicPartition
from psycopg.types.json import set_json_dumps
from pydantic_core import from_json, to_json

from timescale_sink.adapters import statements
from timescale_sink.domain import tables

LISTS = ("fan_rpm", "error_codes", "quality_flags")
OBJECTS = ("evidence", "anomaly_scores")
TOPICS = ("telemetry.v1", "raw.miner.v1")


def readings(value: bytes, at: datetime) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    """One telemetry record as the row of its reading and the rows of its boards."""
    said = from_json(value)
    said["event_id"] = UUID(said["event_id"])
    said["raw_event_id"] = UUID(said["raw_event_id"])
    said["ts"] = datetime.fromisoformat(said["ts"])
    for name in LISTS:
        said.setdefault(name, [])
    for name in OBJECTS:
        said.setdefault(name, {})
    own = [said.get(name) for name in tables.READING_FIELDS]
    boards = said.get("boards", ())
    where = (said["event_id"], said["ts"], said["miner_id"])
    rows = [(*where, *[board.get(name) for name in tables.BOARD_FIELDS]) for board in boards]
    return (*own, at, boards), rows


def raws(value: bytes, at: datetime) -> tuple[Any, ...]:
    """One raw record as its row."""
    said = from_json(value)
    said["event_id"] = UUID(said["event_id"])
    said["polled_at"] = datetime.fromisoformat(said["polled_at"])
    return (*[said.get(name) for name in tables.RAW_FIELDS], value.decode(), at)


def rows_of(fetched: dict[TopicPartition, list[Any]]) -> dict[tables.Table, list[Any]]:
    """The rows of a batch, by table."""
    found: dict[tables.Table, list[Any]] = defaultdict(list)
    for where, records in fetched.items():
        for record in records:
            at = datetime.fromtimestamp(record.timestamp / 1000, tz=UTC)
            if where.topic.endswith(TOPICS[0]):
                reading, boards = readings(record.value, at)
                found[tables.READING].append(reading)
                found[tables.BOARD] += boards
            else:
                found[tables.RAW_EVENT].append(raws(record.value, at))
    return found


async def write(
    connection: psycopg.AsyncConnection[Any],
    rows: dict[tables.Table, list[Any]],
    types: dict[str, dict[str, int]],
) -> None:
    """One transaction."""
    used = [table for table in statements.FROM_STAGE if table in rows]
    async with connection.transaction(), connection.cursor() as cursor:
        for table in used:
            async with cursor.copy(statements.copy_into_stage(table)) as copy:
                copy.set_types([types[table.name][column] for column in table.columns])
                for row in rows[table]:
                    await copy.write_row(row)
        for table in used:
            for statement in statements.FROM_STAGE[table]:
                await cursor.execute(statement)


async def stages(connection: psycopg.AsyncConnection[Any]) -> dict[str, dict[str, int]]:
    """Make the temporary tables; their columns' types."""
    types: dict[str, dict[str, int]] = defaultdict(dict)
    for table in tables.TABLES:
        await connection.execute(statements.make_stage(table))
    for stage, column, oid in await (await connection.execute(statements.COLUMN_TYPES)).fetchall():
        types[stage.removeprefix("stage_")][column] = oid
    return types


async def main() -> None:
    """Read the backlog to its end; what it took, from the first commit to the last."""
    namespace, (total, most) = os.environ["MINESTREAM_TOPIC_NAMESPACE"], map(int, sys.argv[1:])
    names = [f"{namespace}.{topic}" for topic in TOPICS]
    consumer = AIOKafkaConsumer(
        *names,
        bootstrap_servers=os.environ["MINESTREAM_KAFKA_BOOTSTRAP"],
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=8 * 1024 * 1024,
    )
    done, first = 0, (0, 0.0, 0.0)
    async with (
        consumer,
        await psycopg.AsyncConnection.connect(
            os.environ["MINESTREAM_DATABASE_URL"], autocommit=True
        ) as connection,
    ):
        set_json_dumps(to_json, connection)
        types = await stages(connection)
        while done < total:
            fetched = await consumer.getmany(timeout_ms=200, max_records=most)
            if not fetched:
                continue
            await write(connection, rows_of(fetched), types)
            done += sum(map(len, fetched.values()))
            first = first if first[0] else (done, time.process_time(), time.perf_counter())
        took = (done - first[0], time.process_time() - first[1], time.perf_counter() - first[2])
    sys.stdout.write(f"{took[0]} {took[1]} {took[2]}\n")


if __name__ == "__main__":
    asyncio.run(main())
