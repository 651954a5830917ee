"""Sets records aside: on the dead-letter topic first, then, with the offset, as a row.

Killed in between, the record is read again and set aside again: twice on the topic at worst,
once in the table, never nowhere.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from minestream_runtime.errors import DeadLetterLimitError, RecordTooLargeError
from minestream_runtime.kafka import Producer, Record
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import DeadLetterKind, dead_letter_topic
from timescale_sink.domain.letters import headers_for, legible
from timescale_sink.domain.source import Fault, Letter, Source

Refused = Sequence[tuple[Record, Fault]]
_AT_ONCE: Final = 500


class DeadLetters:
    """The dead letters of one service.

    Args:
        producer: where to.
        service: whose.
        bug_limit: so many records at which our own code failed stop the service.
    """

    def __init__(self, producer: Producer, *, service: str, bug_limit: int) -> None:
        self._producer = producer
        self._service = service
        self._topic = dead_letter_topic(service)
        self._bug_limit = bug_limit
        self._bugs = 0
        self._log = structlog.get_logger()

    async def publish(self, refused: Refused, *, at: datetime) -> list[Letter]:
        """Send records to the dead-letter topic, untouched.

        Returns:
            their rows, to be written with the batch's offsets.

        Raises:
            BrokerUnavailableError: not all were acknowledged; none must be passed over.
        """
        letters = [self._letter(record, fault, at) for record, fault in refused]
        for start in range(0, len(refused), _AT_ONCE):
            several = slice(start, start + _AT_ONCE)
            await asyncio.gather(
                *(
                    self._send(record, letter)
                    for (record, _), letter in zip(refused[several], letters[several], strict=True)
                )
            )
        return letters

    def count(self, refused: Refused) -> None:
        """Note what has been set aside for good.

        Raises:
            DeadLetterLimitError: our own code has failed at too many records.
        """
        for record, fault in refused:
            counter("minestream_dead_letters_total").labels(fault.kind).inc()
            self._log.warning(
                "dead_letter",
                kind=fault.kind,
                reason=fault.reason,
                topic=record.partition.topic,
                partition=record.partition.number,
                offset=record.offset,
            )
            self._bugs += fault.kind is DeadLetterKind.BUG
        if self._bugs >= self._bug_limit:
            raise DeadLetterLimitError(f"our own code failed at {self._bugs} records")

    async def _send(self, record: Record, letter: Letter) -> None:
        try:
            await self._producer.send(
                self._topic,
                key=record.key,
                # a record without either is possible, but this client does not send it
                value=b"" if record.key is None and record.value is None else record.value,
                headers=[*record.headers.items(), *headers_for(letter).items()],
            )
        except RecordTooLargeError as exc:
            self._log.warning(
                "dead_letter_only_in_its_row", topic=letter.source.topic, error_type=exc.kind
            )

    def _letter(self, record: Record, fault: Fault, at: datetime) -> Letter:
        place = record.partition
        return Letter(
            service=self._service,
            source=Source(place.topic, place.number, record.offset),
            kind=fault.kind,
            reason=legible(fault.reason.encode("utf-8", "backslashreplace")),
            at=at,
            key=record.key,
            value=record.value,
            headers={
                legible(name.encode("utf-8", "backslashreplace")): legible(content or b"")
                for name, content in record.headers.items()
            },
        )
