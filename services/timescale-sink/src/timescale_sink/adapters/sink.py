"""The loop: read a batch, decode it, write it once; wait while a part of the world is away."""

import gc
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.database.positions import Positions
from minestream_runtime.errors import (
    Disposition,
    MinestreamError,
    unit_of_work,
)
from minestream_runtime.halving import by_halves
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.lags import show_lags
from minestream_runtime.kafka.setting_aside import SettingAside, show_refused
from minestream_runtime.metrics import counter, histogram
from minestream_runtime.turns import Turns
from minestream_schemas import topics
from minestream_schemas.dead_letter import DeadLetterKind, Fault
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from timescale_sink.adapters import tracing
from timescale_sink.adapters.dead_letters import letter_of
from timescale_sink.adapters.decoding import decode
from timescale_sink.adapters.store import Move, Store
from timescale_sink.domain.batch import Rows, TimeLimits, rows_of
from timescale_sink.domain.batch_size import BatchSize, pieces
from timescale_sink.domain.source import Item
from timescale_sink.settings import SinkSettings

SERVICE: Final = "timescale-sink"
TOPICS: Final = tuple(topic for topic in topics.TOPICS if SERVICE in topic.consumers)
_TOLD_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 10.0
_REST: Final = 3.0
"""Of a stream that trickles, transactions take a quarter of the time at the most."""


class Sink:
    """One consumer of group ``timescale-sink``.

    A batch is dropped whenever its outcome is uncertain (the database went away, another sink
    took the partition): the offsets are asked for again and the records read again from there.
    """

    def __init__(
        self, settings: SinkSettings, store: Store, letters: SettingAside, clock: Clock
    ) -> None:
        self._settings = settings
        self._store = store
        self._letters = letters
        self._clock = clock
        self._positions = Positions()
        self._turns = Turns(waits="sink_waits", works="sink_writes", failed=self._drop)
        self._size = BatchSize(
            most=settings.sink_batch_records,
            most_bytes=settings.sink_batch_bytes,
            quick_s=settings.sink_statement_timeout_s / 4,
        )
        self._told_s = self._next_s = clock.monotonic()
        self._lag_s = self._told_s - _LAG_EVERY_S
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not write just now; None when it does."""
        return self._turns.fault()

    async def run(self) -> None:
        """Consume until cancelled.

        Raises:
            DeadLetterLimitError: our own code fails at too many records.
            BrokerUnavailableError: no Kafka at the start; the supervisor tries again.
        """
        async with Consumer(
            self._settings,
            TOPICS,
            group=SERVICE,
            ownership=self._positions,
            session_timeout_s=self._settings.session_timeout_s,
        ) as consumer:
            self._positions.follow(consumer)
            await self._turns.go_on(lambda: self._work(consumer))

    def _drop(self, _: MinestreamError) -> None:
        """Begin anew from what the database has.

        What the client had fetched is dropped too: megabytes in few objects and a cycle, which
        Python's collector would look for only after ``YOUNG_OBJECTS``.
        """
        self._positions.forget()
        gc.collect()

    async def _work(self, consumer: Consumer) -> bool:
        await self._positions.find(self._store.offsets)
        batch = await self._batch(consumer)
        await self._write(batch)
        await self._tell()
        return self._positions.proven()

    async def _batch(self, consumer: Consumer) -> list[Record]:
        """The next records: at once if the last transaction is long over, else a little later.

        Transactions cost the same for one row as for a hundred. So records gather while one is
        written and for a few times as long as it took, and never longer than the setting says.
        """
        most, wait_s = self._size.records, self._settings.sink_batch_wait_s
        batch = await consumer.records(wait_s=wait_s, most=most)
        size = sum(len(record.value or b"") for record in batch)
        while batch and len(batch) < most and size < self._size.size:
            wait_s = self._next_s - self._clock.monotonic()
            if wait_s <= 0:
                break
            found = await consumer.records(wait_s=wait_s, most=most - len(batch))
            batch += found
            size += sum(len(record.value or b"") for record in found)
        return batch

    async def _write(self, batch: Sequence[Record]) -> None:
        records = self._positions.ours(batch)
        if not records:
            return
        items = decode(records)
        for piece in pieces(
            [item.size for item in items],
            most=self._size.records,
            most_bytes=self._size.size,
        ):
            await self._write_piece(
                records[piece.start : piece.stop], items[piece.start : piece.stop]
            )
        for topic, count in Counter(record.partition.topic for record in records).items():
            counter("minestream_events_processed_total").labels(topic).inc(count)

    async def _write_piece(self, records: Sequence[Record], items: Sequence[Item]) -> None:
        async def write(piece: range, refusal: MinestreamError | None) -> None:
            some = items[piece.start : piece.stop]
            if refusal is not None:
                kind = DeadLetterKind.BUG if refusal.kind == "bug" else DeadLetterKind.STORE
                some = [item._replace(content=Fault(kind, str(refusal))) for item in some]
            await self._commit(records[piece.start : piece.stop], some)

        await by_halves(len(items), write)

    async def _commit(self, records: Sequence[Record], items: Sequence[Item]) -> None:
        now = self._clock.now()
        limits, sound, refused = TimeLimits(now, self._settings.keep), list[Item](), []
        for record, item in zip(records, items, strict=True):
            fault = item.content if isinstance(item.content, Fault) else limits.refuse(item)
            if fault is None:
                sound.append(item)
            else:
                refused.append((record, fault))
        with unit_of_work():
            rows = rows_of(sound)
        await self._letters.publish(refused, at=now)
        rows.letters += [letter_of(SERVICE, record, fault, at=now) for record, fault in refused]
        held = self._positions.held()
        ends = {record.partition: record.offset + 1 for record in records}
        moves = {partition: Move(held.get(partition, -1), end) for partition, end in ends.items()}
        with tracing.written(records, items, rows=sum(map(len, rows.tables.values()))):
            written = await self._stored(rows, moves, tried=len(records))
        histogram("minestream_batch_rows").observe(len(items))
        self._letters.count(refused)
        show_refused(refused, verb="write")
        self._positions.moved(ends)
        for table, count in written.items():
            counter("minestream_rows_written_total").labels(table).inc(count)
        repeated = len(rows.tables.get("reading", ())) - written.get("reading", 0)
        counter("minestream_events_repeated_total").labels(TELEMETRY.name).inc(repeated)
        self._observe_age(sound)

    async def _stored(
        self, rows: Rows, moves: Mapping[Partition, Move], *, tried: int
    ) -> dict[str, int]:
        began_s = self._clock.monotonic()
        try:
            written = await self._store.write(rows, moves)
        except MinestreamError as exc:
            if exc.disposition is Disposition.RETRY:
                self._size.failed(tried)
            raise
        now_s = self._clock.monotonic()
        took_s = now_s - began_s
        self._next_s = now_s + min(self._settings.sink_batch_wait_s, _REST * took_s)
        self._size.written(took_s)
        histogram("minestream_batch_seconds").observe(took_s)
        return written

    def _observe_age(self, items: Sequence[Item]) -> None:
        oldest = min(
            (item.content.ts for item in items if isinstance(item.content, MinerTelemetry)),
            default=None,
        )
        if oldest is not None:
            age_s = (self._clock.now() - oldest).total_seconds()
            histogram("minestream_event_age_seconds").labels("stored").observe(age_s)

    async def _tell(self) -> None:
        """Commit to Kafka, for the tools that show lag, and measure the lag ourselves."""
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= _TOLD_EVERY_S and await self._positions.tell():
            self._told_s = now_s
        if now_s - self._lag_s >= _LAG_EVERY_S:
            self._lag_s = now_s
            show_lags(TOPICS, await self._positions.lags())
