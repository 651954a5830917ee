"""The pool's servers in this process, a collector as a process of its own, and what it says."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from aiohttp import web

from minestream_devstack.ports import Ports
from minestream_emulators.fleet import Fleet
from minestream_emulators.outside import Outside
from minestream_emulators.prohashing.router import Router
from minestream_emulators.prohashing.site import POOL_KEY, Site
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Troubles
from minestream_runtime.kafka import Consumer, Partition
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap
from minestream_schemas.pool import RAW_POOL, PoolMessage, RawPool
from minestream_schemas.raw import PollStatus

WITHIN_S = 90.0
L9 = {"l9-1.2.7": 1.0}


@dataclass
class Pool:
    """The emulated pool, where it is, and what is wrong with it.

    Args:
        site: its book, HTTP API and proxy.
        fleet: its workers' miners.
        troubles: what is wrong with it.
        web: where its web site is.
        wamp_url: where its feed is.
        breaks: the ways in which its feed can go away; each is back when it returns.
    """

    site: Site
    fleet: Fleet
    troubles: Troubles
    web: str
    wamp_url: str
    breaks: dict[str, Callable[[], Awaitable[object]]]

    @property
    def names(self) -> set[str]:
        """Its workers'."""
        return {station.resident.who.worker for station in self.fleet.stations.values()}


@asynccontextmanager
async def emulated_pool(*, miners: int = 3, tick_s: float = 0.2) -> AsyncIterator[Pool]:
    """A pool with a fleet behind it, on a free port."""
    troubles = Troubles(asyncio.get_running_loop().time)
    async with emulated_fleet(miners=miners, mix=L9) as fleet:
        site = Site(Outside(fleet, troubles), tick_s=tick_s)
        root = web.Application()
        root.add_subapp("/prohashing", site.application())
        runner = web.AppRunner(root, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            address = f"127.0.0.1:{runner.addresses[0][1]}/prohashing"
            yield Pool(
                site,
                fleet,
                troubles,
                f"http://{address}",
                f"ws://{address}/ws",
                _breaks(site.router),
            )
        finally:
            site.router.drop_all()
            await runner.cleanup()


def _breaks(router: Router) -> dict[str, Callable[[], Awaitable[object]]]:
    async def drop() -> None:
        router.drop_all()

    async def freeze() -> None:
        router.frozen = True
        sessions = set(router.sessions)
        async with asyncio.timeout(WITHIN_S):
            while sessions & router.sessions:  # noqa: ASYNC110 - the collector's doing
                await asyncio.sleep(0.05)
        router.frozen = False

    return {
        "close": router.close_all,
        "goodbye": router.goodbye_all,
        "drop": drop,
        "freeze": freeze,
    }


@dataclass
class Reader:
    """What one consumer has read of a topic so far."""

    consumer: Consumer
    found: list[bytes] = field(default_factory=list)

    async def values(self) -> list[bytes]:
        """Read on to the present end."""
        ends = await self.consumer.ends(self.consumer.owned())
        async with asyncio.timeout(WITHIN_S):
            while await self._behind(ends):
                self.found += [each.value or b"" for each in await self.consumer.records()]
        return self.found

    async def _behind(self, ends: dict[Partition, int]) -> bool:
        positions = await self.consumer.positions()
        return any(positions[where] < end for where, end in ends.items())


@dataclass
class Line:
    """A namespace on Kafka with pool collectors behind it."""

    settings: Settings
    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    readers: dict[str, Reader] = field(default_factory=dict)

    def start(self, pool: Pool, **more: str) -> subprocess.Popen[bytes]:
        """Start a collector of a pool."""
        environment = {
            "MINESTREAM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": self.settings.topic_namespace,
            "MINESTREAM_PUBLISH_DEADLINE_S": "20",
            "MINESTREAM_STATE_DIR": str(self.folder / "state"),
            "MINESTREAM_LEDGER_FILE": str(self.folder / "ledger"),
            "MINESTREAM_HEALTH_PORT": str(self.port),
            "MINESTREAM_POOL_PROFILE": "live",
            "MINESTREAM_POOL_WAMP_URL": pool.wamp_url,
            "MINESTREAM_POOL_HTTP_URL": f"{pool.web}/api/v1",
            "MINESTREAM_POOL_API_KEY": POOL_KEY,
            "MINESTREAM_POOL_FALLBACK_AFTER_S": "1",
            "MINESTREAM_POOL_PING_S": "2",
            "MINESTREAM_POOL_PING_TIMEOUT_S": "20",
            "MINESTREAM_POOL_REFUSED_S": "1",
            "MINESTREAM_POOL_STATUS_EVERY_S": "2",
            "MINESTREAM_POOL_ACCOUNT_EVERY_S": "1",
            "MINESTREAM_POOL_WORKER_EVERY_S": "1",
            **more,
        }
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "collector_pool"],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    @property
    def port(self) -> int:
        """Where its health and metrics are."""
        ports = Ports(self.folder / "ports")
        return ports.known("pool") or ports.claim("pool", 0)

    def page(self, path: str) -> str:
        """One of its pages; empty while it starts."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as page:
                text: str = page.read().decode()
                return text
        except OSError:
            return ""

    def metrics(self) -> dict[str, float]:
        """Its metrics by name and labels."""
        lines = [line.rpartition(" ") for line in self.page("/metrics").splitlines()]
        return {name: float(value) for name, _, value in lines if name and name[0] != "#"}

    async def measured(self, enough: Callable[[dict[str, float]], object]) -> dict[str, float]:
        """Its metrics, as soon as they are enough."""
        seen: dict[str, float] = {}

        def read() -> object:
            seen.clear()
            seen.update(self.metrics())
            return enough(seen)

        await self.until(read)
        return seen

    def log(self) -> list[dict[str, Any]]:
        text = (self.folder / "log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """Its log lines of one event."""
        return [line for line in self.log() if line["event"] == event]

    def ledger(self) -> list[dict[str, Any]]:
        path = self.folder / "ledger"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    async def values(self, topic: Topic) -> list[bytes]:
        """Every value that is on a topic now, in order within each key."""
        reader = self.readers.get(topic.name)
        if reader is None:
            consumer = await self.stack.enter_async_context(Consumer(self.settings, [topic]))
            reader = self.readers[topic.name] = Reader(consumer)
        return await reader.values()

    async def messages(self) -> list[RawPool]:
        """What it has published, oldest first."""
        said = [RawPool.from_json(value) for value in await self.values(RAW_POOL)]
        return sorted(said, key=lambda each: (each.received_at, each.event_id))

    async def said(self, enough: Callable[[list[RawPool]], object]) -> list[RawPool]:
        """What it has published, as soon as it is enough."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                messages = await self.messages()
                if enough(messages):
                    return messages
                await asyncio.sleep(0.2)

    async def gaps(self, enough: Callable[[list[Gap]], object]) -> list[Gap]:
        """The gaps that it has told, as soon as they are enough."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                gaps = [Gap.from_json(value) for value in await self.values(GAP)]
                if enough(gaps):
                    return gaps
                await asyncio.sleep(0.2)

    async def until(self, true: Callable[[], object]) -> None:
        """Wait for what it does in its own time."""
        async with asyncio.timeout(WITHIN_S):
            while not await asyncio.to_thread(true):  # noqa: ASYNC110 - another process's doing
                await asyncio.sleep(0.1)

    def has_joined(self, times: int) -> bool:
        """Has it joined the feed so often?"""
        name = 'minestream_source_joins_total{source="prohashing-main"}'
        return self.metrics().get(name, 0) >= times

    async def end(self) -> None:
        """Every collector is told to stop, and does."""
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        try:
            for process in self.processes:
                await asyncio.to_thread(process.wait, 60)
        finally:
            for process in self.processes:
                process.kill()


def of(
    messages: list[RawPool], about: PoolMessage, status: PollStatus = PollStatus.OK
) -> list[RawPool]:
    """Those of one kind that ended so."""
    return [each for each in messages if each.message is about and each.status is status]


def workers(messages: list[RawPool], *, snapshot: bool, dialect: str = "wamp") -> list[RawPool]:
    """What was told of workers: whole, or what changed."""
    return [
        each
        for each in of(messages, PoolMessage.WORKER)
        if each.snapshot is snapshot and each.dialect == f"prohashing-{dialect}"
    ]
