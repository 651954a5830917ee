"""Spans of what is sent: of each batch, of its sampled rows, of each row set aside."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import Fault
from minestream_schemas.feature import FEATURE, FeatureGroup


@contextmanager
def sent(group: FeatureGroup, records: Sequence[Record]) -> Iterator[None]:
    """The span of one batch, and of each sampled row in it.

    Args:
        group: of the rows.
        records: that they came from.
    """
    parents = [
        (parent, _about(record))
        for record in records
        if (parent := traces.sampled(record.headers)) is not None
    ]
    name = f"send {group.value}"
    attributes: traces.Attributes = {
        semconv.MESSAGING_SYSTEM: "kafka",
        semconv.MESSAGING_DESTINATION: FEATURE.name,
        semconv.MESSAGING_BATCH: len(records),
    }
    with traces.batch(name, name, parents, attributes=attributes):
        yield


def stuck(exc: MinestreamError, *, cause: str) -> None:
    """A span for a far side that takes nothing, once for each time that it begins."""
    traces.failed("send features", None, exc, kind=f"abacus_{cause}")


def set_aside(record: Record, fault: Fault) -> None:
    """A span for a record that became a dead letter, whether its trace is sampled or not."""
    traces.failed(
        f"send {FEATURE.name}",
        traces.context_of(record.headers),
        ValueError(fault.reason),
        kind=fault.kind,
        text=fault.reason,
        attributes=_about(record),
    )


def _about(record: Record) -> dict[str, str | int]:
    return semconv.place_of(record.partition.topic, record.partition.number, record.offset)
