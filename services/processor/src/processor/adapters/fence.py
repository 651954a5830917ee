"""Faust's Kafka consumer, fenced: a rebalance neither skips, reorders nor rolls back events.

Faust runs aiokafka on a thread of its own, whose queue of calls is worked off by two tasks: a
fetch and a seek share one event loop and can pass each other. On real Kafka 4.3 five races follow,
each of them at a rebalance (ADR 0004 has the measurements):

1. *Stale fetch.* Stream partitions are resumed before the seek. A fetch in flight then brings
   records of the old position after it; Faust books the jump as a gap ("compacted away") and
   refuses the re-read events as old. On a changelog the same rolls the table back.
2. *Read offset set late.* ``perform_seek`` writes the read offset in the main thread, after the
   seek ran in the consumer's: what is fetched in between is judged by the old one.
3. *Emptied queues.* ``flow_control.resume()`` empties every stream queue, and runs after the seek:
   events delivered in between vanish without an ack.
4. *Emptied set.* ``pause_partitions`` empties the very set that the fetch in flight was given, and
   aiokafka reads an empty set as *all partitions*: records are taken, their position moves on, and
   ``getmany`` throws them away because their partition is not active.
5. *No commit yet.* aiokafka's ``seek_to_committed`` leaves a partition without a commit where it
   stood, so what was in flight is never read again.

The fence: fetches and seeks are stamped by one counter in the thread where both run, so their
order is known exactly. A record asked for before its partition's last seek is refused (``dropped``
counts them); one taken after a seek that its fetch knew nothing of is put back. Seek, read offset
and book of acks change together, without an await between them, under Faust's own lock, and only
while the generation that asked for it stands. A stream partition becomes active in
``resume_flow``: after its seek, and after the queues were emptied. A partition without a commit
starts at its beginning. Partitions of a topic that is held stay paused until it is released: they
are sought, and not active.

One more was seen in the source and in no run: ``on_buffer_drop`` makes a partition active that was
paused meanwhile; here it stays paused.

It touches private names, so ``require_versions`` refuses any other release of the three packages.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Generator, Iterable, Mapping
from functools import partial
from importlib.metadata import version
from typing import Any, Final

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ack_lock
from intervaltree import IntervalTree
from mode.services import WaitResults

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka.twins import Membership
from processor.adapters.sends import StrictProducer

PINNED: Final = {"faust-streaming": "0.15.3", "mode-streaming": "0.7.1", "aiokafka": "0.14.0"}


def require_versions(pinned: Mapping[str, str] = PINNED) -> None:
    """Refuse to run on any release but the one whose private names this module knows.

    Raises:
        ConfigurationError: naming the packages that differ.
    """
    other = {name: found for name, want in pinned.items() if (found := version(name)) != want}
    if other:
        raise ConfigurationError(
            f"the fence around Faust was proven with {dict(pinned)}, but found {other}: "
            "install requirements.lock, or prove the fence anew (ADR 0004)"
        )


class Fetched(dict[TP, list[Any]]):
    """Records by partition, and the stamp of the instant at which they were asked for."""

    asked: int = 0


class FencedThread(driver.AIOKafkaConsumerThread):
    """The consumer's thread: stamps fetches and seeks, whose order on its loop is exact."""

    consumer: "FencedConsumer"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stamps = itertools.count(1)
        self.sought: dict[TP, int] = {}
        """By partition: the stamp of its last seek."""

    async def _fetch_records(
        self,
        consumer: Any,
        active_partitions: Iterable[TP],
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> Mapping[TP, list[Any]]:
        # a copy, because Faust empties its set at a rebalance: race 4
        wanted, asked = set(active_partitions), next(self._stamps)
        if not wanted:
            return {}
        fetched = Fetched(await super()._fetch_records(consumer, wanted, timeout, max_records))
        fetched.asked = asked
        for tp in [tp for tp in fetched if self.sought.get(tp, 0) > asked]:
            consumer.seek(tp, fetched.pop(tp)[0].offset)
        return fetched

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:
        stamp = next(self._stamps)  # nothing awaits between the stamp and the seeks
        self.sought.update(dict.fromkeys(partitions, stamp))
        await super()._seek_wait(consumer, partitions)

    async def seek_to_committed(self) -> Mapping[TP, int | None]:  # type: ignore[override] # Faust has None too
        """Move every stream partition to its commit, or to its beginning where it has none.

        Returns:
            the commits, by partition; None where there is none.
        """
        return await self.call_thread(self._seek_to_committed)  # type: ignore[no-any-return]

    async def _seek_to_committed(self) -> Mapping[TP, int | None]:
        kafka, parent = self._ensure_consumer(), self.consumer
        generation = parent.app.consumer_generation_id
        streams = [tp for tp in kafka.assignment() if not parent._is_changelog_tp(tp)]  # noqa: SLF001
        committed: dict[TP, int | None] = {tp: await kafka.committed(tp) for tp in streams}
        # asked for in one request: each waits its turn behind a fetch on the same connection
        fresh = [tp for tp, at in committed.items() if at is None]
        begins = await kafka.beginning_offsets(fresh) if fresh else {}
        if parent.app.consumer_generation_id != generation:
            return {}  # another rebalance has cancelled our caller, and seeks for itself
        for tp, at in committed.items():
            self._move(kafka, tp, begins[tp] if at is None else at)
        return committed

    def _move(self, kafka: Any, tp: TP, offset: int) -> None:
        # one step: nothing awaits, so that no fetch can see half of it
        parent = self.consumer
        kafka.seek(tp, offset)
        self.sought[tp] = next(self._stamps)
        parent._read_offset[tp] = offset or None  # noqa: SLF001
        parent.begun[tp] = offset
        with ack_lock:  # replace, never remove: the main thread may be iterating over these
            if tp in parent._acked:  # noqa: SLF001
                parent._acked[tp] = []  # noqa: SLF001
            if tp in parent._acked_index:  # noqa: SLF001
                parent._acked_index[tp] = set()  # noqa: SLF001
            if tp in parent._gap:  # noqa: SLF001
                parent._gap[tp] = IntervalTree()  # noqa: SLF001


class FencedConsumer(driver.Consumer):
    """Makes a stream partition active only after its seek and after the queues were emptied."""

    _thread: FencedThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.dropped = 0
        """Stale records refused."""
        self.begun: dict[TP, int] = {}
        """By stream partition: where reading began at the last rebalance."""
        self._asked = 0
        self._due: set[TP] = set()
        self._sought: set[TP] = set()
        self._withheld: set[TP] = set()
        super().__init__(*args, **kwargs)
        self._held: frozenset[str] = getattr(self.transport, "held", frozenset())

    @property
    def membership(self) -> Membership | None:
        """Our place in the group; None before the first try to join it."""
        client = self._thread._consumer  # noqa: SLF001
        coordinator = client and client._coordinator  # noqa: SLF001
        return coordinator and Membership(coordinator.generation, coordinator.member_id)

    def _new_consumer_thread(self) -> FencedThread:
        return FencedThread(self, loop=self.loop, beacon=self.beacon)

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Stop giving records of these; a resume that was due is off."""
        paused = set(tps)
        self._due -= paused
        self._sought -= paused
        self._withheld -= paused
        super().pause_partitions(paused)

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Give records of changelogs again; note stream partitions as due for their seek."""
        resumed = set(tps)
        self._due |= {tp for tp in resumed if not self._is_changelog_tp(tp)}
        super().resume_partitions(resumed - self._due)

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch again for a queue that has room again, unless the partition is paused."""
        if tp in self._paused_partitions:
            self._buffered_partitions.discard(tp)
        else:
            super().on_buffer_drop(tp)

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Judge nothing: Faust's judgement needs its monitor, and we have a watchdog."""

    async def perform_seek(self) -> None:
        """Seek; what was due before and still is may be resumed by ``resume_flow``."""
        due = set(self._due)
        committed = await self.seek_to_committed()
        self._committed_offset.update(
            {tp: at or None for tp, at in committed.items() if at is not None}
        )
        self._sought |= due & self._due
        self._due -= due

    def resume_flow(self) -> None:
        """Make active what was sought: Faust has just emptied the stream queues."""
        super().resume_flow()
        self._withheld |= {tp for tp in self._sought if tp.topic in self._held}
        super().resume_partitions(self._sought - self._withheld)
        self._sought = set()

    def release(self) -> None:
        """Give what was held back, and hold nothing back from now on."""
        self._held = frozenset()
        super().resume_partitions(self._withheld)
        self._withheld = set()

    async def _getmany(self, *args: Any, **kwargs: Any) -> Mapping[TP, list[Any]]:
        fetched: Mapping[TP, list[Any]] = await super()._getmany(*args, **kwargs)
        self._asked = getattr(fetched, "asked", 0)
        return fetched

    async def getmany(
        self,
        timeout: float,  # noqa: ASYNC109 - Faust's signature
    ) -> AsyncIterator[tuple[TP, Any]]:
        """Give fetched records, but none that was asked for before its partition's last seek."""
        sought = self._thread.sought
        async for tp, message in super().getmany(timeout):
            if sought.get(tp, 0) > self._asked:
                self.dropped += 1  # it comes again
                continue
            yield tp, message

    async def wait_first(self, *coros: Any, timeout: Any = None) -> WaitResults:  # noqa: ASYNC109
        """Wait for the first to end, without any task where a delivery does not suspend.

        Faust waits so for every record, with four tasks each, although a delivery into a queue
        with room ends at its first step.
        """
        delivery, *others = coros
        buffer = self.app.producer.buffer
        if not asyncio.iscoroutine(delivery) or buffer.size > buffer.max_messages:
            return await super().wait_first(*coros, timeout=timeout)
        try:
            waits_for = delivery.send(None)
        except BaseException as exc:
            for other in filter(asyncio.iscoroutine, others):
                other.close()
            if not isinstance(exc, StopIteration):
                raise
            ended = self._stopped.is_set() or self._crashed.is_set()
            return WaitResults(done=[delivery], results=[exc.value], stopped=ended)
        return await super().wait_first(_rest_of(delivery, waits_for), *others, timeout=timeout)


class _Begun:
    """A coroutine that has been run up to the first future that it waits for."""

    def __init__(self, coroutine: Any, waits_for: Any) -> None:
        self._coroutine, self._waits_for = coroutine, waits_for

    def __await__(self) -> Generator[Any, Any, Any]:
        waits_for = self._waits_for
        while True:
            try:
                sent = yield waits_for
            except asyncio.CancelledError as exc:
                step = partial(self._coroutine.throw, exc)
            else:
                step = partial(self._coroutine.send, sent)
            try:
                waits_for = step()
            except StopIteration as done:
                return done.value


async def _rest_of(coroutine: Any, waits_for: Any) -> Any:
    return await _Begun(coroutine, waits_for)


class FencedTransport(driver.Transport):
    """The only transport that the processor uses."""

    Consumer = FencedConsumer
    Producer = StrictProducer
    held: frozenset[str] = frozenset()


def fence(app: faust.App, *, held: frozenset[str] = frozenset()) -> None:
    """Put the fence around an app: after its settings are final, before it starts.

    Args:
        app: Faust's.
        held: topics whose partitions stay paused until ``FencedConsumer.release``.
    """
    transport = app.transport = FencedTransport(app.conf.broker_consumer, app)
    transport.held = held
    app.producer_transport = FencedTransport(app.conf.broker_producer, app)
