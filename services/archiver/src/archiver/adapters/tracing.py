"""Spans of what the archiver does: of each cut, and of its sampled records."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.trace import SpanContext

from archiver.adapters.open_cut import OpenCut
from archiver.adapters.parquet import Row
from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError


@contextmanager
def archived(cut: OpenCut) -> Iterator[None]:
    """The span of one cut, and of each sampled record in it; an error is always kept."""
    name = f"archive {cut.partition.topic}"
    attributes: traces.Attributes = {
        semconv.MESSAGING_SYSTEM: "kafka",
        semconv.MESSAGING_DESTINATION: cut.partition.topic,
        semconv.MESSAGING_PARTITION: str(cut.partition.number),
        semconv.MESSAGING_BATCH: cut.count,
    }
    try:
        with traces.batch(name, name, cut.traced, attributes=attributes):
            yield
    except MinestreamError as exc:
        traces.failed(name, None, exc, kind=exc.kind, attributes=attributes)
        raise


def sampled(row: Row) -> tuple[SpanContext, traces.Attributes] | None:
    """A record's own context and attributes; None: its trace is not sampled."""
    record, envelope = row
    parent = traces.sampled(record.headers)
    if parent is None:
        return None
    about = record.place
    if envelope is not None:
        about[semconv.EVENT_ID] = envelope.event_id
    return parent, about
