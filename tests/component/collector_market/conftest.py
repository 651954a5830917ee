"""A namespace on Kafka, a market collector, and the markets that it asks."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.component.collector_market.market_line import MarketLine, Markets, emulated_markets

from minestream_runtime.settings import Settings
from minestream_schemas.gap import GAP
from minestream_schemas.market import RAW_MARKET


@pytest.fixture
async def line(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> AsyncIterator[MarketLine]:
    """A namespace with the collector's topics; whatever was started in it is ended."""
    await make_topics(RAW_MARKET, GAP)
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    this = MarketLine(settings, tmp_path, key="")
    yield this
    this.end()


@pytest.fixture
async def markets() -> AsyncIterator[Markets]:
    """Markets of this test's own."""
    async with emulated_markets() as this:
        yield this
