"""A whole system as child processes: what the tests here start, kill and ask."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psycopg
from psycopg.rows import namedtuple_row

from minestream_devstack.demo import Where
from minestream_devstack.ports import Ports
from minestream_runtime.kafka import ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.topics import TOPICS

RESTART_AFTER_S = 0.5
EDGE_STOP_WAIT_S = 10.0
"""``TimeoutStopSec`` of the unit in docs/edge.md: a site that ends later is killed."""


@dataclass
class Child:
    """A process that is started again whenever it ends, as a supervisor does."""

    name: str
    command: list[str]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    wanted: bool = True
    kills: int = 0
    exits: list[int] = field(default_factory=list)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None and self.alive():
            self.kills += 1
            self.process.kill()
            self.process.wait(60)

    def stop(self, within_s: float = 60) -> None:
        self.wanted = False
        if self.process is None or not self.alive():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(60)

    def tail(self, lines: int = 25) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class World:
    """The services of one test, their ports, logs and database."""

    def __init__(self, folder: Path, environment: Mapping[str, str], database_url: str) -> None:
        self.folder = folder
        self.environment = dict(environment)
        self.database_url = database_url
        self.children: dict[str, Child] = {}
        self.ports: dict[str, int] = {}
        self._claims = Ports(folder / "ports.json")

    @property
    def settings(self) -> Settings:
        """What finds the world's Kafka."""
        return Settings(
            kafka_bootstrap=self.environment["MINESTREAM_KAFKA_BOOTSTRAP"],
            topic_namespace=self.environment["MINESTREAM_TOPIC_NAMESPACE"],
        )

    def free_port(self, name: str) -> int:
        """A port of that name, which nobody else has or takes meanwhile."""
        return self._claims.claim(name, 0)

    def add(self, name: str, module: str, *arguments: str, **environment: str) -> Child:
        """Start ``python -m module`` and keep it running."""
        state = self.folder / "state" / name
        state.mkdir(parents=True, exist_ok=True)
        self.ports[name] = self.free_port(name)
        child = Child(
            name,
            [sys.executable, "-m", module, *arguments],
            {
                **self.environment,
                "MINESTREAM_STATE_DIR": str(state),
                "MINESTREAM_HEALTH_PORT": str(self.ports[name]),
                **environment,
            },
            self.folder / f"{name}.log",
        )
        self.children[name] = child
        child.start()
        return child

    async def keep(self) -> None:
        """Start again whatever ended, until cancelled."""
        while True:
            for child in self.children.values():
                if child.wanted and not child.alive():
                    if child.process is not None:
                        child.exits.append(child.process.returncode)
                    await asyncio.sleep(RESTART_AFTER_S)
                    if child.wanted:
                        child.start()
            await asyncio.sleep(0.1)

    async def ready(self, name: str, *, within_s: float = 120) -> None:
        """Wait until a service says that it is ready."""
        url = f"http://127.0.0.1:{self.ports[name]}/readyz"
        await self.until(lambda: answers(url), f"{name} ready", within_s=within_s)

    async def metric(self, name: str, metric: str) -> float:
        """The sum of a service's series of that name; NaN while it does not answer."""
        url = f"http://127.0.0.1:{self.ports[name]}/metrics"
        try:
            async with aiohttp.ClientSession() as http, http.get(url) as answer:
                text = await answer.text()
        except aiohttp.ClientError:
            return float("nan")
        return sum(
            float(line.rsplit(" ", 1)[1])
            for line in text.splitlines()
            if line.split("{")[0].split(" ")[0] == metric
        )

    async def until(
        self, holds: Callable[[], Awaitable[bool]], what: str, *, within_s: float
    ) -> None:
        """Wait until ``await holds()`` is true; the logs' ends are the error's text."""
        deadline = time.monotonic() + within_s
        while not await holds():
            if time.monotonic() > deadline:
                ends = "\n".join(f"--- {c.name}\n{c.tail()}" for c in self.children.values())
                raise AssertionError(f"not within {within_s} s: {what}\n{ends}")
            await asyncio.sleep(0.3)

    def rows(self, query: str, *values: object) -> list[Any]:
        """Ask the database."""
        with psycopg.connect(self.database_url, row_factory=namedtuple_row) as connection:
            connection.execute("SET timezone = 'UTC'")
            return connection.execute(query.encode(), values).fetchall()

    def close(self) -> None:
        """End everything."""
        for child in self.children.values():
            child.wanted = False
        for child in self.children.values():
            child.stop()


async def answers(url: str) -> bool:
    """Whether ``url`` answers 200."""
    try:
        async with aiohttp.ClientSession() as http, http.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError):
        return False


def command(world: World, *arguments: str) -> str:
    """Run ``minestream …`` to its end and return what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "minestream_devstack", *arguments],
        env={**os.environ, **world.environment},
        cwd=world.folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


async def inhabit(
    world: World, *, miners: int, seed: int, replies: Path | None = None, mixed: bool = False
) -> Where:
    """Start an emulated world, lead services to it, create topics, enter its fleet.

    Args:
        world: whose environment names the servers, and from now on this world too.
        miners: how many.
        seed: the same seed, the same miners.
        replies: where each of their replies is logged.
        mixed: a few of other makers are among them, over TCP too.

    Returns:
        its ports.
    """
    where = Where(*(world.free_port(name) for name in ("control", "miners", "outside", "mail")))
    inventory = world.folder / "fleet.yaml"
    world.environment |= where.exports
    world.environment["MINESTREAM_EMULATOR_CONTROL"] = f"127.0.0.1:{where.control}"
    logged = () if replies is None else ("--replies", str(replies))
    world.add(
        "emulators", "minestream_emulators", "--miners", str(miners), "--seed", str(seed),
        "--inventory", str(inventory), *logged, *(("--mixed",) if mixed else ()),
        "--control", f"127.0.0.1:{where.control}", "--port", str(where.miners),
        "--outside", f"127.0.0.1:{where.outside}", "--smtp-port", str(where.mail),
    )  # fmt: skip
    world.ports["emulators"] = where.control
    await ensure_topics(world.settings, TOPICS)
    await world.ready("emulators")
    await asyncio.to_thread(command, world, "inventory", "import", str(inventory), "--prune")
    return where


@contextlib.asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    """Keep the world's children running while the block runs; end them after it."""
    keeper = asyncio.ensure_future(world.keep())
    try:
        yield world
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper
        await asyncio.to_thread(world.close)


def chosen_seed(variable: str) -> int:
    """The seed of a random test: from the environment, else fresh; printed either way."""
    seed = int(os.environ.get(variable, random.SystemRandom().randrange(10**6)))
    sys.stdout.write(f"\n{variable}={seed}\n")
    return seed
