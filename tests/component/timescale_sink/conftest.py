"""A running sink, a producer, and the database as an operator sees it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg.rows import dict_row
from pydantic import SecretStr

from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_schemas.event import Event, Topic
from timescale_sink.adapters.service import serve
from timescale_sink.adapters.sink import TOPICS
from timescale_sink.settings import SinkSettings

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]
Tell = Callable[..., Awaitable[None]]
Eventually = Callable[..., Awaitable[list[dict[str, Any]]]]


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
    async with Producer(settings) as producer:
        yield producer


@pytest.fixture
def tell(producer: Producer) -> Tell:
    """Publishes events of one topic, in their order."""

    async def told(topic: Topic, *events: Event) -> None:
        await asyncio.gather(*(producer.publish(topic, event) for event in events))

    return told


@pytest.fixture
async def ask(database_url: str) -> AsyncIterator[Ask]:
    """Runs one query as an operator and gives its rows."""
    async with await psycopg.AsyncConnection.connect(
        database_url, autocommit=True, row_factory=dict_row
    ) as connection:
        await connection.execute("SET timezone TO 'UTC'")

        async def asked(query: str, *args: object) -> list[dict[str, Any]]:
            cursor = await connection.execute(query.encode(), args or None)
            return await cursor.fetchall() if cursor.description else []

        yield asked


@pytest.fixture
def eventually(ask: Ask) -> Eventually:
    """Asks until the answer satisfies, for at most half a minute."""

    async def asked(
        query: str, *args: object, until: Callable[[list[dict[str, Any]]], bool] = bool
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for _ in range(300):
            rows = await ask(query, *args)
            if until(rows):
                return rows
            await asyncio.sleep(0.1)
        raise AssertionError(f"still {rows[:5]} ({len(rows)} rows) from {query}")

    return asked


@asynccontextmanager
async def sink(settings: SinkSettings, **more: Any) -> AsyncIterator[Health]:
    """The whole service, in this process, until the block ends."""
    health = Health()
    task = asyncio.ensure_future(serve(settings, health, **more))
    try:
        yield health
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
async def running(settings: SinkSettings, topics: None) -> AsyncIterator[Health]:  # noqa: ARG001 - made first
    async with sink(settings) as health:
        yield health


async def becomes(health: Health, *, ready: bool) -> dict[str, str]:
    """Its faults, once it is ready or not, or after 20 s."""
    for _ in range(200):
        if (health.faults() == {}) is ready:
            break
        await asyncio.sleep(0.1)
    return health.faults()


class Switch:
    """Cuts and mends the connections that run through a relay."""

    def __init__(self) -> None:
        self._open: set[asyncio.StreamWriter] = set()
        self._whole = True

    def cut(self) -> None:
        """Break all connections and refuse new ones."""
        self._whole = False
        for writer in self._open:
            writer.transport.abort()

    def mend(self) -> None:
        """Let new connections through."""
        self._whole = True

    async def join(
        self, near: tuple[asyncio.StreamReader, asyncio.StreamWriter], host: str, port: int
    ) -> None:
        """Carry one connection, both ways, until either side ends it."""
        if not self._whole:
            near[1].transport.abort()
            return
        far = await asyncio.open_connection(host, port)
        self._open |= {near[1], far[1]}
        await asyncio.gather(_carry(near[0], far[1]), _carry(far[0], near[1]))
        self._open -= {near[1], far[1]}


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def relay(url: str) -> AsyncIterator[tuple[str, Switch]]:
    """A way to the database that can be cut: its address and the switch."""
    parts = urlsplit(url)
    switch = Switch()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await switch.join((reader, writer), parts.hostname or "127.0.0.1", parts.port or 5432)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login = parts.netloc.rpartition("@")[0]
    try:
        yield urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}")), switch
    finally:
        switch.cut()
        server.close()
        await asyncio.sleep(0.1)
