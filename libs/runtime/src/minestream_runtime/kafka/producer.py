"""Sends records so that none fails in silence: idempotent, acknowledged by all, order per key."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from itertools import chain
from typing import Any, Final, Self

import structlog
from aiokafka import AIOKafkaProducer, errors
from prometheus_client import Counter

from minestream_runtime.errors import BrokerUnavailableError, RecordTooLargeError
from minestream_runtime.metrics import counter
from minestream_runtime.settings import Settings
from minestream_schemas.event import Event, Topic
from minestream_schemas.topics import TOPICS

Headers = Sequence[tuple[str, bytes]]
_LARGEST: Final = max(topic.max_message_bytes for topic in TOPICS)
_TOO_LARGE: Final = (
    errors.MessageSizeTooLargeError,
    errors.RecordTooLargeError,
    errors.RecordListTooLargeError,
)


@cache
def _published(topic: str) -> Counter:
    return counter("minestream_events_published_total").labels(topic)


def key_of(topic: Topic, event: Event) -> bytes:
    """The record key that the topic's registration asks for."""
    return str(getattr(event, topic.key)).encode()


class Producer:
    """A producer that outlives its broker: after a fault it is built anew at the next send.

    An idempotent producer that has lost its place (``OutOfOrderSequenceNumber``, or a delivery
    that timed out) refuses everything from then on (aiokafka #1017), so it is thrown away. What
    it had not delivered is the caller's to send again: with the same event ids, so a record that
    arrived after all is a repeat and not a double.

    Args:
        settings: where Kafka is.
        deadline_s: for each acknowledgement.
        linger_ms: how far requests are apart; what comes between them goes together.
    """

    def __init__(
        self, settings: Settings, *, deadline_s: float = 10.0, linger_ms: int = 20
    ) -> None:
        self._settings = settings
        self._deadline_s = deadline_s
        self._linger_ms = linger_ms
        self._client: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._entering: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._log = structlog.get_logger()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        async with self._starting:  # one that is being started is ours to stop too
            await self._discard(self._client)

    async def publish(self, topic: Topic, event: Event, *, headers: Headers = ()) -> None:
        """Send an event and wait for its acknowledgement; see ``send``."""
        await self.send(topic, key=key_of(topic, event), value=event.to_json(), headers=headers)

    async def send(
        self,
        topic: Topic,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> None:
        """Send one record and wait until all in-sync replicas have it.

        Concurrent sends share batches and keep their order; await them together for throughput.

        Args:
            topic: where to; the namespace is ours to add.
            key: decides the partition (Java's murmur2).
            value: None is a tombstone.
            headers: names and values.

        Raises:
            BrokerUnavailableError: not acknowledged in time. Send it again.
            RecordTooLargeError: it never will be.
        """
        if value is not None and len(value) > topic.max_message_bytes:
            raise RecordTooLargeError(
                f"{topic.name}: {len(value)} bytes, {topic.max_message_bytes} allowed"
            )
        client = None
        try:
            async with asyncio.timeout(self._deadline_s):
                client = self._client or await self._started()
                # first come, first in: aiokafka lets sends overtake those that wait for metadata
                async with self._entering[topic.name]:
                    delivery = await client.send(
                        topic.named(self._settings.topic_namespace),
                        value,
                        key=key,
                        headers=list(headers),
                    )
                await delivery
        except _TOO_LARGE as exc:
            raise RecordTooLargeError(f"{topic.name}: {exc}") from exc
        except (TimeoutError, errors.KafkaError, OSError) as exc:
            await self._discard(client)
            raise BrokerUnavailableError(f"{topic.name}: {type(exc).__name__}") from exc
        _published(topic.name).inc()

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._client is None:
                client = AIOKafkaProducer(
                    bootstrap_servers=self._settings.kafka_bootstrap,
                    enable_idempotence=True,
                    acks="all",
                    compression_type="lz4",
                    linger_ms=self._linger_ms,
                    max_batch_size=256 * 1024,
                    max_request_size=_LARGEST + 64 * 1024,
                    request_timeout_ms=int(self._deadline_s * 1000),
                    client_id=f"{self._settings.topic_namespace}-{self._settings.instance}",
                )
                try:
                    await client.start()
                except BaseException:
                    with suppress(Exception):
                        await client.stop()
                    raise
                self._client = client
            return self._client

    async def _discard(self, client: Any) -> None:
        stale: Any = self._client
        if stale is None or stale is not client:
            return
        self._client = None
        try:
            async with asyncio.timeout(2):
                await stale.stop()
        except Exception as exc:  # noqa: BLE001 - it is thrown away because it is broken
            self._log.debug("producer_discarded", error_type=type(exc).__name__)
            with suppress(Exception):  # its stop waits for batches that nobody will ever take
                await stale._sender.close()  # noqa: SLF001 - no public way
                _forget_batches(stale._message_accumulator)  # noqa: SLF001
            await stale.client.close()


def _forget_batches(accumulator: Any) -> None:
    """Let whoever waits for the batches go: else Python finds it waiting for ever, and says so."""
    queued = accumulator._batches.values()  # noqa: SLF001 - no public way
    for batch in (*chain.from_iterable(queued), *accumulator._pending_batches):  # noqa: SLF001
        batch.future.cancel()
