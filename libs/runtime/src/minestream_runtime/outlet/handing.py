"""Hands events to Kafka, or to the spool while Kafka is away; order per key survives both."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

import structlog
from msgspec.structs import replace
from opentelemetry.trace import SpanKind

from minestream_runtime import semconv, traces
from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BrokerUnavailableError, RecordRefusedError
from minestream_runtime.metrics import gauge, histogram
from minestream_runtime.outlet import fates
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Batch, Kept, Lost, Spool, Spooled
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap, GapCause, gap_of
from minestream_schemas.topics import BY_NAME

_IDLE_S: Final = 0.5
_DOWN_SINCE: Final = "link_down_since"


class Sender(Protocol):
    """What the outlet needs of a producer."""

    async def send(
        self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Send one record and wait for its acknowledgement.

        Raises:
            BrokerUnavailableError: not acknowledged.
            RecordRefusedError: it never will be.
        """


@dataclass(slots=True)
class _Turn:
    """Who may send under one key: one at a time, first come, first served."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Outlet:
    """The way out of a collector.

    While the spool holds anything, new events queue behind it. When Kafka has been away for
    ``gap_after_s``, a gap ``link_down`` is told, and again when it is back; drops of the spool
    are told as ``spool_overflow``. Both go the same way as everything else, and what they need
    is kept in the spool's file, so a restart in between changes nothing.

    Args:
        producer: sends.
        spool: opened by the caller.
        ledger: opened by the caller.
        clock: times of gaps.
        subject: who we are, in gaps.
        gap_after_s: how long the link may be down before that is told, seconds.
        site_id: whose gaps they are; None: of no one site.
        ordered: the sender keeps the order of what is handed to it at once, also when one of it
            fails; else only one event of a key is under way.
    """

    def __init__(
        self,
        producer: Sender,
        spool: Spool,
        ledger: Ledger,
        clock: Clock,
        *,
        subject: str,
        gap_after_s: float = 5.0,
        site_id: str | None = None,
        ordered: bool = False,
    ) -> None:
        self._producer = producer
        self._spool = spool
        self._ledger = ledger
        self._clock = clock
        self._subject = subject
        self._gap_after_s = gap_after_s
        self._site_id = site_id
        self._ordered = ordered
        self._acked: set[str] = set()
        self._under_way = 0
        self._turns: dict[tuple[str, bytes], _Turn] = {}
        self._down_since: datetime | None = None
        self._lost_s = 0.0
        self._last_ack_at: datetime | None = None
        self._gap_told = False
        self._overflow_began_at: datetime | None = None
        self._wake = asyncio.Event()
        self._log = structlog.get_logger()
        fates.begin()

    @property
    def link_down_since(self) -> datetime | None:
        """Since when Kafka has been away; None while it is there."""
        return self._down_since

    async def publish(self, topic: Topic, event: Spooled) -> None:
        """Send an event; returns once Kafka or the spool has it for certain.

        Events of one key leave in the order of the calls. On a full disk the event may be held
        in memory: then it enters the ledger when it gets further. Where the event's trace is
        kept, this is a span, and its context is what the record carries.

        Args:
            topic: where to.
            event: what; its ``memo`` goes into the ledger.
        """
        began_s = self._clock.monotonic()
        parent = traces.sampled(event.headers)
        if parent is None:
            await self._hand_over(topic, event)
        else:
            about = {**fates.about(event), semconv.MESSAGING_SYSTEM: "kafka"}
            with traces.child(
                f"send {topic.name}", parent, kind=SpanKind.PRODUCER, attributes=about
            ) as span:
                await self._hand_over(topic, replace(event, headers=traces.headers_of(span)))
        histogram("collector_upload_latency_ms").observe((self._clock.monotonic() - began_s) * 1000)

    async def tell(self, gap: Gap) -> None:
        """Publish a gap. It is as old as its telling: none is too old for the spool."""
        event = Spooled(
            topic=GAP.name,
            key=gap.subject.encode(),
            value=gap.to_json(),
            event=str(gap.event_id),
            at_s=self._clock.now().timestamp(),
        )
        await self.publish(GAP, event)

    async def _hand_over(self, topic: Topic, event: Spooled) -> None:
        async with self._turn(event.topic, event.key):
            if self._down_since is None and self._may_follow():
                try:
                    await self._send(topic, event)
                except BrokerUnavailableError as exc:
                    await self._link_lost(str(exc))
                except asyncio.CancelledError:  # told to stop with the acknowledgement outstanding
                    await self._to_spool(event)
                    raise
                else:
                    return
            await self._to_spool(event)

    def _may_follow(self) -> bool:
        """May an event be sent at once, with nothing of the spool left behind it?

        What is under way to an ordered sender stays before it even there: else a sender that takes
        its time would always find the spool filled anew.
        """
        return len(self._spool) <= (self._under_way if self._ordered else 0)

    async def run(self) -> None:
        """Empty the spool whenever Kafka takes it, until cancelled."""
        since = await self._spool.note(_DOWN_SINCE)
        if since is not None:  # the last run ended while Kafka was away
            self._down_since = self._as_noted(since)
            self._gap_told = True
        backoff = Backoff(first_s=0.5, most_s=5.0)
        while True:
            self._show()
            await self._tell_gaps()
            if not len(self._spool):
                if self._down_since is not None and not self._turns:
                    await self._link_back()  # nothing left to try it with: the next event will
                await self._idle(_IDLE_S)
                continue
            if await self._drain_once():
                backoff.reset()
            else:
                await asyncio.sleep(backoff.next_s())

    def _as_noted(self, since: str) -> datetime:
        """Since when; where the disk has damaged the note, since what has waited longest."""
        try:
            return datetime.fromisoformat(since).astimezone(UTC)
        except (ValueError, OverflowError):
            oldest_s = self._spool.oldest_at_s
            at = self._clock.now() if oldest_s is None else datetime.fromtimestamp(oldest_s, UTC)
            self._log.error("spool_note_damaged", note=_DOWN_SINCE, taken=at.isoformat())
            return at

    async def _drain_once(self) -> bool:
        """Send the oldest events; False when Kafka does not take them, or the disk gives none."""
        batch = await self._spool.peek()
        if not batch.events:
            return False
        waves = [list(batch.events)] if self._ordered else _waves(batch.events)
        self._under_way = len(batch.events)
        try:
            for wave in waves:
                await self._send_all(wave)
        except BrokerUnavailableError as exc:
            await self._link_lost(str(exc))
            await self._spool.release()
            return False
        finally:
            self._under_way = 0
        await self._finish(batch)
        return True

    async def _finish(self, batch: Batch) -> None:
        if not batch.last_block:  # they never were on disk, so the ledger has yet to hear of them
            for event in batch.events:
                self._ledger.taken(event.memo, "kafka")
        await self._spool.delete(batch)
        self._acked.clear()
        if self._down_since is not None:
            await self._link_back()

    async def _send_all(self, wave: list[Spooled]) -> None:
        """Send events at once.

        Raises:
            BrokerUnavailableError: at least one was not acknowledged.
        """
        sends = [self._send_spooled(event) for event in wave]
        for outcome in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _send_spooled(self, event: Spooled) -> None:
        if event.event in self._acked:  # the batch broke off behind it
            return
        topic = BY_NAME.get(event.topic)
        if topic is None:
            self._drop(event, "topic unknown to this version")
            self._acked.add(event.event)
            return
        await self._acknowledged(topic, event)
        self._acked.add(event.event)

    async def _send(self, topic: Topic, event: Spooled) -> None:
        if await self._acknowledged(topic, event):
            fates.uploads("kafka").inc()
            self._ledger.taken(event.memo, "kafka")

    async def _acknowledged(self, topic: Topic, event: Spooled) -> bool:
        """Send an event; False: it never can be, and is dropped.

        Raises:
            BrokerUnavailableError: not acknowledged.
        """
        try:
            await self._producer.send(
                topic, key=event.key, value=event.value, headers=event.headers
            )
        except RecordRefusedError as exc:
            self._drop(event, str(exc))
            return False
        now = self._last_ack_at = self._clock.now()
        fates.age().observe(now.timestamp() - event.at_s)
        return True

    def _drop(self, event: Spooled, why: str) -> None:
        fates.dropped(self._ledger, event, why)
        self._log.error("event_dropped", event_id=event.event, topic=event.topic, reason=why)

    async def _to_spool(self, event: Spooled) -> None:
        fates.uploads("spool").inc()
        if await self._spool.put(event) is Kept.DISK:
            self._ledger.taken(event.memo, "spool")
        self._wake.set()

    async def _link_lost(self, why: str) -> None:
        if self._down_since is not None:
            return
        now = self._clock.now()
        # a clock that has jumped back since would have the gap begin, and be told, much later
        self._down_since = min(self._last_ack_at or now, now)
        self._lost_s = self._clock.monotonic()  # whoever says little had its last ack long ago
        self._gap_told = False
        self._log.warning("link_down", error=why)
        await self._spool.set_note(_DOWN_SINCE, self._down_since.isoformat())

    async def _link_back(self) -> None:
        began_at, self._down_since = self._down_since, None
        if began_at is None:
            return
        now = max(self._clock.now(), began_at)
        self._log.info("link_up", down_s=round((now - began_at).total_seconds(), 1))
        lost = await self._spool.lost()
        if self._gap_told:
            await self._tell(
                GapCause.LINK_DOWN, began_at, ended_at=now, lost_total=lost.events if lost else 0
            )
        if lost is not None:
            await self._tell_lost(lost, closed=True)
        if self._down_since is None:  # else it has gone again, and the note is of that
            await self._spool.set_note(_DOWN_SINCE, None)

    async def _tell_gaps(self) -> None:
        """Open the gaps that have lasted, or grown, long enough to be told."""
        began_at = self._down_since
        lost_for_s = self._clock.monotonic() - self._lost_s
        if began_at is not None and not self._gap_told and lost_for_s >= self._gap_after_s:
            self._gap_told = True
            await self._tell(GapCause.LINK_DOWN, began_at)
        lost = await self._spool.lost()
        if lost is None:
            self._overflow_began_at = None
        elif self._down_since is None:
            await self._tell_lost(lost, closed=True)
        elif self._overflow_began_at is None:
            await self._tell_lost(lost, closed=False)

    async def _tell_lost(self, lost: Lost, *, closed: bool) -> None:
        began_at = self._overflow_began_at or datetime.fromtimestamp(lost.first_at_s, UTC)
        self._overflow_began_at = None if closed else began_at
        ended_at = datetime.fromtimestamp(lost.last_at_s, UTC) if closed else None
        await self._tell(
            GapCause.SPOOL_OVERFLOW, began_at, ended_at=ended_at, lost_total=lost.events
        )
        if closed:
            await self._spool.clear_lost(lost)

    async def _tell(
        self,
        cause: GapCause,
        began_at: datetime,
        *,
        ended_at: datetime | None = None,
        lost_total: int = 0,
    ) -> None:
        gap = gap_of(
            self._subject,
            cause,
            began_at,
            ended_at,
            reported_by=self._subject,
            site_id=self._site_id,
            filled=cause is GapCause.LINK_DOWN and ended_at is not None and not lost_total,
            lost_total=lost_total,
        )
        await self.tell(gap)

    @asynccontextmanager
    async def _turn(self, topic: str, key: bytes) -> AsyncIterator[None]:
        turn = self._turns.setdefault((topic, key), _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[(topic, key)]

    async def _idle(self, seconds: float) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return

    def _show(self) -> None:
        gauge("minestream_spool_events").set(len(self._spool))
        gauge("minestream_spool_bytes").set(self._spool.bytes_on_disk)
        oldest_s = self._spool.oldest_at_s
        age_s = 0.0 if oldest_s is None else self._clock.now().timestamp() - oldest_s
        gauge("minestream_spool_age_seconds").set(max(age_s, 0.0))


def _waves(events: Iterable[Spooled]) -> list[list[Spooled]]:
    """Split events so that each wave has a key once, and waves keep the order of each key."""
    seen: defaultdict[tuple[str, bytes], int] = defaultdict(int)
    waves: list[list[Spooled]] = []
    for event in events:
        place = seen[event.topic, event.key]
        seen[event.topic, event.key] += 1
        if place == len(waves):
            waves.append([])
        waves[place].append(event)
    return waves
