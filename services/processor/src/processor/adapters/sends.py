"""No send of Faust's fails in silence: a failed one ends the process before its input commits.

Faust only logs a send that failed and commits its input (reproduced with an oversized output).
"""

from collections.abc import Awaitable, Mapping
from functools import lru_cache
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver

from minestream_runtime.kafka.partitions import partition_of
from processor.adapters.exits import EXIT_FAULT, exit_now


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


class SendSensor(faust.Sensor):
    """Hears of every send that Kafka refused, outputs and changelogs alike."""

    def on_send_error(self, producer: Any, exc: BaseException, state: Any) -> None:
        """End the process: what this send came from must not be committed."""
        del producer, state
        exit_now(EXIT_FAULT, "send_failed", error_type=type(exc).__name__, error=str(exc))


class StrictProducer(driver.Producer):
    """Faust's producer, idempotent, which cannot lose a changelog record unseen."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def send(self, topic: str, *args: Any, **kwargs: Any) -> Awaitable[Any]:
        """Send one record, see ``driver.Producer``.

        A changelog is sent by a task of Faust's own, whose end nobody awaits: where the record is
        refused at once (too large) no sensor hears of it, so the process ends here.
        """
        try:
            return await super().send(topic, *args, **kwargs)
        except Exception as exc:
            if topic in self.app.tables.changelog_topics:
                exit_now(EXIT_FAULT, "changelog_refused", error=str(exc))
            raise
