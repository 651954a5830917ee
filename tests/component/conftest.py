"""Whoever publishes, and the database as an operator sees it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from minestream_runtime.kafka import Producer
from minestream_schemas.event import Event, Topic

Ask = Callable[..., Awaitable[list[dict[str, Any]]]]
Tell = Callable[..., Awaitable[None]]
Eventually = Callable[..., Awaitable[list[dict[str, Any]]]]


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
    """Asks until the answer satisfies, for at most two minutes."""

    async def asked(
        query: str, *args: object, until: Callable[[list[dict[str, Any]]], bool] = bool
    ) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        for _ in range(2400):
            rows = await ask(query, *args)
            if until(rows):
                return rows
            await asyncio.sleep(0.05)
        raise AssertionError(f"still {rows[:5]} ({len(rows)} rows) from {query}")

    return asked
