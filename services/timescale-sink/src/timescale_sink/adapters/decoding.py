"""Kafka's records as the domain's items; what no schema accepts becomes a fault of its own."""

from pydantic import ValidationError

from minestream_runtime.errors import BugError, unit_of_work
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import DeadLetter, DeadLetterKind
from minestream_schemas.event import Event
from minestream_schemas.raw import RawMiner
from minestream_schemas.topics import BY_NAME
from timescale_sink.domain.letters import letter_from
from timescale_sink.domain.source import Fault, Item, Letter, Source, instant_of

_SHOWN = 3


def decode(record: Record) -> Item:
    """What a record is. Never raises: one that cannot be read is an item with a fault."""
    source = Source(record.partition.topic, record.partition.number, record.offset)
    value = record.value or b""
    content: Event | Letter | Fault
    model = BY_NAME[source.topic].event
    try:
        with unit_of_work():
            content = _content(source, record, model)
    except BugError as exc:
        content = Fault(DeadLetterKind.BUG, str(exc))
    text = value.decode("utf-8", "replace") if isinstance(content, RawMiner) else None
    return Item(source, len(value), content, instant_of(record.at_ms), text)


def _content(source: Source, record: Record, model: type[Event]) -> Event | Letter | Fault:
    if model is DeadLetter:
        return letter_from(
            place=source,
            key=record.key,
            value=record.value,
            headers=record.headers,
            at_ms=record.at_ms,
        )
    if record.value is None:
        return Fault(DeadLetterKind.SCHEMA, "no value")
    try:
        return model.from_json(record.value)
    except ValidationError as exc:
        return Fault(DeadLetterKind.SCHEMA, _said(exc))


def _said(exc: ValidationError) -> str:
    """What is wrong and where, without the record's own contents."""
    faults = exc.errors(include_input=False, include_url=False, include_context=False)
    shown = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'value'}: {fault['msg']}"
        for fault in faults[:_SHOWN]
    ]
    rest = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {rest} more" if rest else "")
