"""The five races of a rebalance, each by its observable outcome, with a scripted fetcher.

The consumer and its thread are the real ones; only aiokafka under them is a script: a log of
records, a position, and a fetch that waits until the test lets it take its records.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import TP

from minestream_runtime.errors import ConfigurationError
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER
from processor.adapters.app import bytes_topic, make_app
from processor.adapters.fence import PINNED, FencedConsumer, require_versions
from processor.settings import ProcessorSettings

LOG_END = 100


class ScriptedKafka:
    """aiokafka as far as the fence sees it: a fetch takes what lies at a position and moves it."""

    def __init__(self, name: str, committed: Mapping[int, int | None]) -> None:
        self.tps = [TP(name, number) for number in committed]
        self.commits = {TP(name, number): at for number, at in committed.items()}
        self.positions = dict.fromkeys(self.tps, 50)
        self.may_take = asyncio.Event()
        self.may_take.set()
        self.asked_for: list[set[TP]] = []
        self.on_seek: Callable[[TP], None] = lambda _: None
        self._closed, self._max_poll_records = False, 3
        self._fetcher = self
        self._subscriptions = self

    @contextmanager
    def fetch_context(self) -> Iterator[None]:
        yield

    async def fetched_records(self, wanted: set[TP], **_: Any) -> dict[TP, list[SimpleNamespace]]:
        self.asked_for.append(set(wanted))
        await self.may_take.wait()
        return {tp: self._take(tp) for tp in (wanted or self.tps)}

    def _take(self, tp: TP) -> list[SimpleNamespace]:
        first = self.positions[tp]
        self.positions[tp] = first + 3
        return [record(tp, offset) for offset in range(first, first + 3)]

    def assignment(self) -> set[TP]:
        return set(self.tps)

    async def committed(self, tp: TP) -> int | None:
        return self.commits[tp]

    async def beginning_offsets(self, tps: list[TP]) -> dict[TP, int]:
        return dict.fromkeys(tps, 7)

    async def position(self, tp: TP) -> int:
        return self.positions[tp]

    def seek(self, tp: TP, offset: int) -> None:
        self.positions[tp] = offset
        self.on_seek(tp)

    def highwater(self, _: TP) -> int:
        return LOG_END


def record(tp: TP, offset: int) -> SimpleNamespace:
    return SimpleNamespace(
        topic=tp.topic,
        partition=tp.partition,
        offset=offset,
        timestamp=1,
        timestamp_type=0,
        headers=(),
        key=b"k",
        value=b"v",
        checksum=None,
        serialized_key_size=1,
        serialized_value_size=1,
    )


class World:
    """A fenced consumer at a rebalance, over a script."""

    def __init__(
        self, folder: Path, committed: Mapping[int, int | None], *, held: Sequence[Topic] = ()
    ) -> None:
        settings = ProcessorSettings(state_dir=folder)
        self.app = make_app(settings, held=held)
        bytes_topic(self.app, settings, RAW_MINER)
        self.consumer = cast("FencedConsumer", self.app.consumer)
        thread: Any = self.consumer._thread
        self.thread: Any = thread
        self.kafka = ScriptedKafka(RAW_MINER.name, committed)
        self.thread._consumer = self.kafka
        self.thread.call_thread = _here  # on this loop instead of the thread's
        self.tps = set(self.kafka.tps)

    async def fetch(self) -> list[int]:
        """The offsets that reach Faust from one fetch."""
        return [message.offset async for _, message in self.consumer.getmany(1.0)]

    async def rebalance(self) -> None:
        """What Faust does once the tables are recovered, in its order."""
        self.consumer.resume_partitions(self.tps)
        await self.consumer.perform_seek()
        self.app.flow_control.resume()
        self.consumer.resume_flow()


async def _here(function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
    return await function(*args, **kwargs)


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    worlds: list[World] = []

    def make(committed: Mapping[int, int | None], **options: Any) -> World:
        worlds.append(World(tmp_path, committed, **options))
        return worlds[-1]

    yield make
    for one in worlds:
        one.thread.thread_loop.close()  # made with the thread, which was never started


@pytest.fixture
async def world(make_world: MakeWorld) -> World:
    one = make_world({0: 5})
    await one.rebalance()
    assert await one.fetch() == [5, 6, 7]
    return one


async def test_race_1_what_a_fetch_took_before_the_seek_is_refused_and_read_again(
    world: World,
) -> None:
    taken = await world.thread._fetch_records(world.kafka, world.tps)
    assert [found.offset for found in taken[world.kafka.tps[0]]] == [8, 9, 10]
    await world.rebalance()

    async def stale(*_: Any, **__: Any) -> Any:
        return taken

    real, world.thread.getmany = world.thread.getmany, stale
    assert await world.fetch() == []
    assert world.consumer.dropped == 3
    world.thread.getmany = real
    assert await world.fetch() == [5, 6, 7]


async def test_race_1_what_a_fetch_took_after_a_seek_unknown_to_it_is_put_back(
    world: World,
) -> None:
    world.kafka.may_take.clear()
    in_flight = asyncio.ensure_future(world.fetch())
    await asyncio.sleep(0.01)
    await world.rebalance()
    world.kafka.may_take.set()
    assert await in_flight == []
    assert await world.fetch() == [5, 6, 7]


async def test_race_2_the_read_offset_moves_with_the_seek_and_not_after_it(world: World) -> None:
    tp = world.kafka.tps[0]
    world.consumer._acked[tp] = [8, 9]
    world.consumer._gap[tp].addi(1, 3)
    await world.thread.seek_to_committed()
    assert world.consumer._read_offset[tp] == 5
    assert world.consumer._acked[tp] == []
    assert not world.consumer._gap[tp]
    assert world.consumer.begun[tp] == 5


async def test_race_3_no_stream_record_is_fetched_before_the_queues_were_emptied(
    world: World,
) -> None:
    world.consumer.stop_flow()
    world.consumer.pause_partitions(world.tps)
    world.consumer.resume_partitions(world.tps)
    await world.consumer.perform_seek()
    assert world.consumer._get_active_partitions() == set()
    world.app.flow_control.resume()
    world.consumer.resume_flow()
    assert world.consumer._get_active_partitions() == world.tps


async def test_race_3_a_partition_paused_again_meanwhile_stays_paused(world: World) -> None:
    world.consumer.resume_partitions(world.tps)
    await world.consumer.perform_seek()
    world.consumer.pause_partitions(world.tps)
    world.consumer.resume_flow()
    assert world.consumer._get_active_partitions() == set()


async def test_a_topic_that_is_held_is_sought_and_gives_nothing_until_it_is_released(
    make_world: MakeWorld,
) -> None:
    world = make_world({0: 5}, held=[RAW_MINER])
    await world.rebalance()
    assert world.consumer._get_active_partitions() == set()
    assert await world.fetch() == []
    world.consumer.release()
    assert world.consumer._get_active_partitions() == world.tps
    assert await world.fetch() == [5, 6, 7]
    await world.rebalance()
    assert world.consumer._get_active_partitions() == world.tps


async def test_a_held_partition_that_has_moved_meanwhile_is_not_given_at_the_release(
    make_world: MakeWorld,
) -> None:
    world = make_world({0: 5}, held=[RAW_MINER])
    await world.rebalance()
    world.consumer.pause_partitions(world.tps)
    world.consumer.release()
    assert world.consumer._get_active_partitions() == set()


async def test_race_4_emptying_fausts_set_does_not_turn_a_fetch_into_one_of_everything(
    make_world: MakeWorld,
) -> None:
    world = make_world({0: 5, 1: 20})
    await world.rebalance()
    other = world.kafka.tps[1]
    world.consumer.pause_partitions({other})
    world.kafka.may_take.clear()
    in_flight = asyncio.ensure_future(world.fetch())
    await asyncio.sleep(0.01)
    world.consumer.pause_partitions(world.tps)
    world.kafka.may_take.set()
    await in_flight
    assert world.kafka.asked_for == [{world.kafka.tps[0]}]
    assert world.kafka.positions[other] == 20


async def test_race_4_nothing_is_asked_for_when_nothing_is_active(world: World) -> None:
    world.kafka.asked_for.clear()
    assert await world.thread._fetch_records(world.kafka, set()) == {}
    assert world.kafka.asked_for == []


async def test_race_5_a_partition_without_a_commit_begins_at_its_beginning(
    make_world: MakeWorld,
) -> None:
    world = make_world({0: None})
    world.kafka.positions[world.kafka.tps[0]] = 30
    await world.rebalance()
    assert await world.fetch() == [7, 8, 9]


async def test_a_seek_whose_generation_has_passed_moves_nothing(world: World) -> None:
    def pass_on(_: object) -> int:
        world.app.consumer_generation_id += 1
        return 5

    async def committed(tp: TP) -> int:
        return pass_on(tp)

    world.kafka.committed = committed  # type: ignore[method-assign]
    before = dict(world.kafka.positions)
    assert await world.thread.seek_to_committed() == {}
    assert world.kafka.positions == before


async def test_a_changelog_record_fetched_before_its_seek_is_refused_too(world: World) -> None:
    tp = world.kafka.tps[0]
    taken = await world.thread._fetch_records(world.kafka, world.tps)
    await world.thread._seek_wait(world.kafka, {tp: 2})

    async def stale(*_: Any, **__: Any) -> Any:
        return taken

    world.thread.getmany = stale
    assert await world.fetch() == []
    assert world.kafka.positions[tp] == 2


async def test_a_queue_with_room_again_does_not_wake_a_paused_partition(world: World) -> None:
    (tp,) = world.tps
    world.consumer.on_buffer_full(tp)
    world.consumer.pause_partitions({tp})
    world.consumer.on_buffer_drop(tp)
    assert world.consumer._get_active_partitions() == set()


async def test_a_delivery_that_does_not_suspend_takes_no_task(world: World) -> None:
    async def deliver() -> str:
        return "delivered"

    before = asyncio.all_tasks()
    found = await world.consumer.wait_first(deliver(), world.consumer.suspend_flow.wait())
    assert found.results == ["delivered"]
    assert asyncio.all_tasks() == before


async def test_a_delivery_that_suspends_is_finished_when_it_can_be(world: World) -> None:
    room, steps = asyncio.Event(), []

    async def deliver() -> str:
        steps.append("began")
        await room.wait()
        await asyncio.sleep(0)
        steps.append("ended")
        return "delivered"

    waiting = asyncio.ensure_future(
        world.consumer.wait_first(deliver(), world.consumer.suspend_flow.wait())
    )
    await asyncio.sleep(0.01)
    assert steps == ["began"]
    room.set()
    assert "delivered" in (await waiting).results
    assert steps == ["began", "ended"]


async def test_a_delivery_that_suspends_is_given_up_when_the_flow_stops(world: World) -> None:
    cleaned: list[bool] = []

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    world.consumer.suspend_flow.clear()
    waiting = asyncio.ensure_future(
        world.consumer.wait_first(deliver(), world.consumer.suspend_flow.wait())
    )
    await asyncio.sleep(0.01)
    world.consumer.suspend_flow.set()
    await waiting
    await asyncio.sleep(0)
    assert cleaned == [True]


async def test_what_a_delivery_raises_is_raised(world: World) -> None:
    async def deliver() -> None:
        raise KeyError("partition")

    with pytest.raises(KeyError):
        await world.consumer.wait_first(deliver(), world.consumer.suspend_flow.wait())


@pytest.mark.parametrize("package", sorted(PINNED))
def test_any_other_version_of_the_three_packages_is_refused(package: str) -> None:
    require_versions()
    with pytest.raises(ConfigurationError, match=package):
        require_versions({**PINNED, package: "0.0.1"})
