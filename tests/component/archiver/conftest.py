"""A running archiver, what is published to it, and its lake as any Parquet reader sees it."""

import asyncio
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import pyarrow.dataset as ds
import pytest
from pydantic import SecretStr
from tests.component.serving import serving

from archiver.adapters.archiver import ARCHIVED
from archiver.adapters.service import serve
from archiver.settings import ArchiverSettings
from minestream_runtime.kafka import Producer
from minestream_schemas.event import Event, Topic

LIMIT_S = 120.0


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, tmp_path: Path) -> ArchiverSettings:
    return ArchiverSettings(
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
        state_dir=tmp_path / "state",
        archive_file_age_s=0.5,
        session_timeout_s=6,
    )


@pytest.fixture
async def topics(make_topics: Callable[..., Awaitable[None]]) -> None:
    """What is archived; as many partitions as registered, for the processor is particular."""
    await make_topics(*ARCHIVED)


@pytest.fixture
async def producer(settings: ArchiverSettings, topics: None) -> AsyncIterator[Producer]:  # noqa: ARG001 - made first
    async with Producer(settings, deadline_s=60) as producer:
        yield producer


@dataclass
class Seen:
    """What lies in a lake, by Parquet's own means and none of ours."""

    folder: Path

    def files(self, subject: str = "*") -> list[Path]:
        """The files that a reader finds."""
        return sorted(self.folder.glob(f"{subject}/source=*/date=*/*.parquet"))

    def rows(self, subject: str = "raw.miner", **columns: Any) -> list[dict[str, Any]]:
        """Each record."""
        if not self.files(subject):
            return []
        found = ds.dataset(self.folder / subject, format="parquet", partitioning="hive")
        rows: list[dict[str, Any]] = found.to_table(**columns).to_pylist()
        return rows

    def places(self) -> Counter[tuple[str, int, int, int]]:
        """How often each record is there: topic, generation, partition, offset."""
        names = ("topic", "generation", "partition", "offset")
        return Counter(
            tuple(row[name] for name in names)
            for subject in sorted({path.parts[-4] for path in self.files()})
            for row in self.rows(subject, columns=list(names))
        )

    async def holds(self, count: int) -> Counter[tuple[str, int, int, int]]:
        """The same, as soon as there are so many."""
        async with asyncio.timeout(LIMIT_S):
            while (found := self.places()).total() < count:  # noqa: ASYNC110 - another process writes
                await asyncio.sleep(0.1)
        return found


@pytest.fixture
def lake(settings: ArchiverSettings) -> Seen:
    return Seen(settings.lake)


async def publish(producer: Producer, topic: Topic, *events: Event) -> None:
    """Publish events in their order."""
    await asyncio.gather(*(producer.publish(topic, event) for event in events))


archiver = partial(serving, serve)
"""The whole service, in this process, until the block ends."""


def variables(settings: ArchiverSettings) -> dict[str, str]:
    """What makes a process of its own use the same settings."""
    return {
        f"MINESTREAM_{name.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for name, value in settings.model_dump(exclude_defaults=True).items()
    }


@dataclass
class Child:
    """A process of Python's, and what it says: into a pipe, for no disk must be full for that."""

    running: asyncio.subprocess.Process
    saying: asyncio.Future[bytes]

    @property
    def pid(self) -> int:
        """The process's id."""
        return self.running.pid

    def stop(self) -> None:
        """Tell it to stop, if it runs."""
        with suppress(ProcessLookupError):
            self.running.terminate()

    async def ended(self, *, within_s: float = 90) -> tuple[int, str]:
        """Its exit code and the end of what it said; one that does not end is killed."""
        try:
            async with asyncio.timeout(within_s):
                code = await self.running.wait()
        except TimeoutError:
            self.running.kill()
            said = (await self.saying).decode()
            raise AssertionError(f"it goes on and on: {said[-3000:]}") from None
        return code, (await self.saying).decode()[-3000:]


async def start(
    *program: str, settings: ArchiverSettings, more: Mapping[str, str] | None = None
) -> Child:
    """Start Python with a program."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, *program),
        env={**os.environ, **variables(settings), **(more or {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert running.stdout is not None
    return Child(running, asyncio.ensure_future(running.stdout.read()))


async def ready(port: int, *, wanted: bool) -> dict[str, str]:
    """What a process says of its readiness, as soon as it is as wanted."""
    last: object = None
    async with aiohttp.ClientSession() as http:
        for _ in range(int(LIMIT_S * 10)):
            with suppress(aiohttp.ClientError):
                async with http.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    last = (await answer.json())["faults"]
                    if (answer.status == HTTPStatus.OK) is wanted:
                        return dict((await answer.json())["faults"])
            await asyncio.sleep(0.1)
    raise AssertionError(f"still {last}")
