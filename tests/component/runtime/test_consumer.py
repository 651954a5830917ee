"""A consumer on real Kafka whose group's changes go wrong: its reader hears of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.errors import KafkaError

from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
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


@pytest.mark.soak  # Kafka 4.3 now and then answers both with UNKNOWN_SERVER_ERROR, for minutes
async def test_two_processes_of_one_instance_are_found_out(settings: Settings) -> None:
    owners = Owner(), Owner()
    async with (
        Consumer(settings, [INVENTORY], group="members", ownership=owners[0]) as one,
        Consumer(settings, [INVENTORY], group="members", ownership=owners[1]) as other,
    ):
        reading = [asyncio.ensure_future(read_on(each)) for each in (one, other)]
        ended, others = await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
        for still in others:
            still.cancel()
        with pytest.raises(ConfigurationError, match="MINESTREAM_INSTANCE=0"):
            await ended.pop()


async def test_members_that_come_and_go_are_no_twins(settings: Settings) -> None:
    owner = Owner()
    async with Consumer(settings, [INVENTORY], group="members", ownership=owner) as consumer:
        reading = asyncio.ensure_future(read_on(consumer))
        for instance in "123":
            other = Owner()
            theirs = settings.model_copy(update={"instance": instance})
            async with (
                asyncio.timeout(30),
                Consumer(theirs, [INVENTORY], group="members", ownership=other) as come,
            ):
                while not other.owns.is_set():
                    await come.records(wait_s=0.1)
        assert not reading.done()
        reading.cancel()
