"""Spans of what is sent: of each batch, and of its sampled rows."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError
from minestream_runtime.kafka import Record
from minestream_schemas.feature import FEATURE, FeatureGroup


@contextmanager
def sent(group: FeatureGroup, records: Sequence[Record]) -> Iterator[None]:
    """The span of one batch, and of each sampled row in it.

    Args:
        group: of the rows.
        records: that they came from.
    """
    parents = [
        (parent, record.place)
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
