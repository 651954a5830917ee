"""Writes batches to the database: rows, dead letters and offsets in one transaction, or nothing."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from weakref import WeakKeyDictionary

from psycopg.types.json import Jsonb, set_json_dumps
from pydantic_core import to_json

from minestream_runtime.database import Connection, Pool, store_errors
from minestream_runtime.database.positions import Offsets
from minestream_runtime.errors import StoreRejectedError
from minestream_runtime.kafka import Partition
from minestream_runtime.metrics import histogram
from timescale_sink.adapters import statements
from timescale_sink.domain.batch import Row, Rows
from timescale_sink.domain.source import Letter
from timescale_sink.domain.tables import TABLES, Table

Types = Mapping[str, int]
Day = tuple[str, datetime]


class Stage(StrEnum):
    """What a batch has just passed; where tests cut the power."""

    BEFORE_COPY = "before_copy"
    AFTER_COPY = "after_copy"
    BEFORE_COMMIT = "before_commit"
    COMMITTED = "committed"


Passing = Callable[[Stage], None]


@dataclass(frozen=True, slots=True)
class Move:
    """One partition's offset: from the value at which the batch began, to the next record's."""

    held: int
    upto: int


class Store:
    """The telemetry schema, as the write path sees it.

    Args:
        pool: connections in the writer's role.
        group: whose offsets.
        passing: told of each stage that a batch passes.
    """

    def __init__(self, pool: Pool, *, group: str, passing: Passing = lambda _: None) -> None:
        self._pool = pool
        self._offsets = Offsets(pool, "telemetry", group=group)
        self._passing = passing
        self._staged: WeakKeyDictionary[Connection, dict[str, Types]] = WeakKeyDictionary()
        self._cut: set[Day] = set()

    async def offsets(self, beginnings: Mapping[Partition, int]) -> dict[Partition, int]:
        """The offset of the next record of each partition; see ``Offsets.known``."""
        return await self._offsets.known(beginnings)

    async def write(self, rows: Rows, moves: Mapping[Partition, Move]) -> dict[str, int]:
        """Write rows and move offsets, together.

        Args:
            rows: what a batch has become.
            moves: each partition that the batch read, and how far.

        Returns:
            rows written, by table; those that were there already do not count.

        Raises:
            PartitionLostError: an offset is not where the batch began; nothing is written.
            StoreUnavailableError: nothing is written, or all of it and we were not told.
            StoreRejectedError: a row is at fault; nothing is written.
        """
        try:
            with store_errors():
                async with self._pool.connection() as connection:
                    with _taking("stage"):
                        types = await self._stages(connection)
                        await self._ensure_partitions(connection, rows)
                    async with AsyncExitStack() as transaction:
                        await transaction.enter_async_context(connection.transaction())
                        written = await self._in_transaction(connection, rows, moves, types)
                        with _taking("commit"):
                            await transaction.aclose()
        except StoreRejectedError:
            self._cut.clear()  # a day's partition that we knew may have been dropped
            raise
        self._passing(Stage.COMMITTED)
        return written

    async def _in_transaction(
        self,
        connection: Connection,
        rows: Rows,
        moves: Mapping[Partition, Move],
        types: Mapping[str, Types],
    ) -> dict[str, int]:
        with _taking("offsets"):
            await self._offsets.lock(connection, {one: move.held for one, move in moves.items()})
            await self._offsets.move(connection, {one: move.upto for one, move in moves.items()})
        self._passing(Stage.BEFORE_COPY)
        used = [table for table in statements.FROM_STAGE if rows.tables.get(table.name)]
        with _taking("copy"):
            for table in used:
                await _copy(connection, table, rows.tables[table.name], types[table.name])
        self._passing(Stage.AFTER_COPY)
        with _taking("settle"):
            written = {table.name: await _settle(connection, table) for table in used}
        with _taking("rare"):
            await _rare(connection, rows)
        self._passing(Stage.BEFORE_COMMIT)
        return written

    async def _stages(self, connection: Connection) -> dict[str, Types]:
        known = self._staged.get(connection)
        if known is not None:
            return known
        async with connection.transaction():
            for table in TABLES:
                await connection.execute(statements.make_stage(table))
        types: dict[str, dict[str, int]] = {}
        for stage, column, oid in await (
            await connection.execute(statements.COLUMN_TYPES)
        ).fetchall():
            types.setdefault(stage.removeprefix("stage_"), {})[column] = oid
        set_json_dumps(_dumped, connection)
        self._staged[connection] = dict(types)
        return self._staged[connection]

    async def _ensure_partitions(self, connection: Connection, rows: Rows) -> None:
        for name, days in rows.days.items():
            for day in sorted(days):
                if (name, day) not in self._cut:
                    await connection.execute(statements.ENSURE_PARTITION, (name, day, day))
                    self._cut.add((name, day))


def _taking(what: str) -> AbstractContextManager[object]:
    return histogram("minestream_database_seconds").labels(what).time()


async def _copy(connection: Connection, table: Table, rows: list[Row], types: Types) -> None:
    async with (
        connection.cursor() as cursor,
        cursor.copy(statements.copy_into_stage(table)) as copy,
    ):
        copy.set_types([types[column] for column in table.columns])
        for row in rows:
            await copy.write_row(row)


async def _settle(connection: Connection, table: Table) -> int:
    first, *rest = statements.FROM_STAGE[table]
    row = await (await connection.execute(first)).fetchone()
    for statement in rest:
        await connection.execute(statement)
    return int(row[0]) if row else 0


async def _rare(connection: Connection, rows: Rows) -> None:
    async with connection.cursor() as cursor:
        if rows.gaps:
            await cursor.executemany(
                statements.PUT_GAP, [gap.model_dump() for gap in rows.gaps.values()]
            )
        if rows.letters:
            await cursor.executemany(statements.PUT_LETTER, list(map(_letter, rows.letters)))


def _letter(letter: Letter) -> tuple[Any, ...]:
    where = letter.source
    return (
        *(letter.service, where.topic, where.partition, where.offset),
        *(letter.kind, letter.reason, letter.at, letter.key, letter.value),
        Jsonb(dict(letter.headers)),
    )


def _dumped(value: Any) -> bytes:
    return to_json(value, exclude_none=True)


__all__: Final = ["Move", "Passing", "Stage", "Store"]
