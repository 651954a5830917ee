"""A running alerter, the people it tells, a producer, and the database as an operator sees it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr
from tests.component.serving import serving

from alerter.adapters.service import serve
from alerter.settings import AlerterSettings
from minestream_emulators.inbox.site import SECRET, Inbox
from minestream_emulators.troubles import Troubles
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_schemas.alert import ALERT
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.telemetry import TELEMETRY


@dataclass
class People:
    """Who is told: a real web hook and a real mail server."""

    hook: str
    smtp_host: str
    smtp_port: int
    troubles: Troubles
    http: aiohttp.ClientSession

    @property
    def smtp(self) -> str:
        return f"smtp://{self.smtp_host}:{self.smtp_port}"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "MINESTREAM_WEBHOOK_URL": self.hook,
            "MINESTREAM_WEBHOOK_SECRET": SECRET,
            "MINESTREAM_SMTP_URL": self.smtp,
            "MINESTREAM_MAIL_FROM": "minestream@farm.invalid",
            "MINESTREAM_MAIL_TO": "ops@farm.invalid, boss@farm.invalid",
        }

    async def read(self, channel: str | None = None) -> list[dict[str, Any]]:
        """All messages, or those of one channel."""
        url = self.hook.replace("/hook", "/messages")
        async with self.http.get(url, params={"channel": channel} if channel else {}) as said:
            found: list[dict[str, Any]] = (await said.json())["messages"]
            return found

    async def told(
        self, channel: str | None, until: Callable[[list[dict[str, Any]]], bool] = bool
    ) -> list[dict[str, Any]]:
        """The messages, once they satisfy, for at most two minutes."""
        found: list[dict[str, Any]] = []
        for _ in range(2400):
            found = await self.read(channel)
            if until(found):
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(f"still {[(each['channel'], each['title']) for each in found]}")


@pytest.fixture
async def people() -> AsyncIterator[People]:
    troubles = Troubles(asyncio.get_running_loop().time)
    root = web.Application()
    root.add_subapp("/inbox", Inbox(troubles, "127.0.0.1", 0).application())
    runner = web.AppRunner(root, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession() as http:
        base = f"http://{host}:{port}/inbox"
        async with http.get(f"{base}/where") as said:
            mail = await said.json()
        yield People(f"{base}/hook", mail["host"], mail["port"], troubles, http)
    await runner.cleanup()


@pytest.fixture
def settings(
    kafka_bootstrap: str, namespace: str, database_url: str, people: People
) -> AlerterSettings:
    return AlerterSettings(
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
        database_url=SecretStr(database_url),
        session_timeout_s=6,
        retire_after_s=86_400,  # nobody is in the inventory here
        notify_poll_s=0.1,
        notify_most_s=0.5,
        webhook_url=SecretStr(people.hook),
        webhook_secret=SecretStr(SECRET),
        smtp_url=SecretStr(people.smtp),
        mail_from="minestream@farm.invalid",
        mail_to="ops@farm.invalid, boss@farm.invalid",
    )


@pytest.fixture
def partitions() -> int:
    """One, so that whoever is silent has company; a test may ask for more."""
    return 1


@pytest.fixture
async def topics(make_topics: Callable[..., Awaitable[None]], partitions: int) -> None:
    """All topics that an alerter needs."""
    wanted = TELEMETRY, ALERT, dead_letter_topic("alerter")
    await make_topics(*(replace(topic, partitions=partitions) for topic in wanted))


@pytest.fixture
async def producer(settings: AlerterSettings, topics: None) -> AsyncIterator[Producer]:  # noqa: ARG001 - made first
    async with Producer(settings, deadline_s=60) as producer:
        yield producer


alerter = partial(serving, serve)
"""The whole service, in this process, until the block ends."""


@pytest.fixture
async def running(settings: AlerterSettings, topics: None) -> AsyncIterator[Health]:  # noqa: ARG001 - made first
    async with alerter(settings) as health:
        yield health
