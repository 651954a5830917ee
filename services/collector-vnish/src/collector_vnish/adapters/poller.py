"""Polls one miner of the fleet: asks what is due, and makes the event of it."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Final, TypeVar
from uuid import UUID

import msgspec
import structlog
from opentelemetry.trace import Span, SpanKind, StatusCode
from prometheus_client import Counter

from collector_vnish.adapters.vnish import Answer, OwnFaultError, VnishClient
from collector_vnish.adapters.wire import encode
from collector_vnish.domain.endpoints import Endpoint, Memory, after_silence, due, remember
from collector_vnish.domain.polls import SILENT, Poll, fit, is_ours, to_event
from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock, new_event_id
from minestream_runtime.collecting.collector import CollectorSettings, Polled
from minestream_runtime.collecting.spool import Spooled
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.metrics import counter, histogram
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner

_ROOM_BYTES: Final = 4096
"""Left for the record's key and headers."""
_REST_S: Final = 60.0
_ALL_FIELDS: Final = {kind: set(kind.model_fields) for kind in (InventoryEntry, EndpointBody)}
M = TypeVar("M", InventoryEntry, EndpointBody)


def lean(value: M) -> M:
    """The same value without its record of which fields were given: half of its size.

    Nobody asks for that record, and a fleet of 10,000 holds 40,000 values.
    """
    object.__setattr__(value, "__pydantic_fields_set__", _ALL_FIELDS[type(value)])
    return value


@dataclass(slots=True)
class Miner:
    """A miner of our shard: what the inventory says, and what we have learnt."""

    entry: InventoryEntry
    password: str | None = None
    memory: Memory = field(default_factory=Memory)
    token: str | None = None

    @property
    def box(self) -> str | None:
        """Its sealed credentials, as a mark of which they are; None where we cannot open them."""
        sealed = self.entry.sealed
        return sealed.box if sealed is not None and self.password is not None else None


class Fleet:
    """The miners of our shard.

    Args:
        settings: poll intervals.
        sealer: opens credentials; None where no key is configured.
        add: tells the scheduler of a miner and its interval.
        remove: tells it that one is gone.
        clock: how long what we know of a miner outlives it: a minute, as a rebalance takes all
            miners away and gives most of them back.
    """

    def __init__(
        self,
        settings: CollectorSettings,
        sealer: Sealer | None,
        add: Callable[[str, float], None],
        remove: Callable[[str], None],
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._sealer = sealer
        self._add = add
        self._remove = remove
        self._clock = clock
        self._resting: OrderedDict[str, tuple[float, Miner]] = OrderedDict()
        self._log = structlog.get_logger()
        self.miners: dict[str, Miner] = {}

    def there(self, miner_id: str, entry: InventoryEntry) -> None:
        """The inventory has a miner for us, or has changed it; where it moved we know nothing."""
        if not is_ours(entry):
            self.gone(miner_id)
            return
        entry = lean(entry)
        known = self.miners.get(miner_id) or self._rested(miner_id)
        password = self._password(entry)
        if known is None or known.entry.address != entry.address:
            self.miners[miner_id] = Miner(entry, password)
        else:
            token = known.token if known.entry.sealed == entry.sealed else None
            self.miners[miner_id] = replace(known, entry=entry, password=password, token=token)
        self._add(miner_id, self._settings.interval_of(entry.interval_s))

    def gone(self, miner_id: str) -> None:
        """A miner was removed, or is another replica's now."""
        self._forget_rested()
        miner = self.miners.pop(miner_id, None)
        if miner is not None:
            self._resting[miner_id] = (self._clock.monotonic(), miner)
            self._remove(miner_id)

    def _rested(self, miner_id: str) -> Miner | None:
        self._forget_rested()
        found = self._resting.pop(miner_id, None)
        return found[1] if found else None

    def _forget_rested(self) -> None:
        too_old_s = self._clock.monotonic() - _REST_S
        while self._resting and next(iter(self._resting.values()))[0] < too_old_s:
            self._resting.popitem(last=False)

    def _password(self, entry: InventoryEntry) -> str | None:
        if entry.sealed is None:
            return None
        if self._sealer is None:
            self._log.warning(
                "credentials_unreadable",
                miner_id=entry.miner_id,
                error="MINESTREAM_CREDENTIALS_KEY is not set",
            )
            return None
        try:
            return self._sealer.open(entry.sealed).get("password")
        except ConfigurationError as exc:
            self._log.warning("credentials_unreadable", miner_id=entry.miner_id, error=str(exc))
            return None


class Poller:
    """Asks miners of a fleet, one poll at a time.

    A poll is bounded: ``summary`` may take its deadline twice (it is asked again after a
    timeout), everything after it shares one deadline more, and stops at the first timeout.

    Args:
        client: speaks to miners.
        fleet: who they are.
        clock: instants and durations.
        collector_id: who we are.
        factor_after: how many intervals a miner will wait, given how this poll ended.
    """

    def __init__(
        self,
        client: VnishClient,
        fleet: Fleet,
        clock: Clock,
        *,
        collector_id: str,
        settings: CollectorSettings,
        factor_after: Callable[[str, bool], int],
    ) -> None:
        self._client = client
        self._fleet = fleet
        self._clock = clock
        self._collector_id = collector_id
        self._settings = settings
        self._factor_after = factor_after
        self._log = structlog.get_logger()

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
        return self._polled(miner, poll, begun)

    async def _ask_all(self, miner: Miner, begun: "_Begun") -> Poll:
        began_s = self._clock.monotonic()
        interval_s = self._settings.interval_of(miner.entry.interval_s)
        summary = await self._ask(miner, Endpoint.SUMMARY, begun)
        bodies: dict[Endpoint, EndpointBody] = {Endpoint.SUMMARY: summary}
        unasked: tuple[Endpoint, ...] = ()
        rest_s = self._clock.monotonic() + self._client.deadline_s
        if summary.status in SILENT:
            miner.memory = after_silence(miner.memory)
        else:
            while True:
                now_s = self._clock.monotonic()
                wanted = due(miner.memory, now_s, interval_s=interval_s, box=miner.box)
                left = [endpoint for endpoint in wanted if endpoint not in bodies]
                if not left:
                    break
                last = bodies[next(reversed(bodies))]
                if last.status in SILENT or now_s >= rest_s:
                    unasked = tuple(left)
                    break
                bodies[left[0]] = await self._ask(miner, left[0], begun, rest_s - now_s)
        latency_ms = (self._clock.monotonic() - began_s) * 1000
        return Poll(begun.event_id, begun.at, latency_ms, bodies, unasked)

    async def _ask(
        self, miner: Miner, endpoint: Endpoint, begun: "_Begun", deadline_s: float | None = None
    ) -> EndpointBody:
        if begun.span is None:
            return await self._body(miner, endpoint, deadline_s)
        about = {
            **begun.about(miner),
            semconv.HTTP_METHOD: "GET",
            semconv.URL_PATH: f"/api/v1/{endpoint}",
            semconv.SERVER_ADDRESS: miner.entry.address,
        }
        with traces.child(
            f"GET {endpoint}",
            begun.span.get_span_context(),
            kind=SpanKind.CLIENT,
            attributes=about,
        ) as span:
            body = await self._body(miner, endpoint, deadline_s)
            if body.http_status is not None:
                span.set_attribute(semconv.HTTP_STATUS, body.http_status)
            if body.status is not PollStatus.OK:
                span.set_attribute(semconv.ERROR_TYPE, body.status.value)
                span.set_status(StatusCode.ERROR, body.error or body.status.value)
            return body

    async def _body(
        self, miner: Miner, endpoint: Endpoint, deadline_s: float | None
    ) -> EndpointBody:
        address = miner.entry.address
        if endpoint is Endpoint.SUMMARY:
            return (await self._client.ask(address, endpoint, retry=True)).body
        box = miner.box
        if endpoint is Endpoint.SETTINGS and miner.password is not None:
            answer, miner.token = await self._client.ask_settings(
                address, miner.password, miner.token, deadline_s=deadline_s
            )
            if answer.body.status is PollStatus.UNAUTHORISED:
                self._log.warning(
                    "credentials_refused", miner_id=miner.entry.miner_id, error=answer.body.error
                )
        else:
            answer = await self._client.ask(address, endpoint, deadline_s=deadline_s)
        self._remember(miner, endpoint, answer, box)
        return answer.body

    def _remember(self, miner: Miner, endpoint: Endpoint, answer: Answer, box: str | None) -> None:
        before = miner.memory.firmware
        miner.memory = remember(
            miner.memory,
            endpoint,
            lean(answer.body),
            self._clock.monotonic(),
            firmware=answer.firmware,
            box=box,
        )
        if before is not None and miner.memory.firmware != before:
            self._log.info(
                "firmware_changed",
                miner_id=miner.entry.miner_id,
                before=before,
                after=miner.memory.firmware,
            )

    def _polled(self, miner: Miner, poll: Poll, begun: "_Begun") -> Polled:
        answered = poll.bodies[Endpoint.SUMMARY].status not in SILENT
        miner_id = miner.entry.miner_id
        interval_s = self._settings.interval_of(miner.entry.interval_s)
        event = to_event(
            poll,
            miner.entry,
            miner.memory,
            collector_id=self._collector_id,
            interval_s=interval_s * self._factor_after(miner_id, answered),
        )
        event, value = fit(event, encode, RAW_MINER.max_message_bytes - _ROOM_BYTES)
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
            memo=_memo(event, event_id),
            headers=begun.headers,
        )
        return Polled(miner_id, answered, RAW_MINER, spooled)


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


def _memo(event: RawMiner, event_id: str) -> bytes:
    """The event's line in the ledger."""
    summary = event.endpoints.get(Endpoint.SUMMARY)
    return msgspec.json.encode(
        {
            "event": event_id,
            "miner": event.miner_id,
            "status": event.status.value,
            "reply": summary.reply_id if summary else None,
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
