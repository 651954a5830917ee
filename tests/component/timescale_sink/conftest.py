"""A running sink, a producer, and the database as an operator sees it."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from pydantic import SecretStr
from tests.component.serving import serving

from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from timescale_sink.adapters.service import serve
from timescale_sink.adapters.sink import TOPICS
from timescale_sink.settings import SinkSettings


@pytest.fixture
def settings(kafka_bootstrap: str, namespace: str, database_url: str) -> SinkSettings:
    return SinkSettings(
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
        database_url=SecretStr(database_url),
        session_timeout_s=6,
        maintenance_every_s=0.5,
        window_s=10,
        settle_s=3600,
    )


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """A database without any migration."""
    name = f"test_{secrets.token_hex(5)}"
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
        yield urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
async def topics(make_topics: Callable[..., Awaitable[None]]) -> None:
    """All topics, with few partitions: they are there sooner."""
    await make_topics(*(replace(topic, partitions=2) for topic in TOPICS))


@pytest.fixture
async def producer(settings: SinkSettings, topics: None) -> AsyncIterator[Producer]:  # noqa: ARG001 - made first
    async with Producer(settings, deadline_s=60) as producer:
        yield producer


sink = partial(serving, serve)
"""The whole service, in this process, until the block ends."""


@pytest.fixture
async def running(settings: SinkSettings, topics: None) -> AsyncIterator[Health]:  # noqa: ARG001 - made first
    async with sink(settings) as health:
        yield health
