"""Which partitions are ours, and what of each is read and not yet archived."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

import structlog

from archiver.adapters.errors import PartitionBusyError
from archiver.adapters.lake import Lake
from archiver.adapters.open_cut import OpenCut
from archiver.domain.places import Place
from minestream_runtime.kafka import Consumer, Partition, Record, cluster_id
from minestream_runtime.settings import Settings


class Holdings:
    """Our partitions; an unknown one is paused until the lake has been asked where it goes on.

    None of its records counts before that, whatever the group's committed offset says. What was
    read of a partition that went is forgotten: who has it next reads it again.
    """

    def __init__(self, lake: Lake, *, zstd_level: int) -> None:
        self._lake = lake
        self._level = zstd_level
        self._held: dict[Partition, OpenCut | None] = {}
        self._gone: list[OpenCut] = []
        self._consumer: Consumer | None = None
        self._log = structlog.get_logger()

    def follow(self, consumer: Consumer) -> None:
        """Learn whose partitions these are."""
        self._consumer = consumer

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``. Only notes them: the lake may be away just now."""
        self._log.info("partitions_assigned", count=len(partitions))
        for partition in partitions:
            self._forget(partition)
            self._held[partition] = None
        self._pause(partitions)

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``."""
        self._log.info("partitions_revoked", count=len(partitions))
        for partition in partitions:
            self._forget(partition)

    def forget(self, partitions: Iterable[Partition] | None = None) -> None:
        """Nothing is certain of these (None: of any) any more: the lake is to be asked again."""
        unsure = list(self._held if partitions is None else partitions)
        for partition in unsure:
            if partition in self._held:
                self._forget(partition)
                self._held[partition] = None
        self._pause(unsure)

    async def find(self, settings: Settings) -> None:
        """Ask the lake where the unknown partitions go on, and read on from there.

        Args:
            settings: where Kafka is.

        Raises:
            BrokerUnavailableError: Kafka is away.
            LakeUnavailableError: the lake is.
        """
        consumer = self._consumer
        unknown = frozenset(partition for partition, cut in self._held.items() if cut is None)
        if consumer is None or not unknown:
            return
        cluster = await cluster_id(settings)
        beginnings, ends = await consumer.beginnings(unknown), await consumer.ends(unknown)
        for partition in sorted(unknown):
            try:
                held = await asyncio.to_thread(
                    self._lake.hold,
                    partition,
                    cluster=cluster,
                    beginning=beginnings[partition],
                    end=ends[partition],
                )
            except PartitionBusyError as exc:
                self._log.info("partition_busy", reason=str(exc))
                continue  # it stays unknown: asked again in the next turn
            if partition not in self._held or partition not in consumer.owned():
                continue  # it went while we asked
            cut = OpenCut(self._lake, partition, held, zstd_level=self._level)
            consumer.seek(partition, cut.next)
            consumer.resume([partition])
            self._held[partition] = cut

    def ours(self, records: Iterable[Record]) -> Iterator[tuple[OpenCut, Record]]:
        """The records that come next in known partitions, each with its partition's cut.

        Offsets that go back are those of a topic that was made anew: the lake is asked again.
        Offsets that jump ahead have expired under our eyes: that is told, for they are lost.
        """
        for record in records:
            cut = self._held.get(record.partition)
            if cut is None:
                continue
            if record.offset != cut.next:
                self._log.error(
                    "offsets_jump",
                    topic=record.partition.topic,
                    partition=record.partition.number,
                    expected=cut.next,
                    found=record.offset,
                )
            if record.offset < cut.next:
                self.forget([record.partition])
            else:
                yield cut, record

    def cuts(self) -> dict[Partition, OpenCut]:
        """The partitions that are known."""
        return {partition: cut for partition, cut in self._held.items() if cut is not None}

    def still(self, cut: OpenCut) -> bool:
        """Is the partition still ours, and unquestioned, since the cut began?"""
        return self._held.get(cut.partition) is cut

    def begin(self, cut: OpenCut) -> None:
        """Put the next cut in the place of one that is archived."""
        self._held[cut.partition] = cut

    def waiting(self) -> Mapping[tuple[Partition, Place], int]:
        """Bytes in memory, by file."""
        return dict(chain.from_iterable(cut.waiting().items() for cut in self.cuts().values()))

    async def tidy(self) -> None:
        """Remove the files of what was forgotten, while no thread is at them."""
        while self._gone:
            await asyncio.to_thread(self._gone.pop().discard)

    def _forget(self, partition: Partition) -> None:
        cut = self._held.pop(partition, None)
        if cut is not None:
            self._gone.append(cut)

    def _pause(self, partitions: Iterable[Partition]) -> None:
        if self._consumer is not None:
            self._consumer.pause(frozenset(partitions) & self._consumer.owned())
