"""Does Faust lose, reorder or roll back events while workers come, go and are killed?

Each key counts its events 0, 1, 2, …; a worker says how many of the key it has counted. At the end
every event was told at least once (missing 0), and each first telling carries as many as were
before it (wrong 0). Faust as it ships fails this: ``make soak`` shows it.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tests.soak.record import record

from minestream_runtime.kafka import Consumer, Partition, Producer, ensure_topics
from minestream_schemas.event import Event, Topic
from processor.adapters.app import CHANGELOG
from processor.settings import ProcessorSettings

HERE = Path(__file__).parent
IDLE = frozenset[str]()
IN, OUT = (
    Topic(
        name=f"minestream.chaos-{word}.v1",
        event=Event,
        description="chaos",
        key="m",
        retention=timedelta(hours=1),
        producers=IDLE,
        consumers=IDLE,
    )
    for word in ("in", "out")
)


@dataclass
class Size:
    """How much of it."""

    keys: int
    events: int
    per_second: int
    drain_s: float


SHORT = Size(keys=500, events=60, per_second=1000, drain_s=150)
LONG = Size(keys=1000, events=120, per_second=2000, drain_s=180)


@dataclass
class Chaos:
    """Up to three workers, started, told to stop and killed at random."""

    settings: ProcessorSettings
    folder: Path
    rng: random.Random
    bare: bool = False
    static: bool = False
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        environment = {
            **os.environ,
            "MINESTREAM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": self.settings.topic_namespace,
            "MINESTREAM_STATE_DIR": str(self.folder / name),
            "MINESTREAM_INSTANCE": name,
            "MINESTREAM_SESSION_TIMEOUT_S": "10",
            "CHAOS_BARE": str(int(self.bare)),
            "CHAOS_STATIC": str(int(self.static)),
        }
        program = [sys.executable, str(HERE / "chaos_worker.py")]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers[name] = subprocess.Popen(program, env=environment, stdout=log)

    def alive(self, name: str) -> bool:
        return name in self.workers and self.workers[name].poll() is None

    async def strike(self) -> None:
        """Start, stop or kill one worker."""
        name = self.rng.choice("123")
        if not self.alive(name):
            self.start(name)
            return
        worker = self.workers[name]
        worker.send_signal(self.rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM]))
        try:
            await asyncio.to_thread(worker.wait, 8)
        except subprocess.TimeoutExpired:
            worker.kill()
            await asyncio.to_thread(worker.wait)
        if self.rng.random() < 0.7:
            self.start(name)

    def kill_all(self) -> None:
        for worker in self.workers.values():
            worker.kill()
            worker.wait()


async def feed(producer: Producer, size: Size) -> None:
    """Every key's events, in order, at the wanted rate."""
    loop = asyncio.get_running_loop()
    began, sent = loop.time(), 0
    for seq in range(size.events):
        sends = []
        for key in range(size.keys):
            value = msgspec.json.encode({"m": f"m{key}", "seq": seq, "pad": "x" * 150})
            sends.append(producer.send(IN, key=b"m%d" % key, value=value))
        await asyncio.gather(*sends)
        sent += len(sends)
        await asyncio.sleep(max(0.0, began + sent / size.per_second - loop.time()))


async def tally(settings: ProcessorSettings) -> tuple[Counter[tuple[str, int]], int]:
    """What was told: how often each event, and how many first tellings counted wrongly."""
    told: Counter[tuple[str, int]] = Counter()
    wrong = 0
    partitions = [Partition(OUT.name, number) for number in range(OUT.partitions)]
    async with Consumer(settings, [OUT]) as consumer:
        left = sum((await consumer.ends(partitions)).values())
        while left:
            records = await consumer.records(wait_s=1.0)
            left -= len(records)
            for record in records:
                one = msgspec.json.decode(record.value or b"")
                told[one["m"], one["seq"]] += 1
                wrong += not one["dup"] and one["n"] != one["seq"] + 1
    return told, wrong


@dataclass
class Run:
    """A chaos run's result."""

    missing: int
    repeated: int
    wrong: int


MakeRun = Callable[..., Awaitable[Run]]


@pytest.fixture
async def chaos(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> AsyncIterator[MakeRun]:
    """``chaos(seed, size)``: one run, and what it showed."""
    started: list[Chaos] = []

    async def run(seed: int, size: Size, *, bare: bool = False, static: bool = False) -> Run:
        sys.stdout.write(f"seed {seed}\n")
        settings = ProcessorSettings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
        await make_topics(IN, OUT)
        await ensure_topics(settings, [CHANGELOG])
        world = Chaos(settings, tmp_path, random.Random(seed), bare, static)
        started.append(world)
        async with Producer(settings, deadline_s=60) as producer:
            world.start("1")
            fed = asyncio.ensure_future(feed(producer, size))
            await asyncio.sleep(5)
            world.start("2")
            while not fed.done():
                await asyncio.wait([fed], timeout=world.rng.uniform(2, 6))
                if not fed.done():
                    await world.strike()
            await fed
        if not any(map(world.alive, world.workers)):
            world.start("1")
        await drained(settings, size)
        world.kill_all()
        told, wrong = await tally(settings)
        expected = size.keys * size.events
        result = Run(expected - len(told), told.total() - len(told), wrong)
        sys.stdout.write(f"seed {seed}: events {expected}, {result}\n")
        return result

    yield run
    for world in started:
        world.kill_all()


async def drained(settings: ProcessorSettings, size: Size) -> None:
    """Wait until the group's lag is 0, or the time for it is over: then events are missing."""
    partitions = [Partition(IN.name, number) for number in range(IN.partitions)]
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    loop = asyncio.get_running_loop()
    until = loop.time() + size.drain_s
    try:
        async with Consumer(settings, [IN]) as consumer:
            end = sum((await consumer.ends(partitions)).values())
            while loop.time() < until:
                offsets = await admin.list_consumer_group_offsets(settings.group("processor"))
                name = IN.named(settings.topic_namespace)
                if sum(at.offset for tp, at in offsets.items() if tp.topic == name) >= end:
                    return
                await asyncio.sleep(0.5)
    finally:
        await admin.close()


async def test_nothing_is_lost_reordered_or_rolled_back_while_workers_are_killed(
    chaos: MakeRun,
) -> None:
    result = await chaos(2, SHORT)
    assert (result.missing, result.wrong) == (0, 0)
    assert result.repeated > 0, "nobody was killed in the middle: this run showed nothing"


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_lost_reordered_or_rolled_back_in_a_long_run(
    chaos: MakeRun, seed: int
) -> None:
    result = await chaos(seed, LONG)
    record("chaos", f"fenced, seed {seed}", asdict(result))
    assert (result.missing, result.wrong) == (0, 0)


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_static_members_lose_nothing_either(chaos: MakeRun) -> None:
    result = await chaos(1, LONG, static=True)
    record("chaos", "fenced, static members, seed 1", asdict(result))
    assert (result.missing, result.wrong) == (0, 0)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_without_the_fence_faust_fails_the_same_run(chaos: MakeRun) -> None:
    for seed in (2, 3, 4):  # a race is won now and then
        result = await chaos(seed, LONG, bare=True)
        record("chaos", f"bare, seed {seed}", asdict(result))
        if result.missing + result.wrong > 0:
            return
    pytest.fail("three runs without the fence, and nothing went wrong: it proves nothing")
