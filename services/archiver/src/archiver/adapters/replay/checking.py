"""Does a replay agree with what the database has? By checksums; where not, which rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, LiteralString

from psycopg.sql import Composed

from archiver.adapters.replay import statements
from archiver.adapters.replay.tables import TABLES, Table
from minestream_runtime.database import Connection, store_errors

_SHOWN_MINERS: Final = 5
_SHOWN_ROWS: Final = 5
_DAY: Final = timedelta(days=1)


class Verdict(StrEnum):
    """What comparing one table's day came to."""

    EQUAL = "equal"
    DIFFERS = "differs"
    NOT_KEPT = "older than the database keeps"


@dataclass(frozen=True, slots=True)
class Side:
    """Rows and their checksum."""

    rows: int
    total: int | None

    @property
    def checksum(self) -> str:
        """In short."""
        return "-" if self.total is None else f"{self.total % 2**64:016x}"


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not the same on both sides.

    Args:
        miner: whose.
        at: its time, as the database writes it.
        event_id: its id.
        rebuilt: what the replay says, by column; None: it has no such row.
        kept: what the database says.
    """

    miner: str
    at: str
    event_id: str
    rebuilt: dict[str, Any] | None
    kept: dict[str, Any] | None

    @property
    def columns(self) -> dict[str, tuple[Any, Any]]:
        """What both say of the columns in which they differ: the database, the replay."""
        if self.rebuilt is None or self.kept is None:
            return {}
        return {
            name: (self.kept[name], value)
            for name, value in self.rebuilt.items()
            if self.kept[name] != value
        }


@dataclass(slots=True)
class Compared:
    """One table's day, or one miner's in it."""

    table: str
    day: date
    rebuilt: Side
    kept: Side
    verdict: Verdict
    miners: dict[str, tuple[Side, Side]] = field(default_factory=dict)
    """Of a day that differs: the miners that do."""
    rows: list[Difference] = field(default_factory=list)
    """Of these: the first rows that do."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A replay beside the database.

    Args:
        days: by table and day.
        unknown_miners: that have readings in the same time, and none in the lake; where only
            some were asked for, nobody.
    """

    days: tuple[Compared, ...]
    unknown_miners: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Was anything compared, and did nothing differ?"""
        return not self.differs and any(day.verdict is Verdict.EQUAL for day in self.days)

    @property
    def differs(self) -> bool:
        """Does a day differ, or does the lake lack a miner altogether?"""
        days = any(day.verdict is Verdict.DIFFERS for day in self.days)
        return days or bool(self.unknown_miners)


async def compare(connection: Connection, schema: str, *, archived: datetime | None) -> Comparison:
    """Compare a replay with the contract's views, for its miners and, of each, its time.

    Args:
        connection: in the owner's role.
        schema: the replay's.
        archived: miners with readings before then must be in the lake; None: only some miners
            were asked for.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with store_errors():
        async with connection.transaction():
            await connection.execute("DROP TABLE IF EXISTS bounds")
            await connection.execute(statements.bounds(schema))
        since, until, miners = await _one(connection, statements.SPAN)
        if not miners:
            return Comparison((), ())
        unknown: list[tuple[str]] = []
        if archived is not None:
            span_of_all = since, min(until, archived)
            cursor = await connection.execute(statements.UNKNOWN_MINERS, span_of_all)
            unknown = await cursor.fetchall()
        days: list[Compared] = []
        for table in TABLES:
            span = {"since": since, "until": until + timedelta(microseconds=1)}
            for compared in await _days(connection, schema, table, span):
                if compared.verdict is Verdict.DIFFERS:
                    await _look_closer(connection, schema, table, compared)
                days.append(compared)
        return Comparison(tuple(days), tuple(miner for (miner,) in unknown))


async def _days(
    connection: Connection, schema: str, table: Table, span: dict[str, datetime]
) -> list[Compared]:
    (oldest,) = await _one(connection, statements.oldest(table))
    found = await (
        await connection.execute(statements.checksums(schema, table, by_miner=False), span)
    ).fetchall()
    return [
        Compared(table.name, day, ours, theirs, _verdict(day, ours, theirs, oldest))
        for day, ours, theirs in _sides(found)
    ]


async def _look_closer(
    connection: Connection, schema: str, table: Table, compared: Compared
) -> None:
    since = datetime.combine(compared.day, datetime.min.time(), UTC)
    span = {"since": since, "until": since + _DAY}
    found = await (
        await connection.execute(statements.checksums(schema, table, by_miner=True), span)
    ).fetchall()
    compared.miners = {
        miner: (ours, theirs) for miner, ours, theirs in _sides(found) if ours != theirs
    }
    for miner in list(compared.miners)[:_SHOWN_MINERS]:
        rows = await (
            await connection.execute(
                statements.differences(schema, table),
                {**span, "miner": miner, "most": _SHOWN_ROWS},
            )
        ).fetchall()
        for rebuilt, kept in rows:
            told = rebuilt or kept
            compared.rows.append(Difference(miner, told["ts"], told["event_id"], rebuilt, kept))


def _verdict(day: date, ours: Side, theirs: Side, oldest: datetime | None) -> Verdict:
    if ours == theirs:
        return Verdict.EQUAL
    if oldest is None or day < oldest.astimezone(UTC).date():
        return Verdict.NOT_KEPT
    return Verdict.DIFFERS


def _sides(found: list[Any]) -> Iterator[tuple[Any, Side, Side]]:
    for part, n, m, ours, theirs in found:
        yield part, Side(n, _whole(ours)), Side(m, _whole(theirs))


def _whole(total: Any) -> int | None:
    return None if total is None else int(total)


async def _one(connection: Connection, query: LiteralString | Composed, *values: Any) -> Any:
    return await (await connection.execute(query, values or None)).fetchone()
