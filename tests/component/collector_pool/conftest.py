"""A namespace on Kafka with pool collectors behind it, and the pool."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.component.collector_pool.pool_world import Line, Pool, emulated_pool

from minestream_runtime.settings import Settings
from minestream_schemas.gap import GAP
from minestream_schemas.pool import RAW_POOL


@pytest.fixture
async def line(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> AsyncIterator[Line]:
    """The collector's topics; whatever was started is ended."""
    await make_topics(RAW_POOL, GAP)
    this = Line(Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace), tmp_path)
    yield this
    this.end()


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """The emulated pool."""
    async with emulated_pool() as this:
        yield this
