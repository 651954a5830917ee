"""Asks for everything that we want, round by round, and hands on what comes back."""

import asyncio
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final

import msgspec
import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode

from collector_market.adapters.source import Source
from collector_market.adapters.watching import Watching
from collector_market.domain.records import Heard, to_event
from collector_market.domain.wants import Asking, Want, wait_s
from minestream_dialects.market import normalise_market
from minestream_dialects.unreadable import UnreadableError
from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.errors import BugError, unit_of_work
from minestream_runtime.metrics import counter
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.market import RAW_MARKET, RawMarket
from minestream_schemas.raw import PollStatus

_SPACING_S: Final = 0.25
"""Between the first rounds of two wants."""
_LOOK_S: Final = 1.0
_EARLY: Final = 0.9
"""An answer is kept for so much of its interval: the next round comes no earlier."""


class Rounds:
    """Everything that we want, each at its own pace.

    Args:
        wants: what there is to ask.
        sources: whom, by name.
        watching: hears of every answer.
        outlet: takes events.
        clock: instants and durations.
        collector_id: who we are, in events.
    """

    def __init__(
        self,
        wants: Sequence[Want],
        sources: Mapping[str, Source],
        watching: Watching,
        outlet: Outlet,
        clock: Clock,
        *,
        collector_id: str,
    ) -> None:
        self._wants = wants
        self._sources = sources
        self._watching = watching
        self._outlet = outlet
        self._clock = clock
        self._collector_id = collector_id
        self._failing: set[str] = set()
        self._untold: dict[str, tuple[str, ...]] = {}
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Ask until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look())
            for place, want in enumerate(self._wants):
                group.create_task(self._pursue(want, after_s=place * _SPACING_S))

    def untold(self) -> str | None:
        """Which coins answers leave out, for whoever looks at our health."""
        left_out = sorted((subject, coins) for subject, coins in self._untold.items() if coins)
        words = (f"{subject} does not tell {', '.join(coins)}" for subject, coins in left_out)
        return "; ".join(words) or None

    async def _look(self) -> None:
        while True:
            await self._watching.look()
            await asyncio.sleep(_LOOK_S)

    async def _pursue(self, want: Want, *, after_s: float) -> None:
        await asyncio.sleep(after_s)
        began_s = self._clock.monotonic()
        while True:
            answered = await self.ask(want)
            held_s = min(self._sources[each.source].held_s(each) for each in want.askings)
            pause_s = wait_s(
                want,
                began_s=began_s,
                now_s=self._clock.monotonic(),
                answered=answered,
                held_s=held_s,
            )
            await asyncio.sleep(pause_s)

    async def ask(self, want: Want) -> bool:
        """One round: ask one after the other until somebody answers; did anybody?"""
        for asking in want.askings:
            try:
                with unit_of_work():
                    if await self._asked(want, asking):
                        return True
            except BugError:
                self._log.exception("asking_failed", subject=asking.subject)
        return False

    async def _asked(self, want: Want, asking: Asking) -> bool:
        source = self._sources[asking.source]
        if source.held_s(asking) > 0:
            return False
        event_id = new_event_id(self._clock.now())
        about = {
            semconv.EVENT_ID: str(event_id),
            semconv.HTTP_METHOD: "GET",
            semconv.URL_PATH: f"/{asking.path}",
            semconv.SERVER_ADDRESS: source.host,
        }
        name = f"ask {asking.source} {asking.endpoint}"
        with traces.root(name, event_id, kind=SpanKind.CLIENT, attributes=about) as span:
            heard = await source.hear(
                asking, fresh_s=want.every_s * _EARLY, again_s=want.again_s * _EARLY
            )
            if heard is None:
                return False
            _mark(span, heard)
            event = to_event(asking, heard, event_id, self._collector_id)
            mark, told, unread = _read(event)
            self._tell(asking, event, unread)
            await self._outlet.publish(RAW_MARKET, _spooled(event, traces.headers_of(span)))
        if event.status is not PollStatus.OK or unread is not None:
            return False
        self._compare(asking, told)
        self._watching.heard(want, asking, at=heard.fetched_at, mark=mark)
        return True

    def _compare(self, asking: Asking, told: frozenset[str]) -> None:
        """Say once which coins an answer leaves out, as sources do with names they do not know."""
        missing = tuple(coin for coin in asking.coins if coin not in told)
        if missing and missing != self._untold.get(asking.subject):
            self._log.warning(
                "coins_not_told",
                subject=asking.subject,
                coins=missing,
                advice="has the source another name for them? see MINESTREAM_MARKET_COINS",
            )
        self._untold[asking.subject] = missing

    def _tell(self, asking: Asking, event: RawMarket, unread: str | None) -> None:
        """Count an answer; log where it is another outcome than the one before."""
        counter("minestream_source_messages_total").labels(
            asking.source, asking.endpoint.value, event.status.value
        ).inc()
        failed = event.status is not PollStatus.OK or unread is not None
        if failed and asking.subject not in self._failing:
            self._failing.add(asking.subject)
            self._log.warning(
                "source_failing",
                subject=asking.subject,
                status=event.status.value,
                http_status=event.http_status,
                error=event.error or unread,
            )
        elif not failed and asking.subject in self._failing:
            self._failing.discard(asking.subject)
            self._log.info("source_answers", subject=asking.subject)


def _read(event: RawMarket) -> tuple[bytes, frozenset[str], str | None]:
    """What an answer is told apart by (the times that it gives its figures), and of which coins.

    Or why it has none.

    It is published all the same: who reads it for good puts it aside, with the same reason.
    """
    try:
        said = normalise_market(event)
    except UnreadableError as exc:
        return b"", frozenset(), str(exc)
    times = sorted((figure.coin_id, figure.ts.isoformat()) for figure in said)
    mark = blake2b(repr(times).encode(), digest_size=16).digest()
    return mark, frozenset(figure.coin_id for figure in said), None


def _mark(span: Span, heard: Heard) -> None:
    span.set_attribute(semconv.POLL_STATUS, heard.status.value)
    if heard.http_status is not None:
        span.set_attribute(semconv.HTTP_STATUS, heard.http_status)
    if heard.status is not PollStatus.OK:
        span.set_attribute(semconv.ERROR_TYPE, heard.status.value)
        span.set_status(StatusCode.ERROR, heard.error or heard.status.value)


def _spooled(event: RawMarket, headers: traces.Headers) -> Spooled:
    event_id = str(event.event_id)
    memo = {"event": event_id, "subject": event.subject, "status": event.status.value}
    return Spooled(
        topic=RAW_MARKET.name,
        key=event.subject.encode(),
        value=event.to_json(),
        event=event_id,
        at_s=event.fetched_at.timestamp(),
        memo=msgspec.json.encode(memo),
        headers=headers,
    )
