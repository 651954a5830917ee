"""Publishes an upload's events: in order for each key, and with a word on each of them."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal

from opentelemetry.trace import SpanKind

from api_gateway.adapters.collector.items import Message
from minestream_runtime import semconv, traces
from minestream_runtime.errors import BrokerUnavailableError, RecordTooLargeError
from minestream_runtime.kafka import Producer

Fate = Literal["published", "too_large", "waiting"]
AT_ONCE: Final = 500


async def publish(producer: Producer, messages: Sequence[Message]) -> list[Fate]:
    """Send events and wait for their acknowledgements; what became of each, in their order.

    Those of one slice begin together with one client of Kafka, which keeps their order or refuses
    them all; after a slice with a failure none is begun. So no event overtakes an earlier one of
    its key that must be sent again.

    Args:
        producer: to Kafka.
        messages: in the order of the upload.
    """
    fates: list[Fate] = []
    for start in range(0, len(messages), AT_ONCE):
        sends = [_send(producer, message) for message in messages[start : start + AT_ONCE]]
        fates += await asyncio.gather(*sends)
        if "waiting" in fates:
            break
    return fates + ["waiting"] * (len(messages) - len(fates))


async def _send(producer: Producer, message: Message) -> Fate:
    parent = traces.sampled(message.headers)
    try:
        if parent is None:
            await producer.send(
                message.topic, key=message.key, value=message.value, headers=message.headers
            )
            return "published"
        with traces.child(
            f"upload {message.topic.name}",
            parent,
            kind=SpanKind.PRODUCER,
            attributes={
                semconv.EVENT_ID: message.event_id,
                semconv.MINER_ID: message.owned,
                semconv.MESSAGING_DESTINATION: message.topic.name,
                semconv.MESSAGING_SYSTEM: "kafka",
            },
        ) as span:
            await producer.send(
                message.topic,
                key=message.key,
                value=message.value,
                headers=traces.headers_of(span),
            )
    except BrokerUnavailableError:
        return "waiting"
    except RecordTooLargeError:
        return "too_large"
    return "published"
