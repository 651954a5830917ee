"""Which partitions are ours, and up to where the database has them."""

from collections.abc import Iterable, Mapping

import structlog

from alerter.adapters.store import Store
from minestream_runtime.kafka import Consumer, Partition, Record


class Positions:
    """Where each of our partitions stands; unknown until the database has been asked.

    An unknown partition is paused, and none of its records counts: so a record is read only
    from the database's offset on, whatever the group's committed offset says.
    """

    def __init__(self) -> None:
        self._held: dict[Partition, int | None] = {}
        self._consumer: Consumer | None = None
        self._log = structlog.get_logger()

    def follow(self, consumer: Consumer) -> None:
        """Learn whose partitions these are."""
        self._consumer = consumer

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``. Only notes them: the database may be away just now."""
        self._log.info("partitions_assigned", count=len(partitions))
        self._held.update(dict.fromkeys(partitions))
        self._pause(partitions)

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``."""
        self._log.info("partitions_revoked", count=len(partitions))
        for partition in partitions:
            self._held.pop(partition, None)

    def forget(self) -> None:
        """Nothing is certain any more: every partition is to be asked for again."""
        self._held = dict.fromkeys(self._held)
        self._pause(self._held)

    async def find(self, store: Store) -> None:
        """Ask the database where the unknown partitions stand, and read on from there.

        Raises:
            BrokerUnavailableError: Kafka is away.
            StoreUnavailableError: the database is away.
        """
        consumer = self._consumer
        unknown = frozenset(part for part, offset in self._held.items() if offset is None)
        if consumer is None or not unknown:
            return
        beginnings = await consumer.beginnings(unknown)
        ends = await consumer.ends(unknown)
        offsets = await store.offsets(beginnings)
        for partition, offset in offsets.items():
            if partition not in self._held or partition not in consumer.owned():
                continue  # it went while we asked
            start = self._start(partition, offset, beginnings[partition], ends[partition])
            consumer.seek(partition, start)
            consumer.resume([partition])
            self._held[partition] = offset

    def ours(self, records: Iterable[Record]) -> list[Record]:
        """The records that lie on partitions whose place is known."""
        return [record for record in records if self._held.get(record.partition) is not None]

    def held(self) -> dict[Partition, int]:
        """Where the partitions with a known place stand: the offset in the database."""
        return {partition: offset for partition, offset in self._held.items() if offset is not None}

    def moved(self, offsets: Mapping[Partition, int]) -> None:
        """The database has these now; what is no longer ours is left alone."""
        for partition, offset in offsets.items():
            if self._held.get(partition) is not None:
                self._held[partition] = offset

    def _pause(self, partitions: Iterable[Partition]) -> None:
        if self._consumer is not None:
            self._consumer.pause(frozenset(partitions) & self._consumer.owned())

    def _start(self, partition: Partition, offset: int, first: int, end: int) -> int:
        if offset > end:
            self._log.error(
                "topic_is_shorter_than_our_offset", partition=partition.number, offset=offset
            )
            return first
        if offset < first:
            self._log.error(
                "readings_expired_unread", partition=partition.number, count=first - offset
            )
        return max(offset, first)
