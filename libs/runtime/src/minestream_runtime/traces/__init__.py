"""Traces: the way of one poll through all services; into files or to a backend."""

from minestream_runtime.traces.spans import (
    TRACEPARENT,
    Attributes,
    Headers,
    PollSampler,
    batch,
    child,
    configured,
    context_of,
    failed,
    flush,
    headers_of,
    headers_of_unkept,
    kept,
    root,
    sampled,
)

__all__ = [
    "TRACEPARENT",
    "Attributes",
    "Headers",
    "PollSampler",
    "batch",
    "child",
    "configured",
    "context_of",
    "failed",
    "flush",
    "headers_of",
    "headers_of_unkept",
    "kept",
    "root",
    "sampled",
]
