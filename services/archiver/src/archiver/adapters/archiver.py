"""The loop: read, sort by place, close what is full; wait while a part of the world is away."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog

from archiver.adapters import tracing
from archiver.adapters.envelopes import Reader, reader_of
from archiver.adapters.errors import LakeUnavailableError, PartitionBusyError
from archiver.adapters.holdings import Holdings
from archiver.adapters.lake import Lake, Passing, Stage
from archiver.adapters.open_cut import OpenCut
from archiver.adapters.parquet import Row
from archiver.adapters.uncut import uncut
from archiver.domain import places
from archiver.domain.places import SERVICE, archived
from archiver.domain.rolling import full, to_write
from archiver.settings import ArchiverSettings
from minestream_runtime.clock import Clock
from minestream_runtime.errors import (
    BrokerUnavailableError,
    MinestreamError,
    PartitionLostError,
)
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.lags import lags_of, show_lags
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_runtime.turns import Turns
from minestream_schemas.topics import BY_NAME, TOPICS

ARCHIVED: Final = archived(TOPICS)
_AT_ONCE: Final = 8
_WAIT_S: Final = 0.5
_TOLD_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 10.0


class Archiver:
    """One consumer of group ``archiver``."""

    def __init__(
        self,
        settings: ArchiverSettings,
        lake: Lake,
        clock: Clock,
        *,
        passing: Passing = lambda _: None,
    ) -> None:
        self._settings = settings
        self._limits = settings.limits
        self._clock = clock
        self._passing = passing
        self._lake = lake
        self._holdings = Holdings(lake, zstd_level=settings.archive_zstd_level)
        self._readers: dict[str, Reader] = {topic.name: reader_of(topic) for topic in ARCHIVED}
        self._turns = Turns(waits="archiver_waits", works="archiver_archives", failed=self._unsure)
        self._told_s = clock.monotonic()
        self._lag_s = self._told_s - _LAG_EVERY_S
        self._untold: dict[Partition, int] = {}
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not archive just now; None when it does."""
        return self._turns.fault()

    async def run(self) -> None:
        """Consume until cancelled; then what is read is archived, too.

        Raises:
            BrokerUnavailableError: no Kafka at the start; the supervisor tries again.
        """
        async with Consumer(
            self._settings,
            ARCHIVED,
            group=SERVICE,
            ownership=self._holdings,
            session_timeout_s=self._settings.session_timeout_s,
        ) as consumer:
            self._holdings.follow(consumer)
            try:
                await self._turns.go_on(lambda: self._work(consumer))
            finally:
                await self._end(consumer)

    async def _work(self, consumer: Consumer) -> bool:
        await uncut(self._holdings.tidy())
        await self._keep_what_is_full()
        await uncut(self._holdings.find(self._settings))
        records = await consumer.records(wait_s=_WAIT_S, most=self._settings.archive_batch_records)
        self._take(records)
        await uncut(self._write_what_waits())
        await self._tell(consumer)
        return True

    def _unsure(self, exc: MinestreamError) -> None:
        if isinstance(exc, LakeUnavailableError):
            self._holdings.forget()

    def _take(self, records: Sequence[Record]) -> None:
        now_s = self._clock.monotonic()
        counts: Counter[str] = Counter()
        for cut, record in self._holdings.ours(records):
            topic = record.partition.topic
            row = Row(record, self._readers[topic](record.value))
            subject = BY_NAME[topic].subject
            cut.add(places.place_of(subject, row.envelope, record.at), row, now_s=now_s)
            traced = tracing.sampled(row)
            if traced is not None:
                cut.trace(*traced)
            counts[topic] += 1
        for topic, count in counts.items():
            counter("minestream_events_processed_total").labels(topic).inc(count)

    async def _write_what_waits(self) -> None:
        """Give memory back: put the largest buffers on disk."""
        waiting = self._holdings.waiting()
        cuts = self._holdings.cuts()
        for partition, place in to_write(waiting, self._limits):
            await asyncio.to_thread(cuts[partition].write, [place])
        left = sum(self._holdings.waiting().values())
        gauge("minestream_archive_waiting_bytes").set(left)

    async def _keep_what_is_full(self) -> None:
        now_s = self._clock.monotonic()
        cuts = self._holdings.cuts().values()
        await self._keep_all([cut for cut in cuts if full(cut.fill(now_s), self._limits)])

    async def _keep_all(self, cuts: Sequence[OpenCut]) -> None:
        """Close the files of several partitions, some at a time: disks sync them together.

        Raises:
            LakeUnavailableError: the disk is full or away; none of them is in work any more.
        """
        for start in range(0, len(cuts), _AT_ONCE):
            some = asyncio.gather(
                *map(self._keep, cuts[start : start + _AT_ONCE]), return_exceptions=True
            )
            for outcome in await uncut(some):
                if outcome is not None:
                    raise outcome

    async def _keep(self, cut: OpenCut) -> None:
        """Close the files of one partition.

        Raises:
            LakeUnavailableError: the disk is full or away.
        """
        began_s = self._clock.monotonic()
        try:
            with tracing.archived(cut):
                manifest, size = await asyncio.to_thread(cut.keep)
        except (PartitionBusyError, PartitionLostError) as exc:
            self._log.warning("partition_lost", reason=str(exc))
            self._holdings.forget([cut.partition])
            return
        topic = cut.partition.topic
        counter("minestream_archive_bytes_total").labels(topic, "records").inc(cut.total_bytes)
        counter("minestream_archive_bytes_total").labels(topic, "files").inc(size)
        counter("minestream_archive_files_total").labels(topic).inc(len(cut.places))
        histogram("minestream_archive_seconds").observe(self._clock.monotonic() - began_s)
        if self._holdings.still(cut):
            level = self._settings.archive_zstd_level
            self._holdings.begin(OpenCut(self._lake, cut.partition, manifest, zstd_level=level))
            self._untold[cut.partition] = manifest.cut.upto

    async def _end(self, consumer: Consumer) -> None:
        """Archive what is read before we go: else it would be read again."""
        await self._holdings.tidy()
        try:
            cuts, ours = self._holdings.cuts().values(), consumer.owned()
            await self._keep_all([cut for cut in cuts if cut.count and cut.partition in ours])
            await self._commit(consumer)
        except MinestreamError as exc:
            self._log.warning("left_to_be_read_again", error_type=exc.kind, reason=str(exc))
        self._holdings.forget()
        await self._holdings.tidy()

    async def _tell(self, consumer: Consumer) -> None:
        """Commit to Kafka, for the tools that show lag, and measure the lag ourselves."""
        now_s = self._clock.monotonic()
        if self._untold and now_s - self._told_s >= _TOLD_EVERY_S:
            self._told_s = now_s
            try:
                await self._commit(consumer)
            except BrokerUnavailableError as exc:
                self._log.info("lag_not_told", error_type=exc.kind)
        if now_s - self._lag_s >= _LAG_EVERY_S:
            self._lag_s = now_s
            await self._measure_lag(consumer)

    async def _commit(self, consumer: Consumer) -> None:
        ours = consumer.owned()
        offsets = {partition: at for partition, at in self._untold.items() if partition in ours}
        self._untold = {}
        if offsets:
            await consumer.commit(offsets)
            self._passing(Stage.TOLD)

    async def _measure_lag(self, consumer: Consumer) -> None:
        cuts = self._holdings.cuts()
        kept = {partition: cut.held.cut.upto for partition, cut in cuts.items()}
        show_lags(ARCHIVED, await lags_of(consumer, kept))
