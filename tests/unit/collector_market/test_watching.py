"""Gaps are told when they open and close, once each, and across restarts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector_market.adapters.watching import Watching
from collector_market.domain.wants import Asking, Want
from minestream_schemas.gap import Gap
from minestream_schemas.market import MarketEndpoint

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)
PRICE = Want(
    "market/simple_price",
    300,
    (Asking("coingecko", MarketEndpoint.SIMPLE_PRICE, "simple/price"),),
    changes=True,
)


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.at = BEGAN

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


class World:
    """A collector's watching, which may be restarted."""

    def __init__(self, folder: Path) -> None:
        self.clock = Time()
        self.gaps: list[Gap] = []
        self.folder = folder
        self.watching = self.started()

    def started(self, *wants: Want) -> Watching:
        self.watching = Watching(
            wants or (PRICE,),
            self.hear_of,
            self.clock,
            collector_id="collector-market-0",
            file=self.folder / "state" / "gaps",
            missed=3,
            stale_after_s=900,
        )
        return self.watching

    async def hear_of(self, gap: Gap) -> None:
        self.gaps.append(gap)

    async def look_after(self, seconds: float) -> None:
        self.clock.at += timedelta(seconds=seconds)
        await self.watching.look()

    def hear(self, mark: bytes = b"a") -> None:
        self.watching.heard(PRICE, PRICE.askings[0], at=self.clock.at, mark=mark)


async def test_three_missed_intervals_are_a_gap_from_the_last_answer_to_the_next(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    world.hear()
    await world.look_after(900)
    assert world.gaps == []
    assert world.watching.remarks() is None
    await world.look_after(1)
    await world.look_after(60)
    (opened,) = world.gaps
    assert (opened.subject, opened.began_at, opened.ended_at) == (PRICE.name, BEGAN, None)
    assert world.watching.remarks() == PRICE.name
    world.hear(b"b")
    heard_at = world.clock.at
    await world.look_after(1)
    await world.look_after(1)
    closed = world.gaps[-1]
    assert len(world.gaps) == 2
    assert (closed.gap_id, closed.ended_at) == (opened.gap_id, heard_at)
    assert world.watching.remarks() is None


async def test_a_gap_outlives_a_restart_and_is_closed_by_the_next_run(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.look_after(901)
    (opened,) = world.gaps
    world.started()
    await world.look_after(60)
    assert len(world.gaps) == 1, "it is not told again"
    world.hear()
    await world.look_after(1)
    assert [gap.gap_id for gap in world.gaps] == [opened.gap_id] * 2
    assert world.gaps[-1].ended_at == BEGAN + timedelta(seconds=961)
    world.started()
    await world.look_after(60)
    assert len(world.gaps) == 2, "nor is its end"


async def test_a_gap_of_what_is_no_longer_wanted_is_closed(tmp_path: Path) -> None:
    world = World(tmp_path)
    await world.look_after(901)
    world.started(
        Want(
            "market/network/bitcoin",
            300,
            (Asking("mempool", MarketEndpoint.NETWORK, "x", (), "bitcoin"),),
            changes=False,
        )
    )
    await world.look_after(1)
    assert world.gaps[-1].subject == PRICE.name
    assert world.gaps[-1].ended_at == world.clock.at


async def test_a_file_of_gaps_that_cannot_be_read_is_as_none(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "gaps").write_text('{"market/simple_price": "yest')
    world.started()
    await world.look_after(901)
    assert len(world.gaps) == 1


async def test_a_disk_that_takes_no_file_of_gaps_stops_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "state").write_text("a file where a folder should be")
    await world.look_after(901)
    world.hear()
    await world.look_after(1)
    assert [gap.ended_at is None for gap in world.gaps] == [True, False]
