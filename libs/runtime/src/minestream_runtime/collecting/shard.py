"""Follows a compacted topic as a member of a group: the partitions it owns are its shard."""

import asyncio
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import structlog

from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.shard_copy import EntryCopy
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.metrics import counter
from minestream_runtime.settings import Settings
from minestream_schemas.event import Event, Topic

E = TypeVar("E", bound=Event)
_PAUSE_S: Final = 0.5
_QUIET_S: Final = 2.5
_ANSWER_S: Final = 2.0
_DOUBT_S: Final = 15.0
_COPY_EVERY_S: Final = 5.0
_AT_ONCE: Final = 250
"""Entries taken in one turn of the loop: with their credentials opened some 20 ms."""


class Shard(Generic[E]):
    """The entries of our partitions, kept up to date.

    On assignment the partitions that are new are read from their beginning; those that we kept
    go on where they were, so a rebalance forgets nothing. From the moment partitions are
    revoked until the next assignment all entries are let go (``on_gone``), and then those of
    kept partitions given again. When Kafka is lost in that very moment, they are given again
    after 15 s: two who ask are better than none. A member that starts while Kafka is away takes
    the entries it had last (``copy``), for the same reason, until it has read the topic.

    Args:
        settings: where Kafka is.
        topic: compacted; its keys are the entries' ids.
        entry: the model of its values.
        group: the members who share the topic.
        clock: measures the doubt above.
        on_there: an entry is new, has changed or is ours again.
        on_gone: an entry was removed, or is no longer ours.
        copy: the file in which to keep the entries for such a start; None: nowhere.
    """

    def __init__(
        self,
        settings: Settings,
        topic: Topic,
        entry: type[E],
        *,
        group: str,
        clock: Clock,
        on_there: Callable[[str, E], None],
        on_gone: Callable[[str], None],
        copy: Path | None = None,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._entry = entry
        self._group = group
        self._clock = clock
        self._on_there = on_there
        self._on_gone = on_gone
        self._copy = EntryCopy(copy, entry) if copy is not None else None
        self._copied_s = -_COPY_EVERY_S
        self._recalled: dict[str, E] = {}
        self._changed = False
        self._consumer: Consumer | None = None
        self._entries: dict[Partition, dict[str, E]] = {}
        self._next: dict[Partition, int] = {}
        self._ends: dict[Partition, int] = {}
        self._in_doubt_s: float | None = None
        self._heard_s = 0.0
        self._silences = 0
        self._log = structlog.get_logger()

    @property
    def partitions(self) -> frozenset[Partition]:
        """What we own."""
        return frozenset(self._entries)

    @property
    def ready(self) -> bool:
        """Has everything been read that was there at the assignment?

        Not while we own nothing: a topic that is not yet known gives an assignment of none.
        """
        return bool(self._entries) and not self._ends

    async def run(self) -> None:
        """Follow the topic until cancelled; a broker that is away is waited for."""
        backoff, waits = Backoff(first_s=0.5, most_s=5.0), False
        while True:
            try:
                async with Consumer(
                    self._settings, [self._topic], group=self._group, ownership=self
                ) as consumer:
                    await self._follow(consumer)
            except BrokerUnavailableError as exc:
                if not waits:
                    self._log.warning("shard_waits_for_kafka", error=str(exc))
                    await self._recall()
                waits = True
            await asyncio.sleep(backoff.next_s())

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``."""
        consumer = self._consumer
        if consumer is None:
            return
        for lost in self._entries.keys() - partitions:
            self._let_go(lost)
        fresh = partitions - self._entries.keys()
        for partition in fresh:
            self._entries[partition] = {}
            self._next[partition] = 0
            self._ends[partition] = sys.maxsize  # until we know
        for partition in partitions:
            consumer.seek(partition, self._next[partition])
        self._heard_s, self._silences = self._clock.monotonic(), 0
        self._changed = True
        # not before: while we wait, records are given already
        await self._give_again()
        for partition, end in (await self._ends_of(consumer, fresh)).items():
            if self._next[partition] < end:
                self._ends[partition] = end
            else:
                self._ends.pop(partition, None)
        self._log.info("shard_assigned", partitions=len(partitions), fresh=len(fresh))

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``."""
        self._in_doubt_s = math.inf  # while it lasts nothing is given again, however long
        try:
            for partition in partitions & self._entries.keys():
                for number, key in enumerate(list(self._entries[partition]), start=1):
                    self._on_gone(key)
                    await _now_and_then(number)
        finally:
            self._in_doubt_s = self._clock.monotonic()

    async def _follow(self, consumer: Consumer) -> None:
        self._consumer = consumer
        try:
            while True:
                try:
                    records = await consumer.records(wait_s=0.5, most=_AT_ONCE)
                except BrokerUnavailableError as exc:
                    self._log.debug("shard_read_failed", error=str(exc))
                    await asyncio.sleep(_PAUSE_S)
                    continue
                for record in records:
                    self._apply(record)
                await self._listen(consumer, heard=bool(records))
                await self._end_doubt()
                await self._keep_copy()
        finally:
            self._consumer = None

    async def _ends_of(
        self, consumer: Consumer, fresh: frozenset[Partition]
    ) -> dict[Partition, int]:
        """How far each new partition must be read until it is known; 0: it is empty."""
        try:
            begins = await consumer.beginnings(fresh)
            ends = await consumer.ends(fresh)
        except BrokerUnavailableError:
            return {}  # then silence tells
        return {where: end if end > begins[where] else 0 for where, end in ends.items()}

    async def _listen(self, consumer: Consumer, *, heard: bool) -> None:
        """Take the topic for read when nothing more comes of it though the broker is there.

        The last records before the end may have been compacted away. A broker that is away is
        silent too, so it is asked, and once more after another silence: it may just have come back.
        """
        now_s = self._clock.monotonic()
        if heard:
            self._heard_s, self._silences = now_s, 0
        elif self._ends and now_s - self._heard_s > _QUIET_S:
            self._silences = self._silences + 1 if await self._answers(consumer) else 0
            self._heard_s = self._clock.monotonic()
            if self._silences > 1:
                self._ends.clear()

    async def _answers(self, consumer: Consumer) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_S):
                await consumer.ends(self._ends)
        except (BrokerUnavailableError, TimeoutError):
            return False
        return True

    async def _end_doubt(self) -> None:
        since_s = self._in_doubt_s
        if since_s is not None and self._clock.monotonic() - since_s > _DOUBT_S:
            self._log.warning("shard_kept_in_doubt", partitions=len(self._entries))
            await self._give_again()

    def _apply(self, record: Record) -> None:
        partition = record.partition
        entries = self._entries.get(partition)
        if entries is None or record.offset < self._next[partition]:
            return
        self._next[partition] = record.offset + 1
        self._changed = True
        if record.offset + 1 >= self._ends.get(partition, 0):
            self._ends.pop(partition, None)
        key = (record.key or b"").decode(errors="replace")
        if record.value is None:
            if entries.pop(key, None) is not None:
                self._on_gone(key)
            return
        try:
            entry = self._entry.from_json(record.value)
        except ValueError as exc:
            counter("minestream_left_out_total").labels(self._topic.name, "schema").inc()
            self._log.error("shard_entry_refused", key=key, error=_first_line(exc))
            return
        if entries.get(key) != entry:
            entries[key] = entry
            self._on_there(key, entry)

    async def _recall(self) -> None:
        """Take the entries of the last life, unless this one has read the topic."""
        if self._copy is None or self._entries:
            return
        self._recalled = await asyncio.to_thread(self._copy.load)
        for key, entry in self._recalled.items():
            self._on_there(key, entry)
        self._log.warning("shard_recalled", entries=len(self._recalled))

    async def _keep_copy(self) -> None:
        """Once the topic is read: let go of what it no longer has, and write the rest down."""
        now_s = self._clock.monotonic()
        if not self.ready or not self._changed or now_s - self._copied_s < _COPY_EVERY_S:
            return
        self._changed, self._copied_s = False, now_s
        entries = {key: entry for held in self._entries.values() for key, entry in held.items()}
        for key in self._recalled.keys() - entries.keys():
            self._on_gone(key)
        self._recalled = {}
        if self._copy is not None:
            await asyncio.to_thread(self._copy.save, entries)

    async def _give_again(self) -> None:
        """Give what the last revocation took; another one meanwhile has all given once more."""
        since_s = self._in_doubt_s
        if since_s is None:
            return
        for partition, entries in list(self._entries.items()):
            for number, key in enumerate(list(entries), start=1):
                entry = self._entries.get(partition, {}).get(key)  # it may be gone meanwhile
                if entry is not None:
                    self._on_there(key, entry)
                await _now_and_then(number)
                if self._in_doubt_s != since_s:
                    return
        self._in_doubt_s = None

    def _let_go(self, partition: Partition) -> None:
        for key in self._entries.pop(partition):
            self._on_gone(key)
        self._next.pop(partition)
        self._ends.pop(partition, None)


async def _now_and_then(number: int) -> None:
    """Give others their turn after each so many entries: a shard may be 100,000."""
    if number % _AT_ONCE == 0:
        await asyncio.sleep(0)


def _first_line(exc: Any) -> str:
    return str(exc).splitlines()[0]
