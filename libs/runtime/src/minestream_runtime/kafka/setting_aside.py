"""Sets records aside on a service's dead-letter topic, untouched, with the reason in headers."""

import asyncio
from datetime import datetime
from typing import Final

import structlog
from pydantic import ValidationError

from minestream_runtime import traces
from minestream_runtime.errors import DeadLetterLimitError, RecordTooLargeError
from minestream_runtime.kafka.consumer import Record
from minestream_runtime.kafka.producer import Producer
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import (
    DeadLetterKind,
    Fault,
    dead_letter_headers,
    dead_letter_topic,
)

Refused = list[tuple[Record, Fault]]
_AT_ONCE: Final = 500
_SHOWN: Final = 3
_REASON_CHARACTERS: Final = 1000


class SettingAside:
    """The dead letters of one service.

    First the letters, then the offset: killed in between, a service reads the record again and
    sets it aside again: twice on the topic at worst, never nowhere.

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

    async def publish(self, refused: Refused, *, at: datetime) -> None:
        """Set records aside; none must be passed over before this has returned.

        A record that is larger than any letter may be is passed over with a line in the log.

        Args:
            refused: the records as they came, and why.
            at: now.

        Raises:
            BrokerUnavailableError: not all were acknowledged. Try again.
        """
        for start in range(0, len(refused), _AT_ONCE):
            await asyncio.gather(
                *(self._send(*one, at) for one in refused[start : start + _AT_ONCE])
            )

    def count(self, refused: Refused) -> None:
        """Note what has been set aside for good.

        Raises:
            DeadLetterLimitError: our own code has failed at too many records.
        """
        for record, fault in refused:
            counter("minestream_dead_letters_total").labels(fault.kind).inc()
            self._log.warning(
                "dead_letter",
                kind=fault.kind.value,
                reason=fault.reason[:_REASON_CHARACTERS],
                topic=record.partition.topic,
                partition=record.partition.number,
                offset=record.offset,
            )
            self._bugs += fault.kind is DeadLetterKind.BUG
        if self._bugs >= self._bug_limit:
            raise DeadLetterLimitError(f"our own code failed at {self._bugs} records")

    async def _send(self, record: Record, fault: Fault, at: datetime) -> None:
        place = record.partition
        ours = dead_letter_headers(
            topic=place.topic,
            partition=place.number,
            offset=record.offset,
            kind=fault.kind.value,
            reason=fault.reason[:_REASON_CHARACTERS],
            at=at,
        )
        try:
            await self._producer.send(
                self._topic,
                key=record.key,
                # a record without either is possible, but this client does not send it
                value=b"" if record.key is None and record.value is None else record.value,
                headers=[*record.headers.items(), *ours.items()],
            )
        except RecordTooLargeError as exc:
            self._log.warning(
                "dead_letter_too_large",
                error_type=exc.kind,
                topic=place.topic,
                partition=place.number,
                offset=record.offset,
            )


def show_refused(refused: Refused, *, verb: str) -> None:
    """A span for each record that became a dead letter, whether its trace is sampled or not.

    Args:
        refused: the records, and why.
        verb: what was tried with them, as the service's other spans call it.
    """
    for record, fault in refused:
        traces.failed(
            f"{verb} {record.partition.topic}",
            traces.context_of(record.headers),
            ValueError(fault.reason),
            kind=fault.kind,
            text=fault.reason,
            attributes=record.place,
        )


def what_is_wrong(exc: ValidationError) -> str:
    """What no schema accepts of a record and where, without the record's own contents."""
    faults = exc.errors(include_input=False, include_url=False, include_context=False)
    shown = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'value'}: {fault['msg']}"
        for fault in faults[:_SHOWN]
    ]
    rest = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more" if rest else "")
