"""Polls one miner of a fleet, whatever its family: asks what is due, and makes the event of it."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import msgspec
import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import Counter
from structlog.typing import BindableLogger

from minestream_runtime import semconv, traces
from minestream_runtime.breaker import Breaker, State
from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.collecting.collector import Polled
from minestream_runtime.collecting.family import Family, Miner
from minestream_runtime.collecting.fleet import Fleet, lean
from minestream_runtime.collecting.plan import (
    SILENT,
    Answer,
    after_restart,
    after_silence,
    before_poll,
    due,
    remember,
)
from minestream_runtime.collecting.polls import ErrorClass, Poll, Speech, class_of, fit, to_event
from minestream_runtime.collecting.vitals import Vital
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.outlet.wire import encode
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner

_ROOM_BYTES: Final = 4096
"""Left for the record's key and headers."""
_RETRY_PAUSE_S: Final = (0.1, 0.5)
_ASKED_ANEW_AFTER: Final = 3
_FAILURES: Final = SILENT | {PollStatus.GARBAGE, PollStatus.ERROR}
_OK: Final = PollStatus.OK
_MENDABLE: Final = frozenset({ErrorClass.CONNECTIVITY, ErrorClass.MALFORMED})
"""Mended by a rest, maybe: refusals wait for credentials, ``too many`` for its cadence."""


class Poller:
    """Asks miners of a fleet, one poll at a time.

    A poll is bounded: the main endpoint may take its deadline twice (it is asked again after a
    timeout; who refuses is offline, who answers garbage has answered), everything after it shares
    one deadline more, and stops at the first timeout.

    Args:
        fleet: who they are.
        clock: instants and durations.
        collector_id: who we are.
        interval_after: seconds until a miner's next poll, given whether it has answered this one
            and what it said of itself; None: always its own interval.
        unknown: the family of miners of which nothing is known; None: there are none.
        sleep: waits so many seconds before the second try.
        log: hears of changes; None: the process's.
    """

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        *,
        collector_id: str,
        interval_after: Callable[[str, bool, Vital | None], float] | None = None,
        unknown: Family | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        log: BindableLogger | None = None,
    ) -> None:
        self._fleet = fleet
        self._clock = clock
        self._collector_id = collector_id
        self._interval_after = interval_after
        self._unknown = unknown
        self._sleep = sleep
        self._shown: set[str] = set()
        self._log: Any = structlog.get_logger() if log is None else log

    async def poll(self, miner_id: str) -> Polled:
        """Poll a miner; its event, whatever it did."""
        miner = self._fleet.miners.get(miner_id)
        if miner is None:
            return Polled(miner_id, answered=False, topic=RAW_MINER, event=None)
        at = self._clock.now()
        event_id = new_event_id(at)
        if not traces.kept(event_id):
            headers = traces.headers_of_unkept(event_id)
            return await self._poll(miner, _Begun(event_id, at, headers))
        about = {
            semconv.EVENT_ID: str(event_id),
            semconv.MINER_ID: miner_id,
            semconv.SITE_ID: miner.entry.site_id,
        }
        with traces.root("poll miner", event_id, attributes=about) as span:
            return await self._poll(miner, _Begun(event_id, at, traces.headers_of(span), span))

    async def _poll(self, miner: Miner, begun: "_Begun") -> Polled:
        try:
            if miner.failures >= _ASKED_ANEW_AFTER:
                self._doubt(miner)
            family = miner.family
            poll = await self._ask_all(miner, begun)
            if miner.family is not family:  # it was not known for what it is, and now it is
                family = miner.family
                poll = await self._ask_all(miner, begun)
        except OwnFaultError as exc:
            self._log.error("poll_impossible", error=str(exc))
            traces.failed(
                "ask miner",
                traces.context_of(begun.headers),
                exc,
                kind="poll_impossible",
                text=str(exc),
                attributes=begun.about(miner),
            )
            return Polled(miner.entry.miner_id, answered=False, topic=RAW_MINER, event=None)
        if family is self._unknown and poll.bodies[family.plan.main].status is _OK:
            return Polled(miner.entry.miner_id, answered=True, topic=RAW_MINER, event=None)
        return self._polled(miner, family, poll, begun)

    def _doubt(self, miner: Miner) -> None:
        """It has failed again and again: if nobody gave it its family, it may be of another."""
        miner.failures = 0
        if self._unknown is not None and not miner.given and miner.family is not self._unknown:
            miner.before, miner.family = miner.family, self._unknown

    async def _ask_all(self, miner: Miner, begun: "_Begun") -> Poll:
        began_s = self._clock.monotonic()
        family = miner.family
        plan = family.plan
        said = await self._ask_main(miner, begun)
        bodies: dict[str, EndpointBody] = {plan.main: said.body}
        rest = _Rest(self._clock.monotonic() + family.deadline_s)
        if said.body.status in SILENT:
            miner.memory = after_silence(plan, miner.memory)
            miner.breakers.clear()
        elif miner.family is family:  # else it is asked anew, as what it is
            await self._ask_rest(miner, begun, bodies, rest)
        latency_ms = (self._clock.monotonic() - began_s) * 1000
        return Poll(
            begun.event_id,
            begun.at,
            latency_ms,
            bodies,
            rest.unasked,
            frozenset(rest.missing),
            Vital(said.state, said.uptime_s),
            tuple(rest.resting),
        )

    async def _ask_rest(
        self, miner: Miner, begun: "_Begun", bodies: dict[str, EndpointBody], rest: "_Rest"
    ) -> None:
        """Ask what else is due, until time is up, or the miner is silent or of another family."""
        family, last = miner.family, PollStatus.OK
        while miner.family is family:
            now_s = self._clock.monotonic()
            left = [
                endpoint
                for endpoint in due(
                    family.plan,
                    family.wanted(miner.memory),
                    miner.memory,
                    now_s,
                    interval_s=miner.interval_s,
                    box=miner.box,
                )
                if endpoint not in bodies and endpoint not in rest.resting
            ]
            if not left:
                return
            endpoint = left[0]
            if last in SILENT or now_s >= rest.until_s:
                rest.unasked = tuple(left)
                return
            breaker = miner.breakers.get(endpoint) if miner.breakers else None
            if breaker is not None and not breaker.allows(now_s):
                rest.resting.append(endpoint)
                continue
            answer = await self._ask(miner, endpoint, begun, rest.until_s - now_s)
            bodies[endpoint], last = answer.body, answer.body.status
            if answer.missing:
                rest.missing.append(endpoint)
            elif last is not PollStatus.OK or breaker is not None:
                self._judge(miner, endpoint, answer.body)

    def _judge(self, miner: Miner, endpoint: str, body: EndpointBody) -> None:
        """An endpoint beside the main one failed, or has failed lately."""
        if body.status is PollStatus.OK:
            miner.breakers.pop(endpoint, None)  # or the inventory has changed it meanwhile
        elif class_of(body) in _MENDABLE:
            breaker = miner.breakers.get(endpoint)
            if breaker is None:
                plan = miner.family.plan
                breaker = miner.breakers[endpoint] = Breaker(plan.manners_of(endpoint))
            before = breaker.state
            breaker.failed(self._clock.monotonic())
            if breaker.state is State.OPEN and before is State.CLOSED:
                self._opened(miner.family.name)

    def _opened(self, source: str) -> None:
        counter("minestream_breaker_opened_total").labels(source).inc()
        if source not in self._shown:
            self._shown.add(source)
            shown = gauge("minestream_breakers_open").labels(source)
            shown.set_function(lambda: self._open_of(source))

    def _open_of(self, source: str) -> int:
        return sum(
            breaker.state is not State.CLOSED
            for miner in self._fleet.miners.values()
            if miner.breakers and miner.family.name == source
            for breaker in miner.breakers.values()
        )

    async def _ask_main(self, miner: Miner, begun: "_Begun") -> Answer:
        family, main = miner.family, miner.family.plan.main
        miner.memory = before_poll(family.plan, miner.memory, self._clock.monotonic())
        answer = await self._ask(miner, main, begun, family.deadline_s)
        if answer.body.status is PollStatus.TIMEOUT and family.plan.tries > 1:
            await self._sleep(random.uniform(*_RETRY_PAUSE_S))  # noqa: S311 - spreads load only
            if miner.family is family:
                answer = await self._ask(miner, main, begun, family.deadline_s)
        if answer.uptime_s is not None:
            if miner.uptime_s is not None and answer.uptime_s < miner.uptime_s:
                miner.memory = after_restart(family.plan, miner.memory)
            miner.uptime_s = answer.uptime_s
        return answer

    async def _ask(self, miner: Miner, endpoint: str, begun: "_Begun", deadline_s: float) -> Answer:
        if begun.span is None:
            return await self._answer(miner, endpoint, deadline_s)
        name, about = miner.family.about(endpoint)
        with traces.child(
            name,
            begun.span.get_span_context(),
            kind=SpanKind.CLIENT,
            attributes={
                **begun.about(miner),
                **about,
                semconv.SERVER_ADDRESS: miner.address,
            },
        ) as span:
            answer = await self._answer(miner, endpoint, deadline_s)
            body = answer.body
            if body.http_status is not None:
                span.set_attribute(semconv.HTTP_STATUS, body.http_status)
            if body.status is not PollStatus.OK:
                span.set_attribute(semconv.ERROR_TYPE, body.status.value)
                span.set_status(StatusCode.ERROR, body.error or body.status.value)
            return answer

    async def _answer(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        family, plan = miner.family, miner.family.plan
        offered = miner.box if endpoint in plan.guarded and miner.offered is not None else None
        answer = await family.ask(miner, endpoint, deadline_s)
        status = answer.body.status
        if status is PollStatus.OK:
            if endpoint == plan.main and endpoint != plan.identity:
                return answer  # each event has it anyway: nothing to remember
        else:
            kind = class_of(answer.body)
            if kind is not None and not answer.missing:
                _errors(family.name, kind.value).inc()
            if status is PollStatus.UNAUTHORISED and offered is not None:
                self._log.warning(
                    "credentials_refused", miner_id=miner.entry.miner_id, error=answer.body.error
                )
        if miner.family is family is not self._unknown:
            self._remember(miner, endpoint, answer, offered)
        return answer

    def _remember(self, miner: Miner, endpoint: str, answer: Answer, box: str | None) -> None:
        before = miner.memory.firmware
        lean(answer.body)
        miner.memory = remember(
            miner.family.plan, miner.memory, endpoint, answer, self._clock.monotonic(), box=box
        )
        if before is not None and miner.memory.firmware != before:
            self._log.info(
                "firmware_changed",
                miner_id=miner.entry.miner_id,
                before=before,
                after=miner.memory.firmware,
            )

    def _polled(self, miner: Miner, family: Family, poll: Poll, begun: "_Begun") -> Polled:
        """The event of a poll as ``family``, whatever the miner has turned out to be since."""
        plan = family.plan
        status = poll.bodies[plan.main].status
        answered = status not in SILENT
        miner.failures = miner.failures + 1 if status in _FAILURES else 0
        miner_id = miner.entry.miner_id
        vital = poll.vital if answered else None
        interval_s = (
            miner.interval_s
            if self._interval_after is None
            else self._interval_after(miner_id, answered, vital)
        )
        event = to_event(
            poll,
            miner.entry,
            miner.memory,
            Speech(family.name, miner.evidence, plan),
            collector_id=self._collector_id,
            interval_s=interval_s,
        )
        event, value = fit(event, encode, RAW_MINER.max_message_bytes - _ROOM_BYTES, plan)
        _count(event)
        if begun.span is not None:
            begun.span.set_attribute(semconv.POLL_STATUS, event.status.value)
        event_id = str(event.event_id)
        spooled = Spooled(
            topic=RAW_MINER.name,
            key=miner_id.encode(),
            value=value,
            event=event_id,
            at_s=event.polled_at.timestamp(),
            memo=_memo(event, event_id, plan.main),
            headers=begun.headers,
        )
        return Polled(miner_id, answered, RAW_MINER, spooled, vital)


@dataclass(slots=True)
class _Rest:
    """What comes after the main endpoint in one poll.

    Args:
        until_s: time for all of it, monotonic.
        unasked: for which none was left.
        missing: which the firmware does not have.
        resting: which are left alone.
    """

    until_s: float
    unasked: tuple[str, ...] = ()
    missing: list[str] = field(default_factory=list)
    resting: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Begun:
    """A poll that has begun.

    Args:
        event_id: of the event that it will make, and the id of its trace.
        at: when.
        headers: of the event's record.
        span: where its trace is kept.
    """

    event_id: UUID
    at: datetime
    headers: traces.Headers
    span: Span | None = None

    def about(self, miner: Miner) -> dict[str, str]:
        """The attributes of each span of it."""
        return {semconv.EVENT_ID: str(self.event_id), semconv.MINER_ID: miner.entry.miner_id}


def _memo(event: RawMiner, event_id: str, main: str) -> bytes:
    """The event's line in the ledger."""
    first = event.endpoints.get(main)
    return msgspec.json.encode(
        {
            "event": event_id,
            "miner": event.miner_id,
            "status": event.status.value,
            "reply": first.reply_id if first else None,
        }
    )


def _count(event: RawMiner) -> None:
    _polls(event.status).inc()
    if event.status is not PollStatus.OK:
        counter("miner_poll_errors_total").labels(event.status.value).inc()
    histogram("miner_poll_latency_ms").observe(event.latency_ms)


@cache
def _polls(status: PollStatus) -> Counter:
    return counter("miner_poll_total").labels(status.value)


@cache
def _errors(source: str, kind: str) -> Counter:
    return counter("minestream_source_errors_total").labels(source, kind)
