"""A consumer on real Kafka whose group's changes go wrong: its reader hears of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.errors import KafkaError

from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import INVENTORY


class Owner:
    """Learns of partitions, and may fail at it."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.fault = fault
        self.owns = asyncio.Event()

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        if self.fault is not None:
            raise self.fault
        if partitions:
            self.owns.set()

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Nothing to let go of."""


@pytest.fixture
async def settings(
    kafka_bootstrap: str, namespace: str, make_topics: Callable[..., Awaitable[None]]
) -> Settings:
    await make_topics(INVENTORY)
    return Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)


async def read_on(consumer: Consumer) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await consumer.records(wait_s=0.1)
            except BrokerUnavailableError:
                await asyncio.sleep(0.1)


async def test_what_an_owner_raises_at_a_change_its_reader_hears(settings: Settings) -> None:
    owner = Owner(ValueError("an interval is above 0 s"))
    async with Consumer(settings, [INVENTORY], group="members", ownership=owner) as consumer:
        with pytest.raises(ValueError, match="interval"):
            await read_on(consumer)


async def test_a_membership_that_has_ended_is_no_broker_that_is_away(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner()
    async with Consumer(settings, [INVENTORY], group="members", ownership=owner) as consumer:
        async with asyncio.timeout(30):
            await owner.owns.wait()
        coordinator = consumer._client._coordinator

        def broken(_: object) -> None:
            raise AssertionError("not expected by the client")

        monkeypatch.setattr(coordinator, "_maybe_do_autocommit", broken)
        coordinator.coordinator_dead()
        with pytest.raises(KafkaError, match="coordination"):
            await read_on(consumer)
