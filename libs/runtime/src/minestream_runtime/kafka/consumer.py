"""Reads records in batches, and tells its owner which partitions came and went."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition, errors

from minestream_runtime import semconv
from minestream_runtime.errors import BrokerUnavailableError, MembershipLostError
from minestream_runtime.kafka.twins import Membership, Twins
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.topics import TOPICS

_QUIET_SESSIONS: Final = 3
"""A group that has refused nothing for so long does not go on refusing."""
_LARGEST: Final = max(topic.max_message_bytes for topic in TOPICS)


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """One partition of a registered topic; ``topic`` is the registered name, without namespace."""

    topic: str
    number: int


class Record(NamedTuple):
    """One record as it lies on its partition."""

    partition: Partition
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    at_ms: int

    @property
    def place(self) -> dict[str, str | int]:
        """Where it lies, as spans tell it."""
        return semconv.place_of(self.partition.topic, self.partition.number, self.offset)

    @property
    def at(self) -> datetime | None:
        """Its timestamp; None for "no timestamp" (-1) and what no calendar holds."""
        if self.at_ms < 0:
            return None
        try:
            return datetime.fromtimestamp(self.at_ms / 1000, UTC)
        except (OverflowError, ValueError):
            return None


class Ownership(Protocol):
    """Learns which partitions this consumer owns.

    Records of new partitions may be given from ``assigned``'s first await on: aiokafka does not
    wait for its end.
    """

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """These are ours from now on: seek, load."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """These are ours no more: let go of what belongs to them."""


class Consumer:
    """A batch consumer; in a group, or without one over all partitions.

    Offsets are nobody's business here but the caller's: nothing is committed unless asked.
    In a group it is a static member, named after the group and ``settings.instance``: killed and
    started again within the session's time-out, it has its partitions back at once. So two
    replicas need two instances; two of one instance are found out within seconds.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[Topic],
        *,
        group: str | None = None,
        ownership: Ownership | None = None,
        from_end: bool = False,
        session_timeout_s: float = 10.0,
    ) -> None:
        self._settings = settings
        self._names = {topic.named(settings.topic_namespace): topic.name for topic in topics}
        self._topics = topics
        self._group = settings.group(group) if group else None
        self._ownership = ownership
        self._fault: Exception | None = None
        self._twins = Twins(self._group, settings.instance)
        self._session_s = session_timeout_s
        self._refused_at_s: float | None = None
        self._refused_last_s = 0.0
        self._anew = False
        self._client = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka_bootstrap,
            group_id=self._group,
            group_instance_id=f"{self._group}-{settings.instance}" if self._group else None,
            enable_auto_commit=False,
            auto_offset_reset="latest" if from_end else "earliest",
            max_partition_fetch_bytes=_LARGEST,
            session_timeout_ms=int(session_timeout_s * 1000),
            heartbeat_interval_ms=int(session_timeout_s * 1000 / 4),
            metadata_max_age_ms=30_000,
        )

    async def __aenter__(self) -> Self:
        try:
            await self._client.start()
            await self._begin()
        except (errors.KafkaError, OSError) as exc:
            await self._client.stop()
            raise BrokerUnavailableError(f"no Kafka at {self._settings.kafka_bootstrap}") from exc
        except BaseException:  # cancelled half-way
            await self._client.stop()
            raise
        return self

    async def _begin(self) -> None:
        if self._group is not None:
            self._client.subscribe(list(self._names), listener=_Listener(self, self._ownership))
            return
        self._client.assign(
            [
                TopicPartition(name, number)
                for name in self._names
                for number in sorted(await self._numbers(name))
            ]
        )
        if self._ownership is not None:
            await self._ownership.assigned(self.owned())

    async def __aexit__(self, *_: object) -> None:
        await self._client.stop()

    def owned(self) -> frozenset[Partition]:
        """The partitions that are ours now."""
        return frozenset(map(self._ours, self._client.assignment()))

    async def records(self, *, wait_s: float = 0.5, most: int = 5000) -> list[Record]:
        """The next records, in order within each partition.

        Each call gives others their turn, also where a long backlog has been fetched already: who
        reads 100,000 records without a pause is thrown out of its group.

        Args:
            wait_s: how long to wait for the first.
            most: at most so many.

        Raises:
            BrokerUnavailableError: Kafka is away; call again.
            MembershipLostError: the group goes on refusing us.
            ConfigurationError: another process has our name.
            Exception: what the owner raised at a change of partitions, or what has ended the
                client's membership: calling again is no use.
        """
        await asyncio.sleep(0)
        try:
            fetched = await self._client.getmany(timeout_ms=int(wait_s * 1000), max_records=most)
        except errors.KafkaError as exc:
            if self._left_for_good():
                raise
            self._count_refusal(exc)
            raise BrokerUnavailableError(type(exc).__name__) from exc
        if self._fault is not None:
            raise self._fault
        self._twins.require_none()
        return [
            Record(
                partition,
                found.offset,
                found.key,
                found.value,
                dict(found.headers),
                found.timestamp,
            )
            for partition, batch in ((self._ours(where), fetched[where]) for where in fetched)
            for found in batch
        ]

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from ``offset``."""
        self._client.seek(self._theirs(partition), offset)

    def pause(self, partitions: Iterable[Partition]) -> None:
        """Give no records of these until resumed; they stay ours."""
        self._client.pause(*map(self._theirs, partitions))

    def resume(self, partitions: Iterable[Partition]) -> None:
        """Give their records again."""
        self._client.resume(*map(self._theirs, partitions))

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset after the last record of each."""
        return await self._offsets(self._client.end_offsets, partitions)

    async def beginnings(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The offset of the first record that each still has."""
        return await self._offsets(self._client.beginning_offsets, partitions)

    async def positions(self) -> dict[Partition, int]:
        """The offset of the next record to be given of each of our partitions.

        It also passes what compaction has removed, of which no record tells.

        Raises:
            BrokerUnavailableError: Kafka does not say where a partition begins or ends.
        """
        try:
            return {
                self._ours(where): await self._client.position(where)
                for where in self._client.assignment()
            }
        except errors.KafkaError as exc:
            raise BrokerUnavailableError(type(exc).__name__) from exc

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Tell Kafka how far the group has got (offset of the next record).

        Raises:
            BrokerUnavailableError: not committed: Kafka is away, or the group has moved on.
        """
        try:
            await self._client.commit({self._theirs(p): at for p, at in offsets.items()})
        except errors.KafkaError as exc:
            raise BrokerUnavailableError(type(exc).__name__) from exc

    async def told(self, news: Awaitable[None]) -> None:
        """Let the owner learn of a change; what it raises, ``records`` raises."""
        try:
            await news
        except Exception as exc:  # noqa: BLE001 - aiokafka would only log it
            self._fault = exc

    def look_for_twin(self) -> None:
        """Notice another process under our name; ``records`` tells of it."""
        coordinator = self._client._coordinator  # noqa: SLF001 - no public way
        now = Membership(coordinator.generation, coordinator.member_id)
        self._twins.look(now, asyncio.get_running_loop().time())

    def joined(self) -> None:
        """The group has taken us: whatever it refused before is over."""
        self._refused_at_s, self._anew = None, False

    def _count_refusal(self, exc: errors.KafkaError) -> None:
        """Get out of a group that answers and refuses: ask as a new member, or end.

        aiokafka asks for ever under the member id that it once had. The coordinator may have
        forgotten that, or given our place away; or (Kafka 4.3, seen at members that replace each
        other in the same instant) fail within itself at it. An error of the connection is no
        refusal, nor is one that has long passed: not each of them costs us our place.
        """
        refuses = type(exc) is errors.KafkaError or isinstance(exc, errors.UnknownError)
        if self._group is None or not refuses:
            return
        now_s = asyncio.get_running_loop().time()
        passed_s = now_s - self._refused_last_s
        if self._refused_at_s is None or passed_s > _QUIET_SESSIONS * self._session_s:
            self._refused_at_s, self._anew = now_s, False
        self._refused_last_s = now_s
        lasted_s = now_s - self._refused_at_s
        if lasted_s > self._session_s * 1.5:
            raise MembershipLostError(
                f"{self._group} has refused us for {lasted_s:.0f} s: {exc}"
            ) from exc
        if lasted_s > self._session_s / 4 and not self._anew:
            self._anew = True
            self._client._coordinator.reset_generation()  # noqa: SLF001 - no public way

    def _left_for_good(self) -> bool:
        """Has aiokafka's task for the group ended, as at exceptions that it does not know?"""
        task = getattr(self._client._coordinator, "_coordination_task", None)  # noqa: SLF001 - no public way
        return task is not None and task.done()

    async def _offsets(self, ask: Any, partitions: Iterable[Partition]) -> dict[Partition, int]:
        wanted = [self._theirs(partition) for partition in partitions]
        if not wanted:
            return {}
        try:
            found = await ask(wanted)
        except errors.KafkaError as exc:
            raise BrokerUnavailableError(type(exc).__name__) from exc
        return {self._ours(where): offset for where, offset in found.items()}

    async def _numbers(self, name: str) -> set[int]:
        for _ in range(50):
            numbers = self._client.partitions_for_topic(name)
            if numbers:
                return set(numbers)
            await self._client._client.force_metadata_update()  # noqa: SLF001 - no public way
            await asyncio.sleep(0.1)
        raise BrokerUnavailableError(f"topic {name} is not there: run `minestream up`")

    def _ours(self, where: TopicPartition) -> Partition:
        return Partition(self._names[where.topic], where.partition)

    def _theirs(self, partition: Partition) -> TopicPartition:
        name = self._settings.topic_namespace + partition.topic.removeprefix("minestream")
        return TopicPartition(name, partition.number)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # published without types
    def __init__(self, consumer: Consumer, ownership: Ownership | None) -> None:
        self._consumer = consumer
        self._ownership = ownership

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if self._ownership is not None and revoked:
            ours = frozenset(map(self._consumer._ours, revoked))  # noqa: SLF001
            await self._consumer.told(self._ownership.revoked(ours))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer.joined()
        self._consumer.look_for_twin()
        if self._ownership is not None:  # also when it is left with none: that is news
            ours = frozenset(map(self._consumer._ours, assigned))  # noqa: SLF001
            await self._consumer.told(self._ownership.assigned(ours))
