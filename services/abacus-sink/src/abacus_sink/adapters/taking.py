"""A record as a row of its feature group, or the reason why it is none."""

from pydantic import ValidationError

from abacus_sink.domain.gathering import Entry
from abacus_sink.domain.offsets import Place
from abacus_sink.domain.rows import row_of, size_of
from minestream_runtime.errors import BugError, unit_of_work
from minestream_runtime.kafka import Record
from minestream_runtime.kafka.setting_aside import what_is_wrong
from minestream_schemas.dead_letter import DeadLetterKind, Fault
from minestream_schemas.feature import Feature, FeatureGroup


def entry_of(record: Record, *, due_s: float) -> tuple[FeatureGroup, Entry] | Fault:
    """What a record is. Never raises: what cannot be a row is a fault.

    Args:
        record: as it came.
        due_s: when its row must go at the latest, on the steady clock.
    """
    if record.value is None:
        return Fault(DeadLetterKind.SCHEMA, "no value")
    try:
        with unit_of_work():
            try:
                feature = Feature.from_json(record.value)
                row = row_of(feature)
            except ValidationError as exc:
                return Fault(DeadLetterKind.SCHEMA, what_is_wrong(exc))
            except ValueError as exc:
                return Fault(DeadLetterKind.SCHEMA, str(exc))
    except BugError as exc:
        return Fault(DeadLetterKind.BUG, str(exc))
    return feature.group, Entry(place_of(record), row, size_of(row), feature.ts, due_s)


def place_of(record: Record) -> Place:
    """Where a record lies."""
    return Place(record.partition.number, record.offset)
