"""From decoded records to rows: which table, which columns; and which come at no time of ours."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from minestream_schemas.anomaly import Anomaly
from minestream_schemas.dead_letter import DeadLetterKind
from minestream_schemas.event import Event
from minestream_schemas.gap import Gap
from minestream_schemas.raw import RawMiner
from minestream_schemas.telemetry import MinerChips, MinerTelemetry
from minestream_schemas.window import TelemetryWindow
from timescale_sink.domain import tables
from timescale_sink.domain.gaps import merged
from timescale_sink.domain.source import Fault, Item, Letter
from timescale_sink.domain.tables import Keep, Table

Row = tuple[Any, ...]

_reading = attrgetter(*tables.READING_FIELDS)
_board = attrgetter(*tables.BOARD_FIELDS)
_sample = attrgetter(*tables.CHIP_SHARED)
_chips = attrgetter("slot", *tables.CHIP_ARRAYS)
_window = attrgetter(*tables.WINDOW.columns)
_anomaly = attrgetter(*tables.ANOMALY.columns)
_raw = attrgetter(*tables.RAW_FIELDS)


@dataclass(slots=True)
class Rows:
    """The rows of one transaction."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    gaps: dict[UUID, Gap] = field(default_factory=dict)
    letters: list[Letter] = field(default_factory=list)
    days: dict[str, set[datetime]] = field(default_factory=dict)
    """By table, the (UTC) days that its rows fall on: their partitions must be there."""


def refused_for_time(item: Item, *, now: datetime, keep: Keep) -> Fault | None:
    """Is the event older than its table keeps, or further ahead than clocks go wrong?

    Args:
        item: a decoded record.
        now: our clock.
        keep: how long rows stay.
    """
    table = tables.EVENT_TABLE.get(type(item.content))
    if table is None:
        return None
    at: datetime = getattr(item.content, table.at)
    if at < now - keep.table[table.name]:
        return Fault(
            DeadLetterKind.TOO_OLD,
            f"{table.at} {at.isoformat()} is older than {table.name} is kept",
        )
    if at > now + keep.ahead:
        return Fault(
            DeadLetterKind.TOO_NEW, f"{table.at} {at.isoformat()} is ahead of {now.isoformat()}"
        )
    return None


def rows_of(items: Sequence[Item]) -> Rows:
    """The rows that a batch's events and letters become. Faults become none: see ``letters``."""
    rows = Rows()
    newest = _newest(items)
    for item in items:
        content = item.content
        if isinstance(content, Letter):
            rows.letters.append(content)
        elif isinstance(content, Gap):
            known = rows.gaps.get(content.gap_id)
            rows.gaps[content.gap_id] = merged(known, content) if known else content
        elif isinstance(content, Event):
            for table, row in _rows(content, item, newest):
                rows.tables.setdefault(table.name, []).append(row)
                day = getattr(content, table.at).replace(hour=0, minute=0, second=0, microsecond=0)
                rows.days.setdefault(table.name, set()).add(day)
    return rows


def _newest(items: Sequence[Item]) -> dict[str, tuple[datetime, UUID]]:
    newest: dict[str, tuple[datetime, UUID]] = {}
    for item in items:
        reading = item.content
        if isinstance(reading, MinerTelemetry):
            mark = (reading.ts, reading.event_id)
            known = newest.get(reading.miner_id)
            if known is None or mark > known:
                newest[reading.miner_id] = mark
    return newest


def _rows(
    event: Event, item: Item, newest: dict[str, tuple[datetime, UUID]]
) -> Iterator[tuple[Table, Row]]:
    match event:
        case MinerTelemetry():
            shown = event.boards if newest[event.miner_id] == (event.ts, event.event_id) else ()
            yield tables.READING, _listed((*_reading(event), item.published_at, shown))
            for board in event.boards:
                yield tables.BOARD, (event.event_id, event.ts, event.miner_id, *_board(board))
        case MinerChips():
            for chips in event.boards:
                yield tables.CHIP_SAMPLE, _listed((*_sample(event), *_chips(chips)))
        case TelemetryWindow():
            yield tables.WINDOW, _window(event)
        case Anomaly():
            yield tables.ANOMALY, _anomaly(event)
        case RawMiner():
            yield tables.RAW_EVENT, (*_raw(event), item.text, item.published_at)
        case _:
            raise ValueError(f"no table keeps a {type(event).__name__}")


def _listed(row: Row) -> Row:
    """The row with lists for tuples: what the database's driver takes for an array."""
    return tuple([list(value) if type(value) is tuple else value for value in row])
