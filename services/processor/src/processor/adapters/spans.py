"""What a record's trace costs an agent: a span where it is sampled, else a header handed on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from opentelemetry.trace import SpanKind

from minestream_runtime import semconv, traces
from minestream_schemas.event import Topic
from processor.adapters.faults import headers_of
from processor.adapters.sends import Headers


def trace_of(headers: Mapping[str, bytes]) -> Headers:
    """The trace as it came, to be handed on: it is not sampled, so nothing is added to it."""
    parent = headers.get(traces.TRACEPARENT)
    return () if parent is None else ((traces.TRACEPARENT, parent),)


def attributes_of(message: Any) -> dict[str, str | int]:
    """Where a record lies, as spans say it."""
    return {
        semconv.MESSAGING_OPERATION: "process",
        **semconv.place_of(message.topic, message.partition, message.offset),
    }


@contextmanager
def processed(message: Any, topic: Topic, event_id: UUID) -> Iterator[Headers]:
    """The work on one record; gives the headers for what follows from it.

    Args:
        message: Faust's.
        topic: on which it came.
        event_id: of its event.
    """
    headers = dict(headers_of(message))
    parent = traces.sampled(headers)
    if parent is None:
        yield trace_of(headers)
        return
    about = {semconv.EVENT_ID: str(event_id), **attributes_of(message)}
    name = f"process {topic.name}"
    with traces.child(name, parent, kind=SpanKind.CONSUMER, attributes=about) as span:
        yield traces.headers_of(span)
