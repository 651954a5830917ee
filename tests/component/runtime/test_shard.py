"""A shard on real Kafka: read to the end, followed, shared, and handed over."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.shard import Shard
from minestream_runtime.collecting.shard_copy import EntryCopy
from minestream_runtime.kafka import Producer
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import INVENTORY, InventoryEntry


def entry(number: int, *, port: int = 80) -> InventoryEntry:
    return InventoryEntry(
        miner_id=f"target-{number:03}", site_id="site", address=f"127.0.0.1:{port}"
    )


@dataclass
class Member:
    """One member of the group, and what it was told."""

    there: dict[str, InventoryEntry] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    shard: Shard[InventoryEntry] | None = None

    def let_go(self, key: str) -> None:
        self.gone.append(key)
        self.there.pop(key, None)

    @property
    def ready(self) -> bool:
        return self.shard is not None and self.shard.ready


@pytest.fixture
async def settings(
    kafka_bootstrap: str, namespace: str, make_topics: Callable[..., Awaitable[None]]
) -> Settings:
    await make_topics(INVENTORY)
    return Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)


@asynccontextmanager
async def member(
    settings: Settings, instance: str = "0", copy: Path | None = None
) -> AsyncIterator[Member]:
    this = Member()
    this.shard = Shard(
        settings.model_copy(update={"instance": instance}),
        INVENTORY,
        InventoryEntry,
        group="members",
        clock=SystemClock(),
        on_there=this.there.__setitem__,
        on_gone=this.let_go,
        copy=copy,
    )
    async with asyncio.TaskGroup() as group:
        running = group.create_task(this.shard.run())
        yield this
        running.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - Kafka has no event of ours
            await asyncio.sleep(0.05)


async def test_it_is_ready_once_everything_is_read_and_follows_from_there(
    settings: Settings,
) -> None:
    async with Producer(settings, deadline_s=60) as producer:
        await asyncio.gather(*(producer.publish(INVENTORY, entry(n)) for n in range(200)))
        await producer.send(INVENTORY, key=b"target-007", value=None)
        async with member(settings) as this:
            assert not this.ready
            await until(lambda: this.ready)
            assert len(this.there) == 199
            await producer.publish(INVENTORY, entry(1, port=81))
            await producer.send(INVENTORY, key=b"target-002", value=None)
            await producer.publish(INVENTORY, entry(500))
            await until(lambda: "target-500" in this.there and "target-002" not in this.there)
            await until(lambda: this.there["target-001"].address.endswith(":81"))


async def test_an_empty_topic_is_ready_too(settings: Settings) -> None:
    async with member(settings) as this:
        await until(lambda: this.ready)
        assert this.there == {}


async def test_an_entry_that_no_schema_accepts_costs_nobody_else(settings: Settings) -> None:
    async with Producer(settings, deadline_s=60) as producer:
        await producer.send(INVENTORY, key=b"bad", value=b'{"miner_id": 7}')
        await producer.send(INVENTORY, key=b"worse", value=b"\xff\x00")
        await producer.publish(INVENTORY, entry(1))
        async with member(settings) as this:
            await until(lambda: this.ready)
            assert list(this.there) == ["target-001"]


async def test_members_share_without_overlap_and_the_survivor_takes_over(
    settings: Settings,
) -> None:
    async with Producer(settings, deadline_s=60) as producer:
        await asyncio.gather(*(producer.publish(INVENTORY, entry(n)) for n in range(200)))
    async with member(settings) as one:
        await until(lambda: one.ready and len(one.there) == 200)
        async with member(settings, "1") as two:
            await until(lambda: two.ready and len(one.there) + len(two.there) == 200)
            assert not one.there.keys() & two.there.keys()
            assert min(len(one.there), len(two.there)) >= 60
            assert one.shard is not None
            assert len(one.shard.partitions) == 12
        await until(lambda: len(one.there) == 200)


async def test_a_start_without_kafka_takes_the_entries_of_the_last_life(
    settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "entries.copy"
    away = settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"})
    async with Producer(settings, deadline_s=60) as producer:
        for number in (1, 2):
            await producer.publish(INVENTORY, entry(number))
        async with member(settings, copy=copy) as first:
            await until(lambda: first.ready and copy.exists())
    async with member(away, copy=copy) as alone:
        await until(lambda: len(alone.there) == 2)
        assert not alone.ready


async def test_what_was_removed_meanwhile_is_let_go_once_the_topic_is_read(
    settings: Settings, tmp_path: Path
) -> None:
    copy = tmp_path / "entries.copy"
    EntryCopy(copy, InventoryEntry).save({f"target-00{n}": entry(n) for n in (1, 2)})
    async with Producer(settings, deadline_s=60) as producer:
        await producer.publish(INVENTORY, entry(1))
    async with member(settings, copy=copy) as this:
        assert this.shard is not None
        await this.shard._recall()
        assert set(this.there) == {"target-001", "target-002"}
        await until(lambda: "target-002" in this.gone)
        assert set(this.there) == {"target-001"}


async def test_a_copy_that_was_cut_short_is_no_copy(tmp_path: Path) -> None:
    path = tmp_path / "entries.copy"
    EntryCopy(path, InventoryEntry).save({"target-001": entry(1)})
    assert EntryCopy(path, InventoryEntry).load() == {"target-001": entry(1)}
    path.write_text(path.read_text()[:-9])
    assert EntryCopy(path, InventoryEntry).load() == {}
