"""Rows of the records that we set aside: written with the offset, after the dead-letter topic."""

from datetime import datetime

from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import Fault
from timescale_sink.domain.letters import legible
from timescale_sink.domain.source import Letter, Source


def letter_of(service: str, record: Record, fault: Fault, *, at: datetime) -> Letter:
    """The row of one record.

    Args:
        service: who sets it aside.
        record: as it came.
        fault: why.
        at: when.
    """
    place = record.partition
    return Letter(
        service=service,
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
