"""When a shard takes its topic for read, over a consumer that says what a test wants."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY

from minestream_runtime.collecting.shard import Shard
from minestream_runtime.collecting.shard_copy import EntryCopy
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import INVENTORY, InventoryEntry

PARTITION = Partition(INVENTORY.name, 0)
END = 4


def entry(number: int) -> InventoryEntry:
    return InventoryEntry(miner_id=f"target-{number}", site_id="site", address="127.0.0.1:80")


def record(number: int) -> Record:
    return Record(PARTITION, number, f"target-{number}".encode(), entry(number).to_json(), {}, 0)


@dataclass
class Topic:
    """A topic of four records, its broker, and a clock that moves with each read."""

    at: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)
    up: bool = True
    waiting: list[Record] = field(default_factory=list)
    sought: dict[Partition, int] = field(default_factory=dict)
    reads: int = 0
    end: int = END
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def records(self, *, wait_s: float, most: int) -> list[Record]:
        await asyncio.sleep(0)
        self.at += timedelta(seconds=wait_s)
        self.reads += 1
        found, self.waiting = self.waiting[:most], self.waiting[most:]
        return found

    def seek(self, partition: Partition, offset: int) -> None:
        self.sought[partition] = offset

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        await self.answers.wait()
        if not self.up:
            raise BrokerUnavailableError("away")
        return dict.fromkeys(partitions, self.end)


class World:
    """A shard with the copy of a last life, and what it gave."""

    def __init__(self, folder: Path) -> None:
        self.copy = EntryCopy(folder / "copy", InventoryEntry)
        self.copy.save({f"target-{number}": entry(number) for number in range(END)})
        self.topic = Topic()
        self.there: dict[str, InventoryEntry] = {}
        self.gone: list[str] = []
        self.shard = Shard(
            Settings(),
            INVENTORY,
            InventoryEntry,
            group="members",
            clock=self.topic,
            on_there=self.there.__setitem__,
            on_gone=self.gone.append,
            copy=folder / "copy",
        )

    async def follow(self, story: Callable[[], Any]) -> None:
        """Recall the last life, follow the topic, and tell the story beside it."""
        await self.shard._recall()
        async with asyncio.TaskGroup() as group:
            following = group.create_task(self.shard._follow(cast("Consumer", self.topic)))
            await self.reads(1)
            await story()
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

    async def reads_all(self, count: int) -> None:
        """A topic of so many records has been read."""
        self.topic.end = count
        self.topic.waiting = [record(number) for number in range(count)]
        await self.shard.assigned(frozenset({PARTITION}))
        async with asyncio.timeout(20):
            while not self.shard.ready:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0)

    async def reads(self, more: int) -> None:
        """So many reads later."""
        until = self.topic.reads + more
        async with asyncio.timeout(20):
            while self.topic.reads < until:  # noqa: ASYNC110 - as below
                await asyncio.sleep(0)


async def test_records_that_come_while_the_ends_are_asked_for_are_not_passed_over(
    tmp_path: Path,
) -> None:
    this = World(tmp_path)

    async def story() -> None:
        this.topic.answers.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(this.shard.assigned(frozenset({PARTITION})))
            await this.reads(1)
            assert this.topic.sought == {PARTITION: 0}
            this.topic.waiting = [record(number) for number in range(END)]
            await this.reads(2)
            assert not this.shard.ready
            this.topic.answers.set()
        assert this.shard.ready

    await this.follow(story)
    assert this.gone == []


async def test_what_is_no_entry_is_left_out_and_counted_as_that_and_not_as_a_dead_letter(
    tmp_path: Path,
) -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(name, {"kind": "schema", **labels}) or 0.0

    names: list[tuple[str, dict[str, str]]] = [
        ("minestream_left_out_total", {"topic": INVENTORY.name}),
        ("minestream_dead_letters_total", {}),
    ]
    before = [counted(name, **labels) for name, labels in names]
    this = World(tmp_path)

    async def story() -> None:
        await this.shard.assigned(frozenset({PARTITION}))
        this.topic.waiting = [record(number) for number in range(END)]
        this.topic.waiting[1] = this.topic.waiting[1]._replace(value=b"{")
        await this.reads(2)
        assert this.shard.ready

    await this.follow(story)
    after = [counted(name, **labels) for name, labels in names]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 0]


async def test_a_broker_that_goes_away_half_way_takes_no_entry_of_the_last_life(
    tmp_path: Path,
) -> None:
    this = World(tmp_path)

    async def story() -> None:
        await this.shard.assigned(frozenset({PARTITION}))
        this.topic.waiting = [record(0), record(1)]
        await this.reads(2)
        this.topic.up = False
        await this.reads(200)  # 100 s
        assert not this.shard.ready
        assert this.gone == []
        this.topic.up = True
        this.topic.waiting = [record(2), record(3)]
        await this.reads(2)
        assert this.shard.ready

    await this.follow(story)
    assert this.gone == []
    assert len(this.copy.load()) == END


async def test_a_topic_whose_last_records_were_compacted_away_is_read_all_the_same(
    tmp_path: Path,
) -> None:
    this = World(tmp_path)

    async def story() -> None:
        await this.shard.assigned(frozenset({PARTITION}))
        this.topic.waiting = [record(0), record(1)]
        await this.reads(2)
        assert not this.shard.ready
        await this.reads(40)  # 20 s
        assert this.shard.ready
        async with asyncio.timeout(20):
            while not this.gone:  # noqa: ASYNC110 - the shard has no event of ours
                await asyncio.sleep(0)

    await this.follow(story)
    assert sorted(this.gone) == ["target-2", "target-3"]


async def test_a_broker_that_is_away_for_hours_is_still_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    this = World(tmp_path)
    slept: list[float] = []
    tried = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 2000:
            tried.set()
            await asyncio.get_running_loop().create_future()

    def away(*_: object, **__: object) -> None:
        raise BrokerUnavailableError("away")

    monkeypatch.setattr("minestream_runtime.collecting.shard.Consumer", away)
    monkeypatch.setattr("minestream_runtime.collecting.shard.asyncio.sleep", sleep)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(this.shard.run())
        async with asyncio.timeout(20):
            await tried.wait()
        running.cancel()
    assert len(this.there) == END
    assert max(slept) <= 5


async def test_a_large_shard_is_read_in_turns_with_others(tmp_path: Path) -> None:
    world = World(tmp_path)
    seen: list[int] = []

    async def story() -> None:
        world.topic.end = 5000
        world.topic.waiting = [record(number) for number in range(5000)]
        await world.shard.assigned(frozenset({PARTITION}))
        async with asyncio.timeout(20):
            while not world.shard.ready:
                seen.append(len(world.there))
                await asyncio.sleep(0)

    await world.follow(story)

    steps = [after - before for before, after in pairwise(seen)]
    assert max(steps) <= 500
    assert len(world.there) == 5000


async def test_a_rebalance_of_a_large_shard_leaves_others_their_turns(tmp_path: Path) -> None:
    world = World(tmp_path)
    turns, count = 0, 5000

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async def story() -> None:
        nonlocal turns
        await world.reads_all(count)
        world.there.clear()
        async with asyncio.TaskGroup() as group:
            beside = group.create_task(others())
            await world.shard.revoked(frozenset({PARTITION}))
            assert len(world.gone) == count
            assert turns >= 10
            turns = 0
            giving = group.create_task(world.shard.assigned(frozenset({PARTITION})))
            await asyncio.sleep(0)
            assert 0 < len(world.there) < count
            world.shard._apply(Record(PARTITION, count, b"target-4999", None, {}, 0))
            await giving
            beside.cancel()
        assert turns >= 10

    await world.follow(story)

    assert world.there.keys() == {f"target-{number}" for number in range(count - 1)}


async def test_a_rebalance_that_breaks_off_half_way_has_all_entries_given_at_the_next(
    tmp_path: Path,
) -> None:
    world = World(tmp_path)
    count = 2000

    async def story() -> None:
        await world.reads_all(count)
        await world.shard.revoked(frozenset({PARTITION}))
        world.there.clear()
        broken = asyncio.ensure_future(world.shard.assigned(frozenset({PARTITION})))
        await asyncio.sleep(0)
        broken.cancel()
        with suppress(asyncio.CancelledError):
            await broken
        assert 0 < len(world.there) < count
        await world.shard.assigned(frozenset({PARTITION}))

    await world.follow(story)

    assert len(world.there) == count


async def test_a_revocation_that_outlasts_the_doubt_leaves_no_entry_ungiven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    count = 2000

    def gone(key: str) -> None:
        del world.there[key]
        world.topic.at += timedelta(seconds=0.1)

    async def story() -> None:
        await world.reads_all(count)
        monkeypatch.setattr(world.shard, "_on_gone", gone)
        await world.shard.revoked(frozenset({PARTITION}))
        assert not world.there, "none is given while they are let go of"
        await world.shard.assigned(frozenset({PARTITION}))

    await world.follow(story)

    assert len(world.there) == count
