"""A namespace on Kafka with TCP collectors behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from tests.component.collector_vnish.line import Line

from minestream_runtime.settings import Settings
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED, INVENTORY
from minestream_schemas.raw import RAW_MINER


@pytest.fixture
async def line(
    kafka_bootstrap: str,
    namespace: str,
    make_topics: Callable[..., Awaitable[None]],
    tmp_path: Path,
) -> AsyncIterator[Line]:
    """A namespace with the collector's topics; whatever was started in it is ended."""
    await make_topics(INVENTORY, DETECTED, RAW_MINER, GAP)
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    this = Line(settings, tmp_path, Fernet.generate_key().decode(), module="collector_cgminer")
    yield this
    this.end()
