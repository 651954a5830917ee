"""Sends that cannot fail in silence, straight to Kafka's producer and past Faust's wrapping.

Faust sends an output in nine steps, a changelog in a task of its own that nobody awaits, and of a
send that failed it only writes a line before it commits the input (reproduced with an oversized
output). Ours takes one step, 15 µs in place of 50. What holds it together: it is the very
producer that Faust waits for, empty, before it commits; and a send that fails ends the process
in the same turn of the loop, before that wait is over.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from faust.transport.drivers import aiokafka as driver

from minestream_runtime.kafka.partitions import partition_of
from minestream_runtime.kafka.producer import key_of
from minestream_schemas.event import Event, Topic
from processor.adapters.exits import EXIT_FAULT, exit_now

Headers = Sequence[tuple[str, bytes]]
_FRAME_BYTES: Final = 1024
"""What Kafka adds around a record of a topic's largest size."""


@lru_cache(maxsize=262_144)
def owner_of(key: bytes, count: int) -> int:
    """As ``partition_of``, remembering its answers: murmur2 in Python costs 8 µs."""
    return partition_of(key, count)


def partition_by_key(key: bytes | None, everything: list[int], available: list[int]) -> int:
    """Java's partitioner, for Faust's producer.

    Args:
        key: the record's.
        everything: all partitions of the topic.
        available: those that have a leader; a record without key goes to the first.
    """
    if key is None:
        return (available or everything)[0]
    return everything[owner_of(key, len(everything))]


class StrictProducer(driver.Producer):
    """Faust's producer, idempotent, and a way into it whose failure ends the process."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._entering = asyncio.Lock()

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def put(
        self,
        topic: str,
        *,
        key: bytes,
        value: bytes,
        headers: Headers = (),
        partition: int | None = None,
        delivered: Callable[[Any], None] | None = None,
    ) -> None:
        """Hand one record to Kafka's producer; its acknowledgement is waited for by ``flush``.

        Args:
            topic: its name on the broker.
            key: decides the partition where none is given.
            value: the record's.
            headers: names and values.
            partition: where to; None: as the key says.
            delivered: told of the acknowledgement.
        """
        try:
            async with self._entering:  # else a send may overtake one that waits for room
                delivery = await self._ensure_producer().send(
                    topic, value, key=key, partition=partition, headers=list(headers)
                )
        except Exception as exc:  # noqa: BLE001 - what this came from must not be committed
            exit_now(EXIT_FAULT, "send_failed", error_type=type(exc).__name__, error=str(exc))
        delivery.add_done_callback(partial(_settled, delivered))


def producer_of(app: Any) -> Callable[[], StrictProducer]:
    """Gives a fenced app's producer, which exists only once the app has started."""
    return lambda: app.producer


def _settled(delivered: Callable[[Any], None] | None, delivery: "asyncio.Future[Any]") -> None:
    exc = asyncio.CancelledError() if delivery.cancelled() else delivery.exception()
    if exc is not None:
        exit_now(EXIT_FAULT, "send_failed", error_type=type(exc).__name__, error=str(exc))
    if delivered is not None:
        delivered(delivery.result())


class Outputs:
    """Sends events; Faust waits for all of them before it commits their input."""

    def __init__(self, producer: Callable[[], StrictProducer], namespace: str) -> None:
        self._producer = producer
        self._namespace = namespace
        self._names: dict[str, str] = {}

    async def send(self, topic: Topic, event: Event, headers: Headers = ()) -> None:
        """Hand one event to the producer.

        Raises:
            ValueError: when it is larger than its topic allows.
        """
        value = event.to_json()
        if len(value) > topic.max_message_bytes - _FRAME_BYTES:
            raise ValueError(f"{topic.name}: an event of {len(value)} bytes is too large")
        name = self._names.get(topic.name)
        if name is None:
            name = self._names[topic.name] = topic.named(self._namespace)
        await self._producer().put(name, key=key_of(topic, event), value=value, headers=headers)

    async def send_all(self, topic: Topic, events: Iterable[Event], headers: Headers = ()) -> None:
        """Hand several events to the producer; see ``send``."""
        for event in events:
            await self.send(topic, event, headers)
