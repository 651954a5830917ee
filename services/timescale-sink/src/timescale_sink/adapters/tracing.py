"""Spans of what the sink does: of each batch, and of its sampled records."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from opentelemetry.trace import SpanContext

from minestream_runtime import semconv, traces
from minestream_runtime.errors import MinestreamError
from minestream_runtime.kafka import Record
from minestream_schemas.feature import FEATURE, Feature
from minestream_schemas.market import (
    INDICATORS,
    NETWORK,
    PRICE,
    CoinIndicators,
    CoinPrice,
    NetworkState,
)
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_NOTICE,
    POOL_RATE,
    POOL_REWARD,
    POOL_STATS,
    POOL_WORKER,
    PoolBalance,
    PoolNotice,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
)
from minestream_schemas.raw import RAW_MINER, RawMiner
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from timescale_sink.domain.source import Item

_FOLLOWED: Final = frozenset(
    topic.name
    for topic in (
        *(TELEMETRY, RAW_MINER, POOL_WORKER, POOL_RATE, POOL_BALANCE),
        *(POOL_STATS, POOL_REWARD, POOL_NOTICE),
        *(PRICE, INDICATORS, NETWORK, FEATURE),
    )
)
"""The topics whose sampled records get a span each: the ways of polls and messages lead there."""


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


def _sampled(
    records: Sequence[Record], items: Sequence[Item]
) -> Iterator[tuple[SpanContext, traces.Attributes]]:
    for record, item in zip(records, items, strict=True):
        if record.partition.topic not in _FOLLOWED:
            continue
        parent = traces.sampled(record.headers)
        if parent is not None:
            yield parent, {**record.place, **_whose(item)}


def _whose(item: Item) -> dict[str, str]:
    match item.content:
        case MinerTelemetry(raw_event_id=event_id, miner_id=miner_id):
            return {semconv.EVENT_ID: str(event_id), semconv.MINER_ID: miner_id}
        case RawMiner(event_id=event_id, miner_id=miner_id):
            return {semconv.EVENT_ID: str(event_id), semconv.MINER_ID: miner_id}
        case PoolWorker() | PoolRate() | PoolBalance() | PoolStats() | PoolReward() as said:
            return {semconv.EVENT_ID: str(said.raw_event_id)}
        case PoolNotice() | CoinPrice() | CoinIndicators() | NetworkState() as said:
            return {semconv.EVENT_ID: str(said.raw_event_id)}
        case Feature(source_event_id=event_id):
            return {semconv.EVENT_ID: str(event_id)}
        case _:
            return {}


def _named(about: traces.Attributes) -> str:
    return f"write {about[semconv.MESSAGING_DESTINATION]}"
