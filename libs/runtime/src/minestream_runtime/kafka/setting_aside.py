"""Sets records aside on a service's dead-letter topic, untouched, with the reason in headers."""

from datetime import datetime
from typing import Final

import structlog
from pydantic import ValidationError

from minestream_runtime.errors import DeadLetterLimitError
from minestream_runtime.kafka.consumer import Record
from minestream_runtime.kafka.producer import Producer
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import DeadLetterHeader, DeadLetterKind, dead_letter_topic

_SHOWN: Final = 3
_REASON_CHARACTERS: Final = 1000


class SettingAside:
    """The dead letters of one service that keeps no rows of them itself.

    Killed between letter and commit, it sets the record aside again: twice on the topic, never
    nowhere.

    Args:
        producer: where to.
        service: whose.
        bug_limit: so many records at which our own code failed stop the service.
    """

    def __init__(self, producer: Producer, *, service: str, bug_limit: int = 100) -> None:
        self._producer = producer
        self._topic = dead_letter_topic(service)
        self._bug_limit = bug_limit
        self._bugs = 0
        self._log = structlog.get_logger()

    async def publish(
        self, record: Record, kind: DeadLetterKind, reason: str, *, at: datetime
    ) -> None:
        """Set one record aside; it must not be passed over before this has returned.

        Args:
            record: as it came.
            kind: why, in a word.
            reason: why, for people; without the record's own contents.
            at: now.

        Raises:
            BrokerUnavailableError: not acknowledged. Try again.
            RecordTooLargeError: it is larger than any record that we read.
            DeadLetterLimitError: our own code has failed at too many records.
        """
        place = record.partition
        said = {
            DeadLetterHeader.TOPIC: place.topic,
            DeadLetterHeader.PARTITION: str(place.number),
            DeadLetterHeader.OFFSET: str(record.offset),
            DeadLetterHeader.KIND: kind.value,
            DeadLetterHeader.REASON: reason[:_REASON_CHARACTERS],
            DeadLetterHeader.AT: at.isoformat(),
        }
        # plain strings: Kafka's client takes no other
        ours = [(name.value, text.encode("utf-8", "replace")) for name, text in said.items()]
        # a record without key and value is possible, but this client does not send it
        value = b"" if record.key is None and record.value is None else record.value
        await self._producer.send(
            self._topic, key=record.key, value=value, headers=[*record.headers.items(), *ours]
        )
        counter("minestream_dead_letters_total").labels(kind).inc()
        self._log.warning(
            "dead_letter",
            kind=kind.value,
            reason=reason[:_REASON_CHARACTERS],
            topic=place.topic,
            partition=place.number,
            offset=record.offset,
        )
        self._bugs += kind is DeadLetterKind.BUG
        if self._bugs >= self._bug_limit:
            raise DeadLetterLimitError(f"our own code failed at {self._bugs} records")


def what_is_wrong(exc: ValidationError) -> str:
    """What no schema accepts of a record and where, without the record's own contents."""
    faults = exc.errors(include_input=False, include_url=False, include_context=False)
    shown = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'value'}: {fault['msg']}"
        for fault in faults[:_SHOWN]
    ]
    rest = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more" if rest else "")
