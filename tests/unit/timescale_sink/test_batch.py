from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from minestream_schemas.dead_letter import DeadLetterKind
from minestream_schemas.event import Event
from minestream_schemas.gap import Gap, GapCause
from minestream_schemas.pool import PoolRate
from minestream_schemas.telemetry import BoardReading, MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm
from timescale_sink.domain import tables
from timescale_sink.domain.batch import TimeLimits, rows_of
from timescale_sink.domain.gaps import merged
from timescale_sink.domain.source import Item
from timescale_sink.settings import SinkSettings

NOW = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
KEEP = SinkSettings().keep


def item(event: Event) -> Item:
    return Item(1, event)


def reading(at: datetime, number: int = 1, **more: Any) -> MinerTelemetry:
    return MinerTelemetry(
        event_id=UUID(int=number),
        raw_event_id=UUID(int=number),
        ts=at,
        miner_id="site-a-m1",
        site_id="site-a",
        dialect="vnish-1.2",
        status=MinerStatus.MINING,
        boards=(BoardReading(slot=1), BoardReading(slot=2)),
        **more,
    )


def gap(ended: int | None, *, lost: int = 0, filled: bool = False) -> Gap:
    return Gap(
        event_id=UUID(int=ended or 0),
        gap_id=UUID(int=9),
        subject="site-a-m1",
        cause=GapCause.LINK_DOWN,
        began_at=NOW,
        ended_at=None if ended is None else NOW + timedelta(seconds=ended),
        lost_total=lost,
        filled=filled,
        reported_by="test",
    )


def test_a_row_has_a_value_for_each_column() -> None:
    rows = rows_of([item(reading(NOW))])
    for table in (tables.READING, tables.BOARD):
        assert {len(row) for row in rows.tables[table.name]} == {len(table.columns)}


def test_only_the_newest_reading_of_a_miner_carries_its_boards_to_the_latest_row() -> None:
    rows = rows_of([item(reading(NOW, 2)), item(reading(NOW - timedelta(seconds=1), 1))])
    assert [len(row[-1]) for row in rows.tables["reading"]] == [2, 0]
    assert len(rows.tables["board"]) == 4


def test_a_batch_knows_the_days_that_its_rows_fall_on() -> None:
    rows = rows_of([item(reading(NOW)), item(reading(NOW - timedelta(hours=13), 2))])
    midnight = NOW.replace(hour=0, minute=0)
    assert rows.days["reading"] == {midnight, midnight - timedelta(days=1)}


@pytest.mark.parametrize(
    ("age", "kind"),
    [
        (timedelta(days=30), None),
        (timedelta(days=30, seconds=1), DeadLetterKind.TOO_OLD),
        (timedelta(days=-1), None),
        (timedelta(days=-1, seconds=-1), DeadLetterKind.TOO_NEW),
    ],
)
def test_a_reading_is_refused_when_it_is_older_than_kept_or_over_a_day_ahead(
    age: timedelta, kind: DeadLetterKind | None
) -> None:
    fault = TimeLimits(NOW, KEEP).refuse(item(reading(NOW - age)))
    assert (fault.kind if fault else None) == kind


def test_an_event_without_a_time_of_its_own_is_never_too_old() -> None:
    assert TimeLimits(NOW + timedelta(days=9999), KEEP).refuse(item(gap(None))) is None


def test_a_gap_told_in_any_order_ends_the_same() -> None:
    tellings = [gap(None, lost=4), gap(60, filled=True), gap(90)]
    ends = set()
    for a, b, c in permutations(tellings):
        end = merged(merged(a, b), c)
        ends.add((end.ended_at, end.filled, end.lost_total, end.event_id))
    assert ends == {(NOW + timedelta(seconds=90), True, 4, UUID(int=90))}


@pytest.mark.parametrize("kind", list(tables.EVENTS))
def test_an_event_of_one_row_has_its_own_fields_for_columns_and_a_column_for_its_time(
    kind: type[Event],
) -> None:
    table = tables.EVENTS[kind]
    assert table.columns == tuple(kind.model_fields)
    assert table.at in table.columns
    if table.latest is not None:
        assert {*table.latest.key, *table.latest.by} <= set(table.columns)
        assert table.latest.by[-1] == "event_id", "two rows are never equally new"


def test_a_row_of_a_market_keeps_lists_as_lists_and_falls_on_its_day() -> None:
    rate = PoolRate(
        event_id=UUID(int=1),
        raw_event_id=UUID(int=2),
        subject="prohashing/scrypt",
        ts=NOW,
        account_id="prohashing-main",
        pool="prohashing",
        algorithm=Algorithm.SCRYPT,
        unit_hs=1e6,
        received_at=NOW,
        quality_flags=("odd",),
    )
    rows = rows_of([item(rate)])
    ((*_, flags),) = rows.tables["pool_rate"]
    assert flags == ["odd"]
    assert rows.days["pool_rate"] == {NOW.replace(hour=0, minute=0)}
