"""Our Kafka, through our own client: what is promised about brokers holds on a real one."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from minestream_devstack.fixtures import MakeTopics
from minestream_devstack.kafka import KafkaServer
from minestream_runtime.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    RecordTooLargeError,
)
from minestream_runtime.kafka import Consumer, Producer, Record, ensure_topics, topic_states
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.tick import TICKS
from minestream_schemas.topics import TOPICS


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str) -> Settings:
    return Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaServer]:
    """A broker that a test may kill."""
    server = KafkaServer(tmp_path / "kafka", preferred_port=0)
    server.prepare()
    server.start()
    yield server
    server.kill()


async def read(settings: Settings, topic: Topic, count: int) -> list[Record]:
    async with asyncio.timeout(60), Consumer(settings, [topic]) as consumer:
        found: list[Record] = []
        while len(found) < count:
            found += await consumer.records()
        return found


async def test_what_is_sent_is_read_with_key_value_and_headers(
    settings: Settings, make_topics: MakeTopics
) -> None:
    await make_topics(RAW_MINER)
    async with Producer(settings, deadline_s=60) as producer:
        await producer.send(RAW_MINER, key=b"m-1", value=b"{}", headers=[("a", b"b")])
    (record,) = await read(settings, RAW_MINER, 1)
    assert (record.key, record.value, record.headers) == (b"m-1", b"{}", {"a": b"b"})


async def test_records_of_one_key_stay_in_order(
    settings: Settings, make_topics: MakeTopics
) -> None:
    await make_topics(RAW_MINER)
    values = [str(number).encode() for number in range(500)]
    async with Producer(settings, deadline_s=60) as producer:
        await asyncio.gather(
            *(producer.send(RAW_MINER, key=b"m-1", value=value) for value in values)
        )
    assert [record.value for record in await read(settings, RAW_MINER, 500)] == values


async def test_all_registered_topics_are_created_once(
    settings: Settings,
    make_topics: MakeTopics,  # noqa: ARG001 - removes them
) -> None:
    assert len(await ensure_topics(settings, TOPICS)) == len(TOPICS)
    assert await ensure_topics(settings, TOPICS) == []
    for state in await topic_states(settings, TOPICS):
        assert state.partitions == state.topic.partitions


async def test_a_topic_with_other_partitions_than_registered_is_refused(
    settings: Settings, make_topics: MakeTopics
) -> None:
    await make_topics(TICKS)
    with pytest.raises(ConfigurationError, match="has 24 partitions, 7 are registered"):
        await ensure_topics(settings, [replace(TICKS, partitions=7)])


async def test_the_largest_allowed_record_passes_and_a_larger_one_does_not(
    settings: Settings, make_topics: MakeTopics
) -> None:
    await make_topics(RAW_MINER)
    largest = RAW_MINER.max_message_bytes - 1024
    async with Producer(settings, deadline_s=60) as producer:
        await producer.send(RAW_MINER, key=b"m-1", value=bytes(largest))
        with pytest.raises(RecordTooLargeError):
            await producer.send(RAW_MINER, key=b"m-1", value=bytes(10 * 1024 * 1024))
        await producer.send(RAW_MINER, key=b"m-1", value=b"after")
    sizes = [len(record.value or b"") for record in await read(settings, RAW_MINER, 2)]
    assert sizes == [largest, len(b"after")]


async def test_a_topic_that_nobody_registered_does_not_come_to_be(settings: Settings) -> None:
    async with Producer(settings, deadline_s=2) as producer:
        with pytest.raises(BrokerUnavailableError):
            await producer.send(RAW_MINER, key=b"m-1", value=b"{}")
    (state,) = await topic_states(settings, [RAW_MINER])
    assert state.partitions is None


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_producer_outlives_its_broker(own_kafka: KafkaServer, how: str) -> None:
    settings = Settings(kafka_bootstrap=own_kafka.bootstrap)
    await ensure_topics(settings, [TICKS])
    async with Producer(settings, deadline_s=2) as producer:
        await send_until_taken(producer, b"before")
        await asyncio.to_thread(getattr(own_kafka, how))
        with pytest.raises(BrokerUnavailableError):
            await producer.send(TICKS, key=b"k", value=b"lost")
        assert asyncio.all_tasks() == {asyncio.current_task()}, "what was thrown away is gone"
        await asyncio.to_thread(own_kafka.prepare)
        await asyncio.to_thread(own_kafka.start)
        await send_until_taken(producer, b"after")
        async with asyncio.timeout(60), Consumer(settings, [TICKS]) as consumer:
            values: list[bytes | None] = []
            while b"after" not in values:
                values += [record.value for record in await consumer.records()]
    assert values[0] == b"before"


async def send_until_taken(producer: Producer, value: bytes) -> None:
    for _ in range(20):
        try:
            await producer.send(TICKS, key=b"k", value=value)
        except BrokerUnavailableError:
            await asyncio.sleep(0.2)
        else:
            return
    raise AssertionError("the producer did not recover")


def test_a_second_start_keeps_ports_and_records(tmp_path: Path) -> None:
    ports = []
    for _ in range(2):
        server = KafkaServer(tmp_path / "kafka", preferred_port=0)
        server.prepare()
        server.start()
        ports.append(server.port)
        made = asyncio.run(ensure_topics(Settings(kafka_bootstrap=server.bootstrap), [TICKS]))
        server.stop()
    assert ports[0] == ports[1]
    assert made == []
