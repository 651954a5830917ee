"""Kafka's records as the domain's items; what no schema accepts becomes a fault of its own."""

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from minestream_runtime.errors import BugError, unit_of_work
from minestream_runtime.kafka import Record
from minestream_runtime.kafka.setting_aside import what_is_wrong
from minestream_schemas.dead_letter import DeadLetter, DeadLetterKind, Fault
from minestream_schemas.raw import RawMiner
from minestream_schemas.topics import BY_NAME
from timescale_sink.domain.letters import letter_from
from timescale_sink.domain.source import Content, Item, Source

_MODELS: Final = {name: topic.event for name, topic in BY_NAME.items()}


def decode(records: Sequence[Record]) -> list[Item]:
    """What records are. Never raises: one that cannot be read is an item with a fault."""
    try:
        with unit_of_work():
            return [_item(record, _content(record)) for record in records]
    except BugError:
        return [_item(record, _guarded(record)) for record in records]


def _guarded(record: Record) -> Content:
    try:
        with unit_of_work():
            return _content(record)
    except BugError as exc:
        return Fault(DeadLetterKind.BUG, str(exc))


def _item(record: Record, content: Content) -> Item:
    value = record.value or b""
    text = value.decode("utf-8", "replace") if type(content) is RawMiner else None
    return Item(len(value), content, record.at, text)


def _content(record: Record) -> Content:
    model = _MODELS[record.partition.topic]
    if model is DeadLetter:
        return letter_from(
            place=Source(record.partition.topic, record.partition.number, record.offset),
            key=record.key,
            value=record.value,
            headers=record.headers,
            at=record.at,
        )
    if record.value is None:
        return Fault(DeadLetterKind.SCHEMA, "no value")
    try:
        return model.from_json(record.value)
    except ValidationError as exc:
        return Fault(DeadLetterKind.SCHEMA, what_is_wrong(exc))
