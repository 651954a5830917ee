"""A namespace on Kafka with collectors behind it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

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
    await make_topics(INVENTORY, RAW_MINER, GAP, DETECTED)
    settings = Settings(
        kafka_bootstrap=kafka_bootstrap,
        topic_namespace=namespace,
    )
    this = Line(settings, tmp_path, Fernet.generate_key().decode())
    yield this
    this.end()


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Kafka that a test may stop."""
    from minestream_devstack.kafka import KafkaServer  # noqa: PLC0415 - slow to import

    server = KafkaServer(tmp_path_factory.mktemp("kafka"), preferred_port=0)
    server.prepare()
    server.start()
    yield server
    server.kill()
