"""The processor on a real Kafka: what it does with good records, bad ones, and its own faults."""

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.gap import GAP, Gap, GapCause
from minestream_schemas.inventory import INVENTORY, InventoryEntry
from minestream_schemas.raw import RAW_MINER, RawMiner
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from minestream_schemas.tick import TICKS, Tick
from minestream_schemas.topics import CO_PARTITIONED
from minestream_schemas.window import WINDOW, TelemetryWindow
from processor.adapters.worker import require_topics

World = Any
Poll = Callable[..., RawMiner]
AT = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
DEAD = dead_letter_topic("processor")


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def many(count: int) -> Callable[[list[Record]], bool]:
    return lambda found: len(found) >= count


def readings(records: Sequence[Record]) -> list[MinerTelemetry]:
    return [MinerTelemetry.from_json(record.value or b"") for record in records]


def windows(records: Sequence[Record]) -> list[TelemetryWindow]:
    return [TelemetryWindow.from_json(record.value or b"") for record in records]


def gaps(records: Sequence[Record]) -> list[Gap]:
    return [Gap.from_json(record.value or b"") for record in records]


def headers(record: Record) -> dict[str, str]:
    return {name: value.decode() for name, value in record.headers.items()}


async def test_a_reading_comes_out_with_its_trace_and_a_sigterm_ends_it_clean_and_quick(
    world: World, poll: Poll
) -> None:
    trace = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00")]
    one = poll("miner-a", after(1))
    await world.producer.publish(RAW_MINER, one, headers=trace)
    process = world.start()
    (found,) = await world.records(TELEMETRY, many(1))
    assert found.key == b"miner-a"
    assert list(found.headers.items()) == trace
    assert readings([found])[0].raw_event_id == one.event_id
    code, took_s = await world.stopped(process)
    assert code == 0
    assert took_s < 15
    assert sum((await world.committed()).values()) == 1


async def test_a_sigterm_while_it_starts_ends_it_too(world: World) -> None:
    for seconds in (0.5, 1.5, 2.5):
        process = world.start()
        await asyncio.sleep(seconds)
        _, took_s = await world.stopped(process)
        assert took_s < 20


async def test_bad_records_are_set_aside_and_no_other_miners_reading_waits_for_them(
    world: World, poll: Poll
) -> None:
    bad = {
        b"empty": None,
        b"nul": b"\0" * 64,
        b"truncated": poll("truncated", AT).to_json()[:-9],
        b"ten-megabytes": b'{"pad": "' + b"x" * (10 * 1024 * 1024) + b'"}',
        b"foreign-key": poll("not-that-key", AT).to_json(),
        None: poll("no-key", AT).to_json(),
    }
    for key, value in bad.items():
        await world.put(key=key, value=value, partition=3)
    lost = poll("lost-sheep", after(1))
    elsewhere = 5
    await world.put(key=b"lost-sheep", value=lost.to_json(), partition=elsewhere)
    await world.put(key=b"good", value=poll("good", after(1)).to_json())
    world.start()
    letters = await world.records(DEAD, many(len(bad)))
    assert {letter.key for letter in letters} == set(bad)
    for letter in letters:
        assert letter.value == bad[letter.key]
        said = headers(letter)
        assert said["dlq-kind"] == "schema"
        assert said["dlq-topic"] == RAW_MINER.named(world.settings.topic_namespace)
        assert said["dlq-partition"] == "3"
    told = await world.records(TELEMETRY, many(2))
    assert sorted(reading.miner_id for reading in readings(told)) == ["good", "lost-sheep"]
    raw = await world.records(RAW_MINER, many(len(bad) + 3))
    places = [one.partition.number for one in raw if one.key == b"lost-sheep"]
    assert len(places) == 2
    assert places.count(elsewhere) == 1


async def test_a_poll_of_a_clock_gone_wrong_does_not_make_all_true_ones_late(
    world: World, poll: Poll
) -> None:
    now = datetime.now(UTC)
    ahead = poll("miner-h", now + timedelta(days=400))
    for one in (poll("miner-h", now), ahead, poll("miner-h", now + timedelta(seconds=5))):
        await world.producer.publish(RAW_MINER, one)
    world.start()
    (letter,) = await world.records(DEAD, many(1))
    assert RawMiner.from_json(letter.value or b"") == ahead
    told = readings(await world.records(TELEMETRY, many(2)))
    assert not any("late" in reading.quality_flags for reading in told)


async def test_a_tick_waits_for_the_backlog_before_it(world: World, poll: Poll) -> None:
    miner = "miner-b"
    partition = world.home(miner)
    await world.producer.publish(RAW_MINER, poll(miner, after(1)))
    tick = Tick(partition=str(partition), at=after(1000), raw_end_offset=2)
    world.start()
    await world.records(TELEMETRY, many(1))
    await world.put(
        key=str(partition).encode(), value=tick.to_json(), partition=partition, topic=TICKS
    )

    async def tick_is_dealt_with() -> bool:
        return bool((await world.committed(TICKS)).get(partition) == 1)

    await world.until(tick_is_dealt_with)
    with pytest.raises(TimeoutError):
        await world.records(WINDOW, many(1), limit_s=0.5)
    await world.producer.publish(RAW_MINER, poll(miner, after(6)))
    (closed,) = windows(await world.records(WINDOW, many(1)))
    assert closed.readings == 2


async def test_the_gap_of_a_miner_that_nobody_polls_ends_when_the_inventory_lets_it_go(
    world: World, poll: Poll
) -> None:
    entry = InventoryEntry(miner_id="miner-r", site_id="site-a", address="127.0.0.1:80")
    await world.producer.publish(INVENTORY, entry)
    begun = datetime.now(UTC) - timedelta(seconds=60)
    await world.producer.publish(RAW_MINER, poll("miner-r", begun))
    world.start(MINESTREAM_TICK_EVERY_S="0.5")
    (opened, *_) = gaps(await world.records(GAP, many(1)))
    assert (opened.cause, opened.ended_at) == (GapCause.COLLECTOR_DOWN, None)
    await world.put(topic=INVENTORY, key=b"miner-r", value=None)
    told = await world.records(GAP, lambda found: any(one.ended_at for one in gaps(found)))
    assert {gap.gap_id for gap in gaps(told)} == {opened.gap_id}


async def test_a_send_that_kafka_refuses_ends_the_process_and_its_input_is_not_committed(
    world: World, poll: Poll
) -> None:
    await world.replace(TELEMETRY, 24, **{"max.message.bytes": "150"})
    await world.producer.publish(RAW_MINER, poll("miner-c", after(1)))
    assert await world.ended(world.start()) == 70
    assert sum((await world.committed()).values()) == 0


async def test_a_poison_record_is_set_aside_at_its_third_try_and_the_partition_goes_on(
    world: World, poll: Poll, tmp_path: Path
) -> None:
    await world.put(key=b"poison", value=poll("poison", after(1)).to_json())
    start = partial(world.start, fault="bug", MINESTREAM_TRACE_FOLDER=str(tmp_path / "traces"))
    for _ in range(2):
        assert await world.ended(start()) == 70
    assert sum((await world.committed()).values()) == 0
    (file,) = (tmp_path / "traces").glob("*.jsonl")
    kept = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(span["name"], span["error"]) for span in kept] == [
        ("process record", "ZeroDivisionError"),
        ("process record", "ZeroDivisionError"),
    ]
    start()
    (letter,) = await world.records(DEAD, many(1))
    assert headers(letter)["dlq-kind"] == "bug"
    assert "ZeroDivisionError" in headers(letter)["dlq-reason"]
    await world.until_committed("poison", 1)


async def test_a_kill_between_rocksdb_and_the_changelog_leaves_no_hole_for_the_next_owner(
    world: World, poll: Poll
) -> None:
    miner = "idle-miner"
    await world.producer.publish(RAW_MINER, poll(miner, after(1)))
    assert await world.ended(world.start(fault="dies-before-changelog")) == 137
    assert sum((await world.committed()).values()) == 0
    same_disk = world.start()
    await world.until_committed(miner, 1)
    await world.stopped(same_disk)
    world.start(state="b")
    await world.producer.publish(RAW_MINER, poll(miner, after(6)))
    await world.producer.publish(RAW_MINER, poll(miner, after(26)))
    (closed,) = windows(await world.records(WINDOW, many(1)))
    assert closed.readings == 2


async def test_it_refuses_to_start_on_topics_of_unequal_partitions(
    world: World,
) -> None:
    await require_topics(world.settings, CO_PARTITIONED)
    await world.replace(TICKS, 0)
    with pytest.raises(ConfigurationError, match="no partitions"):
        await require_topics(world.settings, CO_PARTITIONED, looks=1)
    await world.replace(TICKS, 12)
    with pytest.raises(ConfigurationError, match="12 partitions"):
        await require_topics(world.settings, CO_PARTITIONED)
    assert await world.ended(world.start()) == 78


async def test_two_processors_of_one_instance_are_found_out(world: World) -> None:
    both = [world.start(state=state, MINESTREAM_INSTANCE="0") for state in ("a", "b")]

    async def one_has_ended() -> bool:
        return any(process.poll() is not None for process in both)

    await world.until(one_has_ended, within_s=180)  # three sessions, on a busy machine
    assert 78 in [process.poll() for process in both]
