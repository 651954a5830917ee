"""A processor as a process of its own, on a real Kafka, and what a test sends and reads there."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from minestream_runtime.clock import new_event_id
from minestream_runtime.kafka import Consumer, Producer, Record
from minestream_runtime.kafka.partitions import partition_of
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.topics import TOPICS
from processor.settings import ProcessorSettings

HERE = Path(__file__).parent
LIMIT_S = 120.0


class World:
    """One namespace on the broker: its processors, what goes in, what comes out."""

    def __init__(self, settings: ProcessorSettings, producer: Producer, folder: Path) -> None:
        self.settings = settings
        self.producer = producer
        self.folder = folder
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(
        self, *, state: str = "a", fault: str | None = None, **variables: str
    ) -> subprocess.Popen[bytes]:
        """Start a processor.

        Args:
            state: the name of its state folder: another one is another machine.
            fault: see ``faulty_worker``.
            variables: settings of its own.
        """
        environment = {
            **os.environ,
            "MINESTREAM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": self.settings.topic_namespace,
            "MINESTREAM_STATE_DIR": str(self.folder / state),
            "MINESTREAM_INSTANCE": state,
            "MINESTREAM_WINDOW_S": "10",
            "MINESTREAM_GRACE_S": "5",
            "MINESTREAM_TICK_EVERY_S": "3600",
            "MINESTREAM_COMMIT_EVERY_S": "0.3",
            "MINESTREAM_SESSION_TIMEOUT_S": "6",
            **({"PROCESSOR_FAULT": fault} if fault else {}),
            **variables,
        }
        program = [str(HERE / "faulty_worker.py")] if fault else ["-m", "processor"]
        with (self.folder / f"{state}.log").open("ab") as log:
            process = subprocess.Popen([sys.executable, *program], env=environment, stdout=log)
        self.processes.append(process)
        return process

    async def until(
        self, fact: Callable[[], Awaitable[bool]], *, within_s: float = LIMIT_S
    ) -> None:
        """Ask again and again until it is so."""
        async with asyncio.timeout(within_s):
            while not await fact():  # noqa: ASYNC110 - facts of other processes
                await asyncio.sleep(0.1)

    async def ended(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process to end by itself: its exit code."""

        async def over() -> bool:
            return process.poll() is not None

        await self.until(over)
        return process.wait()

    async def stopped(self, process: subprocess.Popen[bytes]) -> tuple[int, float]:
        """Tell a process to stop: its exit code, and the seconds that it took."""
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        return await self.ended(process), time.monotonic() - began

    async def put(
        self,
        *,
        key: bytes | None,
        value: bytes | None,
        partition: int | None = None,
        topic: Topic = RAW_MINER,
    ) -> None:
        """Put a record anywhere, as a foreign producer may."""
        async with AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap,
            compression_type="lz4",
            max_request_size=16 * 1024 * 1024,
        ) as foreign:
            name = topic.named(self.settings.topic_namespace)
            await foreign.send_and_wait(name, value, key=key, partition=partition)

    async def records(
        self, topic: Topic, enough: Callable[[list[Record]], bool], *, limit_s: float = LIMIT_S
    ) -> list[Record]:
        """Everything on a topic from its beginning, once that is enough."""
        found: list[Record] = []
        async with asyncio.timeout(limit_s), Consumer(self.settings, [topic]) as consumer:
            while not enough(found):
                found += await consumer.records(wait_s=0.2)
        return found

    async def replace(self, topic: Topic, partitions: int, **config: str) -> None:
        """Make a topic anew, otherwise than registered; with 0 partitions, only remove it."""
        name = topic.named(self.settings.topic_namespace)
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap)
        await admin.start()

        async def gone() -> bool:
            return name not in await admin.list_topics()

        try:
            if not await gone():
                await admin.delete_topics([name])
                await self.until(gone)
            if partitions:
                await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config)])
        finally:
            await admin.close()

    async def committed(self, topic: Topic = RAW_MINER) -> dict[int, int]:
        """The processor's committed offsets on a topic."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.settings.kafka_bootstrap)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets(self.settings.group("processor"))
        finally:
            await admin.close()
        name = topic.named(self.settings.topic_namespace)
        return {tp.partition: at.offset for tp, at in offsets.items() if tp.topic == name}

    def home(self, miner_id: str) -> int:
        """The partition of raw on which a miner's records belong."""
        return partition_of(miner_id.encode(), RAW_MINER.partitions)

    async def until_committed(self, miner_id: str, offset: int) -> None:
        """Wait until the miner's partition is committed as far as that."""
        partition = self.home(miner_id)

        async def there() -> bool:
            return (await self.committed()).get(partition, 0) >= offset

        await self.until(there)


@pytest.fixture
async def world(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> AsyncIterator[World]:
    """A namespace with all topics; whatever processor runs at the end is killed."""
    await make_topics(*TOPICS)
    settings = ProcessorSettings(
        kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace, state_dir=tmp_path / "own"
    )
    async with Producer(settings, deadline_s=60) as producer:
        one = World(settings, producer, tmp_path)
        yield one
    for process in one.processes:
        process.kill()
        process.wait()


@pytest.fixture
def poll() -> Callable[..., RawMiner]:
    """``poll(miner_id, at)``: a poll that a miner did not answer, the smallest event there is."""

    def make(
        miner_id: str,
        at: datetime,
        *,
        event_id: UUID | None = None,
        status: PollStatus = PollStatus.TIMEOUT,
        endpoints: dict[str, EndpointBody] | None = None,
    ) -> RawMiner:
        return RawMiner(
            event_id=event_id or new_event_id(at),
            site_id="site-a",
            miner_id=miner_id,
            collector_id="collector-vnish-0",
            dialect="vnish",
            polled_at=at,
            latency_ms=1.0,
            status=status,
            interval_s=5.0,
            endpoints=endpoints or {},
        )

    return make
