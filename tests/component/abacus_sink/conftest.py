"""A running sink with the real SDK, real Kafka, and an emulated Abacus.AI to look into."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr
from tests.component.serving import serving

from abacus_sink.adapters.service import serve
from abacus_sink.settings import AbacusSettings
from minestream_emulators.beyond import beyond
from minestream_emulators.fleet import Fleet
from minestream_emulators.outside import Outside
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Troubles
from minestream_runtime.health import Health
from minestream_runtime.kafka import Consumer, Producer, Record, committed
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.event import Topic
from minestream_schemas.feature import FEATURE, Feature, FeatureGroup

LETTERS = dead_letter_topic("abacus-sink")
KEY = "demo-key"
Tell = Callable[..., Awaitable[None]]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


class Abacus:
    """The emulated service, seen through its back door."""

    def __init__(self, url: str, troubles: Troubles, http: aiohttp.ClientSession) -> None:
        self.url = url
        self.troubles = troubles
        self._http = http

    async def get(self, path: str) -> Any:
        async with self._http.get(f"{self.url}/{path}") as answer:
            return await answer.json()

    async def mishap(self, **what: Any) -> None:
        async with self._http.post(f"{self.url}/mishaps", json=what) as answer:
            assert answer.status == 201, await answer.text()

    async def heal(self) -> None:
        async with self._http.delete(f"{self.url}/mishaps") as answer:
            assert answer.status == 200

    async def rules(self, **what: Any) -> None:
        async with self._http.post(f"{self.url}/rules", json=what) as answer:
            assert answer.status == 200, await answer.text()

    async def rows(self, group: FeatureGroup = FeatureGroup.MINER_TELEMETRY) -> list[Any]:
        found = await self.get(f"rows?tableName={group.value}")
        return found if isinstance(found, list) else []

    async def tokens(self) -> list[str]:
        """The streaming tokens that it has given out."""
        headers = {"apiKey": KEY}
        async with self._http.get(
            f"{self.url}/api/v0/listStreamingTokens", headers=headers
        ) as answer:
            return [one["streamingToken"] for one in (await answer.json())["result"]]

    async def under_way(self, method: str) -> bool:
        """Has a mishap begun that was waiting for this call?"""
        return all(one["on"] != method for one in await self.get("mishaps"))

    async def calls(self, method: str) -> list[dict[str, Any]]:
        return [call for call in await self.get("calls") if call["method"] == method]

    async def has(
        self, count: int, group: FeatureGroup = FeatureGroup.MINER_TELEMETRY
    ) -> list[Any]:
        """The rows, once there are so many."""
        await until(lambda: self._at_least(count, group))
        return await self.rows(group)

    async def _at_least(self, count: int, group: FeatureGroup) -> bool:
        return len(await self.rows(group)) >= count


async def until(true: Callable[[], Awaitable[object]], *, within_s: float = 90) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while not await true():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.05)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with emulated_fleet(miners=1) as fleet:
        yield fleet


@pytest.fixture
async def abacus(fleet: Fleet) -> AsyncIterator[Abacus]:
    troubles = Troubles(time.monotonic)
    async with (
        beyond(Outside(fleet, troubles), "127.0.0.1", 0) as (host, port),
        aiohttp.ClientSession() as http,
    ):
        yield Abacus(f"http://{host}:{port}/abacus", troubles, http)


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, abacus: Abacus) -> AbacusSettings:
    return AbacusSettings(
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
        session_timeout_s=6,
        abacus_url=abacus.url,
        abacus_key=SecretStr(KEY),
        abacus_flush_s=0.2,
        abacus_timeout_s=20,
        abacus_retry_first_s=0.1,
        abacus_retry_most_s=0.5,
        abacus_refused_wait_s=0.5,
    )


@pytest.fixture
async def topics(make_topics: Callable[..., Awaitable[None]]) -> None:
    await make_topics(replace(FEATURE, partitions=2), LETTERS)


@pytest.fixture
async def tell(settings: AbacusSettings, topics: None) -> AsyncIterator[Tell]:  # noqa: ARG001 - made first
    """Publishes features, those with a context, and whatever else is given as bytes."""
    async with Producer(settings, deadline_s=60) as producer:

        async def told(*some: Feature | bytes | tuple[Feature, str]) -> None:
            await asyncio.gather(*map(send, some))

        async def send(one: Feature | bytes | tuple[Feature, str]) -> None:
            match one:
                case bytes():
                    await producer.send(FEATURE, key=b"k", value=one)
                case (event, traceparent):
                    headers = [("traceparent", traceparent.encode())]
                    await producer.publish(FEATURE, event, headers=headers)
                case Feature():
                    await producer.publish(FEATURE, one)

        yield told


sink = partial(serving, serve)
"""The whole service, in this process, until the block ends."""


async def letters(settings: AbacusSettings, count: int, topic: Topic = LETTERS) -> list[Record]:
    """The records of a topic, once there are so many."""
    found: list[Record] = []
    async with asyncio.timeout(60), Consumer(settings, [topic]) as consumer:
        while len(found) < count:
            found += await consumer.records(wait_s=0.2)
    return found


def environment(settings: AbacusSettings) -> dict[str, str]:
    """The same settings for a process of its own."""
    said = settings.model_dump(exclude_none=True, exclude={"database_url", "abacus_key"})
    return {f"MINESTREAM_{name.upper()}": str(value) for name, value in said.items()} | {
        "MINESTREAM_ABACUS_KEY": KEY
    }


async def told_all(settings: AbacusSettings, count: int) -> bool:
    """Has the group committed so many records?"""
    return sum((await committed(settings, "abacus-sink", FEATURE)).values()) == count


async def said(health: Health, what: str | None) -> bool:
    """Does the note on the service begin so?"""
    note = health.remarks().get("abacus")
    return note is None if what is None else (note or "").startswith(what)


async def ready(health: Health) -> bool:
    """Has the service no fault of its own?"""
    return health.faults() == {}
