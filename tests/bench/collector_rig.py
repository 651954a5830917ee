"""What the collector's benchmarks stand on: many miners in one process, Kafka, the real collector.

The miners answer with recorded payloads of an S21 Pro (Vnish 1.2.7), each at an address of its
own in 127/8, all through one listener that is bound to the loopback device (Linux). At /metrics
each says as many bytes as its summary has, as Prometheus' text.
"""

import asyncio
import logging
import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final
from urllib.request import urlopen

import psutil

from minestream_devstack.kafka import KafkaServer
from minestream_devstack.ports import Ports
from minestream_runtime.kafka import Producer, ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED, INVENTORY, InventoryEntry
from minestream_schemas.raw import RAW_MINER

FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "vnish"
ENDPOINTS: Final = ("summary", "info", "perf-summary")
_AT_ONCE: Final = 500
_HEAD: Final = "HTTP/1.1 {} \r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n"
_DATE: Final = "Date: Sat, 21 Nov 2026 15:00:00 GMT\r\n"


def body(endpoint: str) -> bytes:
    """A recorded payload."""
    return (FIXTURES / f"s21pro_1.2.7_{endpoint.replace('-', '_')}.json").read_bytes()


def exposition(size: int) -> bytes:
    """Prometheus' text of about so many bytes: one gauge per line, with a label."""
    lines = ["# TYPE miner_reading gauge"]
    while sum(map(len, lines)) + len(lines) < size:
        number = len(lines)
        lines.append(f'miner_reading{{name="value_{number:03}"}} {number * 1.25 + 170_000}')
    return ("\n".join(lines) + "\n").encode()


def samples_of(text: bytes) -> int:
    """How many samples an exposition has."""
    return sum(1 for line in text.splitlines() if not line.startswith(b"#"))


class _Miner(asyncio.Protocol):
    """Any miner: whoever asks, the answer is that of the path."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._asked = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        *requests, self._asked = self._asked.split(b"\r\n\r\n")
        for request in requests:
            path = request.split(b" ", 2)[1]
            self._transport.write(self._answers.get(path, self._answers[b""]))


def _answers() -> dict[bytes, bytes]:
    def whole(status: str, kind: str, content: bytes) -> bytes:
        return _HEAD.format(status, kind, len(content), _DATE).encode() + content

    found = {
        f"/api/v1/{name}".encode(): whole("200 OK", "application/json", body(name))
        for name in ENDPOINTS
    }
    text = exposition(len(body("summary")))
    found[b"/metrics"] = whole("200 OK", "text/plain; version=0.0.4", text)
    found[b""] = whole("404 Not Found", "text/plain", b"")
    return found


Makes = Callable[[], asyncio.Protocol]
"""Makes the far side of one connection."""


def _serve(ready: Connection, far_side: Callable[[], Makes]) -> None:
    async def main() -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        listener.bind(("0.0.0.0", 0))  # of the loopback device alone
        listener.listen(4096)
        server = await asyncio.get_running_loop().create_server(far_side(), sock=listener)
        ready.send(listener.getsockname()[1])
        async with server:
            await asyncio.sleep(3600)

    asyncio.run(main())


@contextmanager
def served(far_side: Callable[[], Makes], block: str) -> Iterator[Callable[[int], str]]:
    """Miners in a process of their own; gives the address of each by its number.

    Args:
        far_side: called in that process; gives what makes the far side of one connection.
        block: the first two numbers of their addresses.
    """
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(there, far_side), daemon=True)
    server.start()
    try:
        if not here.poll(30):
            raise TimeoutError("the miners do not start")
        port = int(here.recv())
        yield lambda number: f"{block}.{number // 250}.{number % 250 + 1}:{port}"
    finally:
        server.kill()
        server.join()


def _far_side() -> Makes:
    answers = _answers()
    return lambda: _Miner(answers)


def miners() -> AbstractContextManager[Callable[[int], str]]:
    """Vnish miners; see ``served``."""
    return served(_far_side, "127.9")


@dataclass(frozen=True)
class Seen:
    """A process at one moment.

    Args:
        at_s: monotonic.
        cpu_s: of all its threads since its start.
        rss_bytes: its memory.
        metrics: what it counts, by name and labels.
    """

    at_s: float
    cpu_s: float
    rss_bytes: int
    metrics: dict[str, float]

    def sum(self, name: str) -> float:
        """A metric over all its labels."""
        return sum(
            value
            for key, value in self.metrics.items()
            if key == name or key.startswith(f"{name}{{")
        )


@dataclass(frozen=True)
class Watched:
    """A process of a benchmark, and where its metrics are."""

    process: psutil.Process
    port: int

    def metrics(self) -> dict[str, float]:
        """What it counts; nothing while it starts."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
                lines = page.read().decode().splitlines()
        except OSError:
            return {}
        found = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in found}

    def seen(self) -> Seen:
        """Its state now."""
        metrics = self.metrics()
        times, memory = self.process.cpu_times(), self.process.memory_info()
        return Seen(time.monotonic(), times.user + times.system, memory.rss, metrics)

    async def until(self, true: Callable[[Seen], bool], *, within_s: float) -> Seen:
        """Wait for what it counts.

        Raises:
            TimeoutError: it does not come to that.
        """
        async with asyncio.timeout(within_s):
            while True:
                seen = await asyncio.to_thread(self.seen)
                if seen.metrics and true(seen):
                    return seen
                await asyncio.sleep(0.25)


@contextmanager
def started(command: list[str], port: int, **environment: str) -> Iterator[Watched]:
    """A process that serves its metrics at a port; ended with the block."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield Watched(psutil.Process(process.pid), port)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Rig:
    """A Kafka and miners.

    Args:
        folder: for whatever runs.
        bootstrap: of Kafka.
        address: of a miner, by its number.
    """

    folder: Path
    bootstrap: str
    address: Callable[[int], str]

    def port(self, name: str) -> int:
        """A free port of that name."""
        return Ports(self.folder / "ports").claim(name, 0)

    async def topics(self, namespace: str) -> Settings:
        """The collector's topics in a namespace of their own."""
        settings = Settings(kafka_bootstrap=self.bootstrap, topic_namespace=namespace)
        await ensure_topics(settings, (INVENTORY, DETECTED, RAW_MINER, GAP))
        return settings

    @contextmanager
    def collector(
        self,
        settings: Settings,
        *,
        interval_s: float,
        module: str = "collector_vnish",
        **more: str,
    ) -> Iterator[Watched]:
        """A collector as a process of its own, as it is started anywhere."""
        name = f"{settings.topic_namespace}-{module}"
        port = self.port(name)
        with started(
            [sys.executable, "-m", module],
            port,
            MINESTREAM_KAFKA_BOOTSTRAP=self.bootstrap,
            MINESTREAM_TOPIC_NAMESPACE=settings.topic_namespace,
            MINESTREAM_STATE_DIR=str(self.folder / name),
            MINESTREAM_HEALTH_PORT=str(port),
            MINESTREAM_POLL_INTERVAL_S=str(interval_s),
            MINESTREAM_DEMO="1",
            **more,
        ) as watched:
            yield watched

    async def enrol(self, settings: Settings, count: int) -> None:
        """Write so many miners into the inventory."""
        await enrolled(settings, map(self._entry, range(count)))

    def _entry(self, number: int) -> InventoryEntry:
        return InventoryEntry(
            miner_id=f"miner-{number:05}",
            site_id="site-a",
            rack_id=f"rack-{number // 40:03}",
            address=self.address(number),
            transport="http",
            dialect="vnish",
            model="Antminer S21 Pro",
            algorithm="sha256d",
            workers=(f"farm.miner{number:05}",),
        )


async def enrolled(settings: Settings, entries: Iterable[InventoryEntry]) -> None:
    """Write miners into the inventory."""
    left = iter(entries)
    async with Producer(settings) as producer:
        while some := list(islice(left, _AT_ONCE)):
            await asyncio.gather(*(producer.publish(INVENTORY, entry) for entry in some))


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Kafka and miners, for one benchmark; nothing of them is left."""
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # new topics have no leader at first
    with tempfile.TemporaryDirectory(prefix="minestream-bench-") as name, miners() as address:
        server = KafkaServer(Path(name, "kafka"), preferred_port=0)
        server.prepare()
        try:
            await asyncio.to_thread(server.start)
            yield Rig(Path(name), server.bootstrap, address)
        finally:
            server.kill()
