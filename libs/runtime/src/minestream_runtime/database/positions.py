"""How far a consumer group has got, kept in the database beside what came of the records.

Offsets move in the transaction that writes a batch, by compare-and-set: so nothing is written
twice, and nothing by an instance that has lost the partition.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, LiteralString

import structlog
from psycopg import sql

from minestream_runtime.database.pool import Connection, Pool, store_errors
from minestream_runtime.errors import BrokerUnavailableError, PartitionLostError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.lags import lags_of

Known = Callable[[Mapping[Partition, int]], Awaitable[Mapping[Partition, int]]]
_KNOW: Final = """
INSERT INTO {table} (consumer_group, topic, partition, next_offset)
SELECT %s, * FROM unnest(%s::text[], %s::int[], %s::bigint[])
ON CONFLICT DO NOTHING
"""
_READ: Final = "SELECT topic, partition, next_offset FROM {table} WHERE consumer_group = %s"
_LOCK: Final = """
SELECT o.topic, o.partition, {columns}
FROM {table} AS o
JOIN unnest(%s::text[], %s::int[]) AS ours (topic, partition) USING (topic, partition)
WHERE o.consumer_group = %s
ORDER BY o.topic, o.partition
FOR UPDATE OF o
"""
_MOVE: Final = """
UPDATE {table} AS o SET {changes}, moved_at = now()
FROM unnest(%s::text[], %s::int[], {values}) AS ours (topic, partition, {names})
WHERE o.consumer_group = %s AND o.topic = ours.topic AND o.partition = ours.partition
"""


class Offsets:
    """The offsets of one group in a schema's table ``kafka_offset``.

    Args:
        pool: connections in the writer's role.
        schema: whose table; it has consumer_group, topic, partition, next_offset and moved_at.
        group: whose offsets.
        beside: more columns that move with the offset, and their SQL types.
    """

    def __init__(
        self,
        pool: Pool,
        schema: LiteralString,
        *,
        group: str,
        beside: Mapping[LiteralString, LiteralString] | None = None,
    ) -> None:
        self._pool = pool
        self._group = group
        columns: dict[LiteralString, LiteralString] = {"next_offset": "bigint", **(beside or {})}
        names = [sql.Identifier(name) for name in columns]

        def made(statement: LiteralString, **parts: sql.Composable) -> bytes:
            table = sql.Identifier(schema, "kafka_offset")
            return sql.SQL(statement).format(table=table, **parts).as_bytes()

        self._know, self._read = made(_KNOW), made(_READ)
        self._lock = made(_LOCK, columns=_list("o.{}", names))
        self._move = made(
            _MOVE,
            changes=_list("{0} = ours.{0}", names),
            values=_list("%s::{}[]", [sql.SQL(type_) for type_ in columns.values()]),
            names=_list("{}", names),
        )

    async def known(self, beginnings: Mapping[Partition, int]) -> dict[Partition, int]:
        """The offset of the next record of each partition; an unknown one starts at its beginning.

        Args:
            beginnings: the partitions, and the offset of the first record that each still has.

        Raises:
            StoreUnavailableError: the database is away.
        """
        wanted = sorted(beginnings)
        with store_errors():
            async with self._pool.connection() as connection:
                await connection.execute(
                    self._know,
                    (self._group, *_places(wanted), [beginnings[one] for one in wanted]),
                )
                rows = await (await connection.execute(self._read, (self._group,))).fetchall()
        found = {Partition(topic, number): offset for topic, number, offset in rows}
        return {partition: found[partition] for partition in wanted}

    async def lock(
        self, connection: Connection, held: Mapping[Partition, int]
    ) -> dict[Partition, tuple[Any, ...]]:
        """Lock offsets until the transaction's end, if they are where we hold them.

        Args:
            connection: in a transaction.
            held: the offset at which each partition's batch began.

        Returns:
            of each partition what stands in the columns beside the offset.

        Raises:
            PartitionLostError: an offset is not where the batch began.
        """
        ordered = sorted(held)
        cursor = await connection.execute(self._lock, (*_places(ordered), self._group))
        stand = {
            Partition(topic, number): (offset, tuple(beside))
            for topic, number, offset, *beside in await cursor.fetchall()
        }
        at = {partition: stand[partition][0] for partition in ordered if partition in stand}
        lost = [partition for partition in ordered if at.get(partition) != held[partition]]
        if lost:
            raise PartitionLostError(
                f"{len(lost)} of {len(ordered)} partitions, first {lost[0].topic} "
                f"{lost[0].number}: held {held[lost[0]]}, stands at {at.get(lost[0])}"
            )
        return {partition: stand[partition][1] for partition in ordered}

    async def move(
        self,
        connection: Connection,
        upto: Mapping[Partition, int],
        beside: Mapping[Partition, Sequence[Any]] | None = None,
    ) -> None:
        """Move locked offsets, in the same transaction.

        Args:
            connection: that of ``lock``.
            upto: the offset of the next record of each partition.
            beside: what is to stand in the columns beside it.
        """
        ordered = sorted(upto)
        rows = [(upto[one], *(beside[one] if beside else ())) for one in ordered]
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(self._move, (*_places(ordered), *columns, self._group))


class Positions:
    """Where each of our partitions stands; unknown until the database has been asked.

    An unknown partition is paused, and none of its records counts: so a record is read only
    from the database's offset on, whatever the group's committed offset says.
    """

    def __init__(self) -> None:
        self._held: dict[Partition, int | None] = {}
        self._untold: dict[Partition, int] = {}
        self._owing: set[Partition] = set()
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
        self._owing -= partitions
        for partition in partitions:
            self._held.pop(partition, None)

    def forget(self) -> None:
        """Nothing is certain any more: every partition is to be asked for again."""
        self._held = dict.fromkeys(self._held)
        self._pause(self._held)

    async def find(self, known: Known) -> None:
        """Ask the database where the unknown partitions stand, and read on from there.

        Args:
            known: ``Offsets.known``.

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
        offsets = await known(beginnings)
        for partition, offset in offsets.items():
            if partition not in self._held or partition not in consumer.owned():
                continue  # it went while we asked
            start = self._start(partition, offset, beginnings[partition], ends[partition])
            consumer.seek(partition, start)
            consumer.resume([partition])
            self._held[partition] = offset
            if start < ends[partition]:
                self._owing.add(partition)

    def ours(self, records: Iterable[Record]) -> list[Record]:
        """The records that lie on partitions whose place is known."""
        return [record for record in records if self._held.get(record.partition) is not None]

    def held(self) -> dict[Partition, int]:
        """Where the partitions with a known place stand: the offset in the database."""
        return {partition: offset for partition, offset in self._held.items() if offset is not None}

    def proven(self) -> bool:
        """Is it known that the database takes what we read?

        That it says where we stand proves nothing: one whose disk is full says that, too. While
        records wait, only a batch that is through does.
        """
        return bool(self.held()) and not self._owing

    def moved(self, offsets: Mapping[Partition, int]) -> None:
        """The database has these now; what is no longer ours is left alone."""
        self._owing.clear()
        for partition, offset in offsets.items():
            if self._held.get(partition) is not None:
                self._held[partition] = offset
        self._untold |= offsets

    async def tell(self) -> bool:
        """Commit to Kafka what has moved, for the tools that show lag.

        Returns:
            False when nothing has moved since the last time.
        """
        consumer = self._consumer
        if consumer is None or not self._untold:
            return False
        ours = consumer.owned()
        offsets = {one: offset for one, offset in self._untold.items() if one in ours}
        self._untold = {}
        try:
            await consumer.commit(offsets)
        except BrokerUnavailableError as exc:
            self._log.info("lag_not_told", error_type=exc.kind)
        return True

    async def lags(self) -> dict[Partition, int]:
        """How many records wait on each partition with a known place.

        Raises:
            BrokerUnavailableError: Kafka is away.
        """
        return await lags_of(self._consumer, self.held()) if self._consumer is not None else {}

    def _pause(self, partitions: Iterable[Partition]) -> None:
        if self._consumer is not None:
            self._consumer.pause(frozenset(partitions) & self._consumer.owned())

    def _start(self, partition: Partition, offset: int, first: int, end: int) -> int:
        if offset > end:
            self._log.error(
                "topic_is_shorter_than_our_offset",
                topic=partition.topic,
                partition=partition.number,
                offset=offset,
                end=end,
            )
            return first
        if offset < first:
            self._log.error(
                "records_expired_unread",
                topic=partition.topic,
                partition=partition.number,
                count=first - offset,
            )
        return max(offset, first)


def _list(each: LiteralString, parts: Iterable[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL(each).format(part) for part in parts)


def _places(partitions: Iterable[Partition]) -> tuple[list[str], list[int]]:
    ordered = list(partitions)
    return [one.topic for one in ordered], [one.number for one in ordered]
