"""A consumer on real Kafka whose group's changes go wrong: its reader hears of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiokafka.errors import KafkaError

from minestream_runtime.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    MembershipLostError,
)
from minestream_runtime.kafka import Consumer, Partition, Producer
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
    async with asyncio.timeout(90):
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
        async with asyncio.timeout(90):
            await owner.owns.wait()
        coordinator = consumer._client._coordinator

        def broken(_: object) -> None:
            raise AssertionError("not expected by the client")

        monkeypatch.setattr(coordinator, "_maybe_do_autocommit", broken)
        coordinator.coordinator_dead()
        with pytest.raises(KafkaError, match="coordination"):
            await read_on(consumer)


async def _heart_fails_once(consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One heartbeat is answered with an error that aiokafka does not know."""
    coordinator = consumer._client._coordinator
    beat, failed = coordinator._do_heartbeat, asyncio.Event()

    async def failing() -> bool:
        if failed.is_set():
            return bool(await beat())
        failed.set()
        raise KafkaError("Unexpected exception in heartbeat task: UnknownError()")

    monkeypatch.setattr(coordinator, "_do_heartbeat", failing)
    await failed.wait()


async def test_a_member_that_its_group_refuses_joins_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner()
    async with Consumer(
        settings, [INVENTORY], group="members", ownership=owner, session_timeout_s=6
    ) as consumer:
        reading = asyncio.ensure_future(read_on(consumer))
        async with asyncio.timeout(90):
            await owner.owns.wait()
            owner.owns.clear()
            await _heart_fails_once(consumer, monkeypatch)
            await owner.owns.wait()
        assert not reading.done()
        reading.cancel()


async def test_a_member_that_its_group_goes_on_refusing_ends(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = Owner()
    async with Consumer(
        settings, [INVENTORY], group="members", ownership=owner, session_timeout_s=6
    ) as consumer:
        reading = asyncio.ensure_future(read_on(consumer))
        async with asyncio.timeout(90):
            await owner.owns.wait()
        coordinator = consumer._client._coordinator
        monkeypatch.setattr(consumer, "_session_s", 1.0)
        monkeypatch.setattr(coordinator, "reset_generation", lambda: None)
        coordinator.member_id = "somebody-else"
        coordinator.request_rejoin()
        with pytest.raises(MembershipLostError, match="members has refused us"):
            await asyncio.wait_for(reading, 60)


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
                asyncio.timeout(90),
                Consumer(theirs, [INVENTORY], group="members", ownership=other) as come,
            ):
                while not other.owns.is_set():
                    await come.records(wait_s=0.1)
        assert not reading.done()
        reading.cancel()


async def test_whoever_reads_a_long_backlog_leaves_others_their_turns(settings: Settings) -> None:
    async with Producer(settings, deadline_s=60) as producer:
        await asyncio.gather(
            *(producer.send(INVENTORY, key=b"target-1", value=b"{}") for _ in range(300))
        )
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with (
        Consumer(settings, [INVENTORY]) as consumer,
        asyncio.timeout(90),
        asyncio.TaskGroup() as tasks,
    ):
        while not await consumer.records(most=1):
            pass
        beside = tasks.create_task(others())
        for _ in range(200):  # of what has been fetched already
            assert len(await consumer.records(most=1)) == 1
        beside.cancel()
    assert turns > 100
