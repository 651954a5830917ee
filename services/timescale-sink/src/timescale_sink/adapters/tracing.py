"""Spans of what the sink does: of each batch, of its sampled records, of each record set aside."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import SpanContext

from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError
from minestream_runtime.kafka import Record
from minestream_schemas.raw import RAW_MINER, RawMiner
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from timescale_sink.domain.source import Fault, Item

_FOLLOWED: Final = frozenset({TELEMETRY.name, RAW_MINER.name})
"""The topics whose sampled records get a span each: one poll's way leads through both."""


@contextmanager
def written(records: Sequence[Record], items: Sequence[Item], *, rows: int) -> Iterator[None]:
    """The span of one transaction, and of each sampled record in it; an error is always kept.

    Args:
        records: as they came.
        items: the same, decoded.
        rows: how many rows they become.
    """
    topics = sorted({record.partition.topic for record in records})
    attributes: traces.Attributes = {
        semconv.MESSAGING_SYSTEM: "kafka",
        semconv.MESSAGING_DESTINATION: ",".join(topics),
        semconv.MESSAGING_BATCH: len(records),
        semconv.ROWS: rows,
    }
    try:
        parents = list(_sampled(records, items))
        with traces.batch("write batch", _named, parents, attributes=attributes):
            yield
    except MinestreamError as exc:
        traces.failed("write batch", None, exc, kind=exc.kind, attributes=attributes)
        raise


def set_aside(refused: Iterable[tuple[Record, Fault]]) -> None:
    """A span for each record that became a dead letter, whether its trace is sampled or not."""
    for record, fault in refused:
        about = _about(record)
        traces.failed(
            _named(about),
            traces.context_of(record.headers),
            ValueError(fault.reason),
            kind=fault.kind,
            text=fault.reason,
            attributes=about,
        )


def _sampled(
    records: Sequence[Record], items: Sequence[Item]
) -> Iterator[tuple[SpanContext, traces.Attributes]]:
    for record, item in zip(records, items, strict=True):
        if record.partition.topic not in _FOLLOWED:
            continue
        parent = traces.sampled(record.headers)
        if parent is not None:
            yield parent, {**_about(record), **_whose(item)}


def _about(record: Record) -> dict[str, str | int]:
    return {
        semconv.MESSAGING_SYSTEM: "kafka",
        semconv.MESSAGING_DESTINATION: record.partition.topic,
        semconv.MESSAGING_PARTITION: str(record.partition.number),
        semconv.MESSAGING_OFFSET: record.offset,
    }


def _whose(item: Item) -> dict[str, str]:
    match item.content:
        case MinerTelemetry(raw_event_id=event_id, miner_id=miner_id):
            pass
        case RawMiner(event_id=event_id, miner_id=miner_id):
            pass
        case _:
            return {}
    return {semconv.EVENT_ID: str(event_id), semconv.MINER_ID: miner_id}


def _named(about: traces.Attributes) -> str:
    return f"write {about[semconv.MESSAGING_DESTINATION]}"
