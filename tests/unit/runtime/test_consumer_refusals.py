"""What of Kafka's errors is a broker that is away, what ends a member? No Kafka is asked."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError

from minestream_runtime.errors import BrokerUnavailableError, MembershipLostError
from minestream_runtime.kafka import Consumer
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import INVENTORY

SESSION_S = 10.0


class Refused:
    """A consumer that is refused at instants of our choosing."""

    def __init__(self, consumer: Consumer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 1000.0
        self.new_members = 0
        self._exc: KafkaError = KafkaError("UnknownError()")
        self._consumer = consumer
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(consumer._client, "getmany", self._getmany)
        monkeypatch.setattr(consumer._client, "_coordinator", self)

    def reset_generation(self) -> None:
        self.new_members += 1

    async def after(self, seconds: float, exc: KafkaError | None = None) -> None:
        self.now_s += seconds
        self._exc = exc or KafkaError("UnknownError()")
        with self._monkeypatch.context() as patch:
            patch.setattr(asyncio.get_running_loop(), "time", lambda: self.now_s)
            await self._consumer.records()

    async def _getmany(self, **_: object) -> None:
        raise self._exc


@pytest.fixture(params=["group"])
async def refused(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Refused]:
    consumer = Consumer(Settings(), [INVENTORY], group=request.param, session_timeout_s=SESSION_S)
    yield Refused(consumer, monkeypatch)
    monkeypatch.undo()
    await consumer._client.stop()


async def test_one_that_is_refused_again_and_again_asks_as_new_and_then_ends(
    refused: Refused,
) -> None:
    for _ in range(4):
        with pytest.raises(BrokerUnavailableError):
            await refused.after(SESSION_S / 3)
    assert refused.new_members == 1
    with pytest.raises(MembershipLostError):
        await refused.after(SESSION_S)


async def test_refusals_that_are_hours_apart_end_nothing(refused: Refused) -> None:
    for _ in range(5):
        with pytest.raises(BrokerUnavailableError):
            await refused.after(3600)
    assert refused.new_members == 0


async def test_a_broker_that_is_away_refuses_nothing(refused: Refused) -> None:
    for _ in range(5):
        with pytest.raises(BrokerUnavailableError):
            await refused.after(SESSION_S, KafkaConnectionError())
    assert refused.new_members == 0


@pytest.mark.parametrize("refused", [None], indirect=True)
async def test_one_without_a_group_is_refused_by_none(refused: Refused) -> None:
    for _ in range(5):
        with pytest.raises(BrokerUnavailableError):
            await refused.after(SESSION_S)
    assert refused.new_members == 0


async def test_a_position_that_nobody_tells_is_a_broker_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def untold(_: TopicPartition) -> int:
        raise KafkaTimeoutError

    consumer = Consumer(Settings(), [INVENTORY])
    monkeypatch.setattr(consumer._client, "assignment", lambda: {TopicPartition(INVENTORY.name, 0)})
    monkeypatch.setattr(consumer._client, "position", untold)
    with pytest.raises(BrokerUnavailableError):
        await consumer.positions()
    monkeypatch.undo()
    await consumer._client.stop()
