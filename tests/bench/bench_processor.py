"""How many events does one processor take for one second of its CPU, and a bare Faust agent?

Real Kafka, 24 partitions, RocksDB, windows, scores, metrics. 200 miners' polls of an L9 (Vnish
1.2.7: summary, and info, status and perf-summary that ride along; three boards; every number of
the summary moves). Each reading is held against the pool's rate of its minute and what the pool
said of its worker in its five minutes; every fifth leads to a feature row. A worker reads a
backlog; the CPU time of its process and its own counter are read while it does. Its peer,
``processor_peer.py``, reads the same records, writes the same state and sends the same bytes to
the same topics, and does nothing else: what it costs is Faust's price (same fence, same producer
settings). Both run in turn. Beside them the bare loop: decode, normalise, look up, step and encode,
without Kafka; and the processor where pools and markets have said nothing.

    python tests/bench/bench_processor.py [--quick]

Last answer (2 cores at rest, three rounds): 2,215 events per CPU-second against 4,393 of the
agent's: 0.50 of it, where the goal is 0.6. Where nothing is known of pools and markets 2,199,
0.54 of the agent's; with chips at every fifth poll 1,638, 0.44. The bare loop does 5,799.
"""

import argparse
import asyncio
import json
import os
import random
import re
import secrets
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.processor_day import INTERVAL_S, POOL_EVERY_S, Miner, bare, rate, script

from minestream_devstack.kafka import KafkaServer
from minestream_devstack.ports import Ports
from minestream_runtime.kafka import Producer, ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.pool import POOL_RATE, POOL_WORKER
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.topics import TOPICS
from processor.adapters.app import CHANGELOG, POOL_CHANGELOG
from processor.adapters.fence import PINNED

HERE: Final = Path(__file__).parent
COUNTER = re.compile(
    r'minestream_events_processed_total\{topic="minestream\.raw\.miner\.v1"\} (\S+)'
)
GOAL_EVENTS: Final = 2000
GOAL_RATIO: Final = 0.6
Figure = dict[str, Any]


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    miners: int
    polls: int
    warm_up: int
    rounds: int
    loops: int
    look_s: float

    @property
    def total(self) -> int:
        """Events of one backlog."""
        return self.miners * self.polls


WHOLE: Final = Size(miners=200, polls=100, warm_up=2000, rounds=3, loops=2000, look_s=0.5)
QUICK: Final = Size(miners=20, polls=60, warm_up=100, rounds=1, loops=100, look_s=0.05)


async def feed(settings: Settings, size: Size, *, chips: bool, money: bool) -> None:
    """The backlog: so many polls of every miner, and what its pool said meanwhile."""
    await ensure_topics(settings, TOPICS)
    miners = [Miner(number, chips=chips) for number in range(size.miners)]
    async with Producer(settings, deadline_s=60) as producer:
        for number in range(size.polls):
            sends = [producer.publish(RAW_MINER, one.poll(number)) for one in miners]
            if money:
                sends.append(producer.publish(POOL_RATE, rate(number)))
            if money and number * INTERVAL_S % POOL_EVERY_S == 0:
                each = number * INTERVAL_S // POOL_EVERY_S
                sends += [producer.publish(POOL_WORKER, one.at_pool(each)) for one in miners]
            await asyncio.gather(*sends)


def look(process: psutil.Process, port: int) -> tuple[float, float]:
    """Events dealt with and CPU seconds used by the process so far, its children's too."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            found = COUNTER.search(page.read().decode())
    except OSError:
        found = None
    return (float(found[1]) if found else 0.0), sum(process.cpu_times()[:4])


def measure(program: list[str], variables: dict[str, str], size: Size) -> float:
    """Events per CPU-second of one worker on the backlog, after its warm-up.

    Raises:
        RuntimeError: when it ended, or was not through with it after five minutes.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = Ports(Path(folder) / "ports").claim("worker", 0)
        own = {"MINESTREAM_STATE_DIR": folder, "MINESTREAM_HEALTH_PORT": str(port)}
        environment = {**os.environ, **variables, **own}
        log = Path(folder) / "log"
        with log.open("wb") as out:
            worker = psutil.Popen([sys.executable, *program], env=environment, stdout=out)
        seen = [(0.0, 0.0)]
        try:
            until = time.monotonic() + 300
            while seen[-1][0] < size.total:
                time.sleep(size.look_s)  # seldom: a look costs the worker milliseconds
                if worker.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"{program} at {seen[-1]}: {log.read_text()[-2000:]}")
                seen.append(look(worker, port))
        finally:
            worker.terminate()
            worker.wait()
    begun = next(one for one in seen if size.warm_up <= one[0])
    if begun == seen[-1]:
        raise RuntimeError(f"{program} was through before it was looked at twice")
    return (seen[-1][0] - begun[0]) / (seen[-1][1] - begun[1])


def compare(bootstrap: str, size: Size, *, chips: bool, money: bool = True) -> tuple[float, float]:
    """One round: the processor and its peer on the same backlog, in either order."""
    name = f"bench-{secrets.token_hex(4)}"
    source = Settings(kafka_bootstrap=bootstrap, topic_namespace=name)
    peers = Settings(kafka_bootstrap=bootstrap, topic_namespace=f"{name}-peer")
    asyncio.run(feed(source, size, chips=chips, money=money))
    asyncio.run(ensure_topics(peers, [*TOPICS, CHANGELOG, POOL_CHANGELOG]))
    with tempfile.TemporaryDirectory() as folder:
        entries = Path(folder) / "script"
        entries.write_bytes(msgspec.msgpack.encode(script(Miner(0, chips=chips))))
        common = {"MINESTREAM_KAFKA_BOOTSTRAP": bootstrap, "MINESTREAM_TRACE_RATIO": "0.01"}
        peer = {
            **common,
            "MINESTREAM_TOPIC_NAMESPACE": peers.topic_namespace,
            "PEER_SOURCE": name,
            "PEER_SCRIPT": str(entries),
        }
        runs = {
            "ours": (["-m", "processor"], {**common, "MINESTREAM_TOPIC_NAMESPACE": name}),
            "peer": ([str(HERE / "processor_peer.py")], peer),
        }
        order = random.sample(list(runs), 2)
        found = {one: measure(*runs[one], size) for one in order}
    progress(
        f"chips {chips}, money {money}: {', '.join(f'{one} {found[one]:.0f}' for one in order)}"
    )
    return found["ours"], found["peer"]


@contextmanager
def broker(given: str | None) -> Iterator[str]:
    """The broker that was named, or one for this run."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        server = KafkaServer(Path(folder), preferred_port=0)
        server.prepare()
        try:
            server.start()
            yield server.bootstrap
        finally:
            server.kill()


def progress(line: str) -> None:
    """A line for people."""
    sys.stderr.write(f"{line}\n")


def figure(name: str, value: float, unit: str, goal: float | None = None) -> Figure:
    """One figure as the runner takes it."""
    met = None if goal is None else value >= goal
    goal_text = None if goal is None else f">= {goal}"
    return {"name": name, "value": round(value, 2), "unit": unit, "goal": goal_text, "met": met}


def main() -> None:
    """Run and print the result as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="does it work? Its figures say nothing"
    )
    parser.add_argument("--bootstrap", default=os.environ.get("MINESTREAM_KAFKA_BOOTSTRAP"))
    args = parser.parse_args()
    size = QUICK if args.quick else WHOLE
    bare(Miner(0, chips=False), size.loops // 10)
    alone, plain, chips, poor = [], [], [], []
    with broker(args.bootstrap) as bootstrap:
        for _ in range(size.rounds):
            alone.append(bare(Miner(0, chips=False), size.loops))
            plain.append(compare(bootstrap, size, chips=False))
        if not args.quick:
            chips.append(compare(bootstrap, size, chips=True))
            poor.append(compare(bootstrap, size, chips=False, money=False)[0])
    ours = median(one for one, _ in plain)
    ratios = [one / other for one, other in plain]
    unit = "events/CPU-s"
    figures = [
        figure("events", ours, unit, None if args.quick else GOAL_EVENTS),
        figure(
            "to a Faust agent without domain code",
            median(ratios),
            "ratio",
            None if args.quick else GOAL_RATIO,
        ),
        figure("that agent's events", median(other for _, other in plain), unit),
        figure("to the bare loop", ours / median(alone), "ratio"),
        figure("the bare loop's events", median(alone), unit),
    ]
    for one, other in chips:
        figures.append(figure("events, chips at every fifth poll", one, unit))
        figures.append(figure("the same to that agent", one / other, "ratio"))
    figures += [figure("events, nothing known of pools and markets", one, unit) for one in poor]
    detail = {
        "rounds": [{"ours": round(one), "peer": round(other)} for one, other in plain],
        "least": round(min(one for one, _ in plain)),
        "least_ratio": round(min(ratios), 2),
        "events": size.total,
        "versions": dict(PINNED),
    }
    result = {"subject": "processor", "figures": figures, "detail": detail}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
