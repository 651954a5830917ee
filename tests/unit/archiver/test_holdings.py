"""Only records that come next count, and only in partitions that the lake was asked about."""

from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from tests.unit.archiver.lakes import AT, PARTITION, filled, hold, offsets, record, unfinished

from archiver.adapters import holdings as module
from archiver.adapters.holdings import Holdings
from archiver.adapters.lake import Lake
from archiver.adapters.open_cut import OpenCut
from archiver.adapters.parquet import Row
from archiver.domain.places import Place
from minestream_runtime.kafka import Consumer, Partition
from minestream_runtime.settings import Settings

PLACE = Place("raw.miner", "vnish", AT.date())


class FakeConsumer:
    """A broker with one partition, and what it was asked."""

    def __init__(self, *, beginning: int = 0, end: int = 100) -> None:
        self.beginning, self.end = beginning, end
        self.sought: list[int] = []
        self.paused = False

    def owned(self) -> frozenset[Partition]:
        return frozenset({PARTITION})

    async def beginnings(self, _: Any) -> dict[Partition, int]:
        return {PARTITION: self.beginning}

    async def ends(self, _: Any) -> dict[Partition, int]:
        return {PARTITION: self.end}

    def seek(self, _: Partition, offset: int) -> None:
        self.sought.append(offset)

    def pause(self, _: Any) -> None:
        self.paused = True

    def resume(self, _: Any) -> None:
        self.paused = False


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    async def cluster(_: Settings) -> str:
        return "c"

    monkeypatch.setattr(module, "cluster_id", cluster)
    return Lake(tmp_path)


async def held(lake: Lake, consumer: FakeConsumer) -> Holdings:
    """Our partition, taken up."""
    holdings = Holdings(lake, zstd_level=1)
    holdings.follow(cast("Consumer", consumer))
    await holdings.assigned(frozenset({PARTITION}))
    assert consumer.paused, "nothing is read before the lake was asked"
    assert list(holdings.ours([record(0)])) == []
    await holdings.find(Settings())
    assert not consumer.paused
    return holdings


def taken(holdings: Holdings, *numbers: int) -> list[int]:
    """The offsets that counted."""
    found = []
    for cut, one in holdings.ours(record(number) for number in numbers):
        cut.add(PLACE, Row(one, None), now_s=0)
        found.append(one.offset)
    return found


async def test_reading_goes_on_where_the_lake_ends_whatever_the_group_has_committed(
    lake: Lake,
) -> None:
    filled(lake, hold(lake), range(7)).keep()
    consumer = FakeConsumer()
    holdings = await held(lake, consumer)
    assert consumer.sought == [7]
    assert taken(holdings, 7, 8, 9) == [7, 8, 9]


async def test_offsets_that_go_back_are_a_topic_made_anew(lake: Lake, tmp_path: Path) -> None:
    filled(lake, hold(lake), range(7)).keep()
    consumer = FakeConsumer()
    holdings = await held(lake, consumer)
    consumer.end = 3
    with capture_logs() as logs:
        assert taken(holdings, 0, 1, 2) == []
        await holdings.find(Settings())
    assert [entry["event"] for entry in logs] == [
        "offsets_jump",
        "topic_is_shorter_than_our_offset",
    ]
    assert consumer.sought == [7, 0]
    assert taken(holdings, 0, 1, 2) == [0, 1, 2]
    (cut,) = holdings.cuts().values()
    assert cut.keep()[0].cut.generation == 1
    assert offsets(tmp_path) == sorted([*range(7), 0, 1, 2])


async def test_records_that_expire_under_our_eyes_are_told_of(lake: Lake) -> None:
    holdings = await held(lake, FakeConsumer())
    with capture_logs() as logs:
        assert taken(holdings, 0, 1, 50) == [0, 1, 50]
    assert [(entry["expected"], entry["found"]) for entry in logs] == [(2, 50)]


async def test_what_was_read_of_a_partition_that_went_is_forgotten(
    lake: Lake, tmp_path: Path
) -> None:
    holdings = await held(lake, FakeConsumer())
    taken(holdings, 0, 1)
    (cut,) = holdings.cuts().values()
    cut.write(cut.places)
    assert isinstance(cut, OpenCut)
    await holdings.revoked(frozenset({PARTITION}))
    assert not holdings.still(cut)
    assert taken(holdings, 2) == []
    await holdings.tidy()
    assert unfinished(tmp_path) == []
    assert offsets(tmp_path) == []


async def test_a_partition_that_another_is_at_is_asked_for_again(lake: Lake) -> None:
    consumer = FakeConsumer()
    holdings = Holdings(lake, zstd_level=1)
    holdings.follow(cast("Consumer", consumer))
    await holdings.assigned(frozenset({PARTITION}))
    with lake._locked(PARTITION):
        await holdings.find(Settings())
        assert holdings.cuts() == {}
    await holdings.find(Settings())
    assert list(holdings.cuts()) == [PARTITION]
