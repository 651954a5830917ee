"""Publishes what the pool says, and tells when it says nothing fresh."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final

import msgspec
import prometheus_client
import structlog
from opentelemetry.trace import SpanKind

from collector_pool.adapters.open_gaps import gaps_file
from collector_pool.domain.freshness import Freshness, Silence
from collector_pool.domain.hiding import hider
from collector_pool.domain.sayings import Saying, hidden, to_event
from collector_pool.settings import PoolSettings
from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.metrics import counter, gauge
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.gap import GapCause, gap_of
from minestream_schemas.pool import RAW_POOL, PoolMessage, RawPool
from minestream_schemas.raw import PollStatus

_LOOK_S: Final = 1.0
_READ: Final = frozenset({PollStatus.OK, PollStatus.GARBAGE})


@dataclass(frozen=True, slots=True)
class Whose:
    """An account of those in the file.

    Args:
        account_id: our name for it.
        fresh_s: what was said longer ago is not fresh.
    """

    account_id: str
    fresh_s: float


class Teller:
    """The way of one account's sayings to Kafka.

    Args:
        settings: the account, and how old is stale.
        outlet: opened by the caller.
        clock: instants.
        whose: another account than that of the settings.
    """

    def __init__(
        self, settings: PoolSettings, outlet: Outlet, clock: Clock, *, whose: Whose | None = None
    ) -> None:
        fresh_s = whose.fresh_s if whose else settings.pool_fresh_s
        self._account = whose.account_id if whose else settings.pool_account
        self._collector_id = settings.collector_id
        self._payout_scheme = None if whose else settings.pool_payout_scheme
        self._outlet = outlet
        self._clock = clock
        self._open_gaps = gaps_file(settings, whose.account_id if whose else None)
        self._hide = hider(settings.key or None)
        self._look_s = min(_LOOK_S, fresh_s / 3)
        silent_since = (self._open_gaps.load() or {}).get(self._account)
        self.freshness = Freshness(clock.now(), timedelta(seconds=fresh_s), silent_since)
        self._odd: dict[PoolMessage, datetime] = {}
        self._log = structlog.get_logger()

    async def publish(self, sayings: Iterable[Saying], *, updating: bool = True) -> None:
        """Make events of sayings and hand them over; those of one subject stay in order.

        Args:
            sayings: in order.
            updating: the source says that it is fed; else what it tells is nothing fresh.
        """
        times: Counter[str] = Counter()
        async with asyncio.TaskGroup() as group:
            for saying in sayings:
                told = hidden(saying, self._hide)
                event = to_event(
                    told,
                    new_event_id(told.received_at),
                    account=self._account,
                    collector_id=self._collector_id,
                    payout_scheme=self._payout_scheme,
                )
                self._count(event)
                if event.status is PollStatus.OK and updating:
                    name = f"{event.message} {event.subject}"
                    times[name] += (
                        1  # two connections may have one name: each is compared with itself
                    )
                    self._note_news(f"{name} {times[name]}", told, event)
                group.create_task(self._hand_over(event))

    def hears(self, sayings: Iterable[Saying]) -> None:
        """Take note of what was pushed and is told later: the source is alive."""
        for saying in sayings:
            name = f"{saying.message} {saying.subject(self._account)}"
            self.freshness.said(name, saying.merged, saying.received_at, pushed=True)

    async def tell(self, event: RawPool, *, news: Mapping[str, str]) -> None:
        """Hand over what one cycle has brought.

        Args:
            event: without keys.
            news: what the pool answered just now, by endpoint.
        """
        self._count(event)
        for name, body in news.items():
            self.freshness.said(name, body, event.received_at, pushed=True)
        await self._hand_over(event)

    async def watch(self) -> None:
        """Tell silence when it begins and when it ends, until cancelled."""
        while True:
            now = self._clock.now()
            silence = self.freshness.look(now)
            if silence is not None:
                await self._tell(silence)
            gauge("minestream_source_fresh").labels(self._account).set(self.freshness.fresh(now))
            gauge("minestream_source_age_seconds").labels(self._account).set(
                self.freshness.age_s(now)
            )
            await asyncio.sleep(self._look_s)

    def _note_news(self, name: str, saying: Saying, event: RawPool) -> None:
        self.freshness.said(
            name,
            event.body if event.merged is None else event.merged,
            min(saying.stamped_at or event.received_at, event.received_at),
            pushed=event.latency_ms is None,
        )

    def _count(self, event: RawPool) -> None:
        _messages(self._account, event.message.value, event.status.value).inc()
        odd, since = event.status is PollStatus.GARBAGE, self._odd.get(event.message)
        if since is not None and event.received_at <= since:
            return  # heard before what could not be read, and told later
        if odd:
            self._odd[event.message] = event.received_at
        if odd is (since is None) and event.status in _READ:
            if not odd:
                del self._odd[event.message]
            tell = self._log.warning if odd else self._log.info
            tell(
                "messages_unreadable" if odd else "messages_readable",
                message=event.message.value,
                error=event.error,
            )

    async def _hand_over(self, event: RawPool) -> None:
        if not traces.kept(event.event_id):
            headers = traces.headers_of_unkept(event.event_id)
            await self._outlet.publish(RAW_POOL, _spooled(event, headers))
            return
        about = {
            semconv.EVENT_ID: str(event.event_id),
            semconv.POLL_STATUS: event.status.value,
            semconv.MESSAGING_OPERATION: "receive",
        }
        with traces.root(
            f"receive pool {event.message}", event.event_id, kind=SpanKind.CLIENT, attributes=about
        ) as span:
            await self._outlet.publish(RAW_POOL, _spooled(event, traces.headers_of(span)))

    async def _tell(self, silence: Silence) -> None:
        over = silence.ended_at is not None
        if over:
            self._log.info("source_speaks", account_id=self._account)
        else:
            self._log.warning(
                "source_silent", account_id=self._account, since=silence.began_at.isoformat()
            )
        if not over:  # before: who is killed in between still tells its end
            self._open_gaps.save({self._account: silence.began_at})
        await self._outlet.tell(
            gap_of(
                self._account,
                GapCause.SOURCE_SILENT,
                silence.began_at,
                silence.ended_at,
                reported_by=self._collector_id,
            )
        )
        if over:  # not before: who is killed in between would leave the gap open for ever
            self._open_gaps.save({})


def _spooled(event: RawPool, headers: traces.Headers) -> Spooled:
    event_id = str(event.event_id)
    return Spooled(
        topic=RAW_POOL.name,
        key=event.subject.encode(),
        value=event.to_json(),
        event=event_id,
        at_s=event.received_at.timestamp(),
        memo=msgspec.json.encode(
            {"event": event_id, "subject": event.subject, "status": event.status.value}
        ),
        headers=headers,
    )


@cache
def _messages(account: str, message: str, status: str) -> prometheus_client.Counter:
    return counter("minestream_source_messages_total").labels(account, message, status)
