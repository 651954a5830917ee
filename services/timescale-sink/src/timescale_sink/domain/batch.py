"""From decoded records to rows: which table, which columns; and which come at no time of ours."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from minestream_schemas.dead_letter import DeadLetterKind, Fault
from minestream_schemas.event import Event
from minestream_schemas.gap import Gap
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import MinerChips, MinerTelemetry
from timescale_sink.domain import tables
from timescale_sink.domain.gaps import merged
from timescale_sink.domain.source import Item, Letter
from timescale_sink.domain.tables import Keep, Table

Row = tuple[Any, ...]
_Told = tuple[Any, Item]
"""What a record is, and the record."""
_EPOCH = datetime.fromtimestamp(0, tz=UTC)

_reading = attrgetter(*tables.READING_FIELDS)
_board = attrgetter(*tables.BOARD_FIELDS)
_sample = attrgetter(*tables.CHIP_SHARED)
_chips = attrgetter("slot", *tables.CHIP_ARRAYS)
_raw = attrgetter(*tables.RAW_FIELDS)


@dataclass(slots=True)
class Rows:
    """The rows of one transaction."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    gaps: dict[UUID, Gap] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    days: dict[str, set[datetime]] = field(default_factory=dict)
    """By table, the (UTC) days that its rows fall on: their partitions must be there."""


class TimeLimits:
    """Which events are older than their table keeps, or further ahead than clocks go wrong.

    Args:
        now: our clock.
        keep: how long rows stay.
    """

    def __init__(self, now: datetime, keep: Keep) -> None:
        self._now = now
        self._of: dict[type, tuple[Table, datetime, datetime]] = {
            kind: (table, now - keep.table[table.name], now + keep.ahead)
            for kind, table in tables.EVENT_TABLE.items()
        }

    def refuse(self, item: Item) -> Fault | None:
        """Why an event is not taken; None: it is."""
        limits = self._of.get(type(item.content))
        if limits is None:
            return None
        table, oldest, newest = limits
        at: datetime = getattr(item.content, table.at)
        if oldest <= at <= newest:
            return None
        if at < oldest:
            return Fault(
                DeadLetterKind.TOO_OLD,
                f"{table.at} {at.isoformat()} is older than {table.name} is kept",
            )
        return Fault(
            DeadLetterKind.TOO_NEW,
            f"{table.at} {at.isoformat()} is ahead of {self._now.isoformat()}",
        )


def rows_of(items: Sequence[Item]) -> Rows:
    """The rows that a batch's events and letters become. Faults become none: see ``letters``."""
    rows, kinds = Rows(), dict[type, list[_Told]]()
    for item in items:
        content = item.content
        kinds.setdefault(type(content), []).append((content, item))
    for kind, told in kinds.items():
        fill = _FILL.get(kind)
        if fill is None:
            raise ValueError(f"no table keeps a {kind.__name__}")
        fill(rows, told)
    return rows


def _readings(rows: Rows, told: Sequence[_Told]) -> None:
    newest: dict[str, tuple[datetime, UUID]] = {}
    for event, _ in told:
        mark = (event.ts, event.event_id)
        known = newest.get(event.miner_id)
        if known is None or mark > known:
            newest[event.miner_id] = mark
    readings, boards = list[Row](), list[Row]()
    for event, item in told:
        event_id, at, miner_id = event.event_id, event.ts, event.miner_id
        row = list(_reading(event))
        for index in tables.READING_ARRAYS:
            row[index] = list(row[index])
        shown = list(event.boards) if newest[miner_id] == (at, event_id) else []
        readings.append((*row, item.published_at, shown))
        boards += [(event_id, at, miner_id, *_board(board)) for board in event.boards]
    days = {_day(event.ts) for event, _ in told}
    _put(rows, tables.READING, readings, days)
    _put(rows, tables.BOARD, boards, days)


def _samples(rows: Rows, told: Sequence[_Told]) -> None:
    samples = [
        _listed((*_sample(event), *_chips(board))) for event, _ in told for board in event.boards
    ]
    _put(rows, tables.CHIP_SAMPLE, samples, {_day(event.ts) for event, _ in told})


def _raws(rows: Rows, told: Sequence[_Told]) -> None:
    kept = [(*_raw(event), item.text, item.published_at) for event, item in told]
    _put(rows, tables.RAW_EVENT, kept, {_day(event.polled_at) for event, _ in told})


def _one_row_each(kind: type[Event]) -> Callable[[Rows, Sequence[_Told]], None]:
    """Fills the table of an event whose fields are its columns."""
    table = tables.EVENTS[kind]
    values, at = attrgetter(*table.columns), attrgetter(table.at)

    def fill(rows: Rows, told: Sequence[_Told]) -> None:
        days = {_day(at(event)) for event, _ in told}
        _put(rows, table, [_listed(values(event)) for event, _ in told], days)

    return fill


def _gaps(rows: Rows, told: Sequence[_Told]) -> None:
    for gap, _ in told:
        known = rows.gaps.get(gap.gap_id)
        rows.gaps[gap.gap_id] = merged(known, gap) if known else gap


def _letters(rows: Rows, told: Sequence[_Told]) -> None:
    rows.letters += [letter for letter, _ in told]


def _nothing(rows: Rows, told: Sequence[_Told]) -> None:
    """What a fault becomes is not decided here."""


_FILL: dict[type, Callable[[Rows, Sequence[_Told]], None]] = {
    MinerTelemetry: _readings,
    MinerChips: _samples,
    RawMiner: _raws,
    Gap: _gaps,
    Letter: _letters,
    Fault: _nothing,
    **{kind: _one_row_each(kind) for kind in tables.EVENTS},
}


def _put(rows: Rows, table: Table, some: list[Row], days: set[int]) -> None:
    if some:
        rows.tables[table.name] = some
        rows.days[table.name] = {_EPOCH + timedelta(days=day) for day in days}


def _day(at: datetime) -> int:
    """Days since 1970, UTC: of a batch's thousands of instants, few make a datetime."""
    return int(at.timestamp() // 86400)


def _listed(row: Row) -> Row:
    """The row with lists for tuples: what the database's driver takes for an array."""
    return tuple([list(value) if type(value) is tuple else value for value in row])
