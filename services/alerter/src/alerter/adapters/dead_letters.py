"""Sets records aside on the dead-letter topic, untouched; the offset moves only afterwards."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import structlog

from alerter.adapters import tracing
from alerter.adapters.decoding import kind_of, traceparent_of
from minestream_runtime.errors import (
    DeadLetterLimitError,
    MinestreamError,
    RecordTooLargeError,
)
from minestream_runtime.kafka import Producer, Record
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import DeadLetterHeader, DeadLetterKind, dead_letter_topic

Refused = Sequence[tuple[Record, MinestreamError]]


class DeadLetters:
    """The dead letters of one service.

    Args:
        producer: where to.
        service: whose.
        bug_limit: so many records at which our own code failed stop the service.
    """

    def __init__(self, producer: Producer, *, service: str, bug_limit: int) -> None:
        self._producer = producer
        self._topic: Final = dead_letter_topic(service)
        self._bug_limit = bug_limit
        self._bugs = 0
        self._log = structlog.get_logger()

    async def publish(self, refused: Refused, *, at: datetime) -> None:
        """Send records to the dead-letter topic.

        Raises:
            BrokerUnavailableError: not all were acknowledged; none must be passed over.
            DeadLetterLimitError: our own code has failed at too many records.
        """
        await asyncio.gather(*(self._send(record, exc, at) for record, exc in refused))
        for record, exc in refused:
            self._count(record, exc)
        if self._bugs >= self._bug_limit:
            raise DeadLetterLimitError(f"our own code failed at {self._bugs} records")

    def _count(self, record: Record, exc: MinestreamError) -> None:
        kind = kind_of(exc)
        counter("minestream_dead_letters_total").labels(kind).inc()
        self._log.warning(
            "dead_letter",
            kind=kind,
            reason=str(exc),
            topic=record.partition.topic,
            partition=record.partition.number,
            offset=record.offset,
        )
        tracing.refused(traceparent_of(record), exc, kind=kind)
        self._bugs += kind is DeadLetterKind.BUG

    async def _send(self, record: Record, exc: MinestreamError, at: datetime) -> None:
        said = {
            DeadLetterHeader.TOPIC: record.partition.topic,
            DeadLetterHeader.PARTITION: str(record.partition.number),
            DeadLetterHeader.OFFSET: str(record.offset),
            DeadLetterHeader.KIND: kind_of(exc).value,
            DeadLetterHeader.REASON: str(exc),
            DeadLetterHeader.AT: at.isoformat(),
        }
        headers = [(name.value, text.encode("utf-8", "replace")) for name, text in said.items()]
        try:
            await self._producer.send(
                self._topic,
                key=record.key,
                # a record without either is possible, but this client does not send it
                value=b"" if record.key is None and record.value is None else record.value,
                headers=[*record.headers.items(), *headers],
            )
        except RecordTooLargeError as too_large:
            self._log.warning("dead_letter_too_large", error_type=too_large.kind)
