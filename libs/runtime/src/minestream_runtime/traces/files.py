"""Traces in files: one JSON line for each span, so that a trace can be shown without a backend."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_FILE_BYTES: Final = 16 * 1024 * 1024
_READ_BYTES: Final = 256 * 1024 * 1024
_SPANS_MOST: Final = 1000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class StoredSpan:
    """A span as it was written down."""

    span_id: str
    parent_id: str | None
    name: str
    service: str
    began_at: datetime
    ended_at: datetime
    error: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


class FileExporter(SpanExporter):
    """Appends spans to a file, of which it keeps the last 16 to 32 MiB.

    Args:
        file: of this process alone; what it outgrows is kept beside it as ``….old.jsonl``.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._failing = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Write spans down; a full disk costs traces and one line of the log, not telemetry."""
        lines = "".join(f"{json.dumps(_described(span))}\n" for span in spans)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size > _FILE_BYTES:
                self._file.replace(self._file.with_suffix(".old.jsonl"))
            with self._file.open("a") as out:
                out.write(lines)
        except OSError as exc:
            if not self._failing:
                structlog.get_logger().warning("traces_not_written", error=str(exc))
            self._failing = True
            return SpanExportResult.FAILURE
        self._failing = False
        return SpanExportResult.SUCCESS


def spans_of(folder: Path, trace_id: str) -> list[StoredSpan]:
    """The spans of a trace, by their beginning.

    Reads the newest files first, at most 256 MiB of them and 1,000 spans: some 0.1 s of a thread.

    Args:
        folder: that services write to; one that is not there holds nothing.
        trace_id: 32 hexadecimal digits.
    """
    found: list[StoredSpan] = []
    left = _READ_BYTES
    for file in _newest_first(folder):
        try:
            content = file.read_bytes()
        except OSError:  # moved on, or not ours to read
            continue
        left -= len(content)
        found += _spans_in(content, trace_id)
        if left <= 0 or len(found) >= _SPANS_MOST:
            break
    return sorted(found[:_SPANS_MOST], key=lambda span: (span.began_at, span.ended_at))


def _newest_first(folder: Path) -> list[Path]:
    ages: list[tuple[float, Path]] = []
    for file in folder.glob("*.jsonl"):
        try:
            ages.append((file.stat().st_mtime, file))
        except OSError:
            continue
    return [file for _, file in sorted(ages, reverse=True)]


def _spans_in(content: bytes, trace_id: str) -> Iterator[StoredSpan]:
    mark = f'"trace_id": "{trace_id}"'.encode()
    at = content.find(mark)
    while at >= 0:
        start = content.rfind(b"\n", 0, at) + 1
        end = content.find(b"\n", at)
        end = len(content) if end < 0 else end
        span = _read(content[start:end])
        if span is not None:
            yield span
        at = content.find(mark, end)


def _read(line: bytes) -> StoredSpan | None:
    """The span of a line; None for one that was cut off or that somebody else wrote."""
    try:
        said = json.loads(line)
        return StoredSpan(
            span_id=str(said["span_id"]),
            parent_id=said["parent_id"],
            name=str(said["name"]),
            service=str(said["service"]),
            began_at=_instant(said["began_ns"]),
            ended_at=_instant(said["ended_ns"]),
            error=said["error"],
            attributes=dict(said["attributes"]),
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def _instant(ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _described(span: ReadableSpan) -> dict[str, Any]:
    context, parent = span.get_span_context(), span.parent
    return {
        "trace_id": f"{context.trace_id:032x}" if context else None,
        "span_id": f"{context.span_id:016x}" if context else None,
        "parent_id": f"{parent.span_id:016x}" if parent else None,
        "name": span.name,
        "service": span.resource.attributes.get("service.name"),
        "began_ns": span.start_time,
        "ended_ns": span.end_time,
        "error": (span.status.description or "error") if not span.status.is_ok else None,
        "attributes": dict(span.attributes or {}),
        "links": [f"{link.context.trace_id:032x}" for link in span.links],
    }
