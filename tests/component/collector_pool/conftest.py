"""A namespace on Kafka with pool collectors behind it, and the pool."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.component.collector_pool.crossbar import Crossbar, crossbar_pool, installed
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
    async with this.stack:
        yield this
        await this.end()


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    """The emulated pool."""
    async with emulated_pool() as this:
        yield this


@pytest.fixture(scope="session")
def crossbar(tmp_path_factory: pytest.TempPathFactory) -> Crossbar:
    """Crossbar.io in a virtual environment of its own."""
    return installed(tmp_path_factory.mktemp("crossbar"))


@pytest.fixture(params=["ours", pytest.param("crossbar", marks=pytest.mark.soak)])
async def feed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pool]:
    """The pool behind our own router, and behind the real Crossbar.io."""
    if request.param == "ours":
        async with emulated_pool() as this:
            yield this
    else:
        async with crossbar_pool(request.getfixturevalue("crossbar"), tmp_path) as this:
            yield this
