"""The hub: all clients, what is pushed to them four times a second, and who is let go."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from opentelemetry.trace import SpanContext
from starlette.websockets import WebSocket

from api_gateway.adapters.stream.clients import Client, Owners
from api_gateway.adapters.stream.records import entry_of
from api_gateway.adapters.stream.wire import LAST_WORDS_S, Wire
from api_gateway.domain.stream.entries import Entry, Kind
from api_gateway.domain.stream.feed import Feed
from api_gateway.settings import GatewaySettings
from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock
from minestream_runtime.errors import Disposition, MinestreamError, PayloadInvalidError
from minestream_runtime.kafka import Record
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_schemas.telemetry import TELEMETRY

PUSH_EVERY_S: Final = 0.25
NO_SOURCE: Final = 4503
UNHEARD: Final = 4408
STALLED: Final = 4413
FULL: Final = 1013


class RewoundError(MinestreamError):
    """Kafka gives records that we have had: the topics were made anew."""

    kind = "rewound"
    disposition = Disposition.RETRY


class Hub:
    """One in each gateway.

    Args:
        settings: limits.
        clock: what "now" is.
    """

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._feed: Feed | None = None
        self.clients: set[Client] = set()
        self._owners = Owners()
        self._stall_s = settings.stream_stall_s
        self._news = asyncio.Event()
        self._told: list[tuple[Entry, SpanContext | None]] = []
        self._fault = "not begun"
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why there is nothing to be told at present; None: there is."""
        return self._fault if self._feed is None else None

    def begin(self, feed: Feed) -> None:
        """A life of the stream begins: clients may come."""
        self._feed = feed

    def end(self, reason: str) -> None:
        """It ends: nothing that clients were told can be gone on from in the next.

        Args:
            reason: why clients that come now are sent away.
        """
        self._feed, self._fault = None, reason
        self._told.clear()
        for client in list(self.clients):
            client.end(NO_SOURCE, f"no data now: {reason}")

    def take(self, feed: Feed, found: Iterable[Record]) -> None:
        """Take records in; they are pushed at the next turn.

        Raises:
            RewoundError: we have had them: the topics were made anew.
        """
        now = self._clock.now()
        for record in found:
            place = (record.partition.topic, record.partition.number)
            if record.offset < feed.offsets[place]:
                raise RewoundError(f"{place[0]} {place[1]} gives offset {record.offset} again")
            try:
                entry = entry_of(record)
            except PayloadInvalidError as exc:
                feed.skip(place, record.offset)
                self._log.warning("record_skipped", reason=str(exc), offset=record.offset)
                continue
            if feed.add(entry, now) and entry.kind is Kind.READING:
                self._told.append((entry, traces.sampled(record.headers)))
        self._news.set()

    async def run(self) -> None:
        """Push, and look after clients, for ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._push())
            tasks.create_task(self._watch())

    async def serve(self, websocket: WebSocket, wire: Wire) -> None:
        """Serve one client until it goes.

        Args:
            websocket: accepted.
            wire: the same, from below.
        """
        client = self._welcome(wire)
        try:
            while (message := await websocket.receive())["type"] == "websocket.receive":
                if client is not None and wire.is_open:
                    client.hear(message.get("text"))
        finally:
            code = str(wire.ended_with or "client")
            counter("minestream_stream_closed_total").labels(code).inc()
            if client is not None:
                client.leave()
                self.clients.discard(client)
                gauge("minestream_stream_clients").dec()

    def _welcome(self, wire: Wire) -> Client | None:
        if self._feed is None:
            wire.end(NO_SOURCE, f"no data now: {self._fault}", within_s=LAST_WORDS_S)
            return None
        if len(self.clients) >= self._settings.stream_clients:
            wire.end(FULL, "the gateway has as many clients as it may", within_s=LAST_WORDS_S)
            return None
        client = Client(wire, self._feed, self._clock, self._owners)
        self.clients.add(client)
        gauge("minestream_stream_clients").inc()
        client.greet(self._settings.stream_heartbeat_s)
        return client

    def settle(self, feed: Feed) -> None:
        """What came has been pushed; forget what is too old."""
        feed.settle(self._clock.now() - timedelta(seconds=self._settings.stream_kept_s))

    async def _push(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            feed, began_s = self._feed, self._clock.monotonic()
            if feed is not None:
                self._push_all(feed)
                self.settle(feed)
            await asyncio.sleep(max(0.0, PUSH_EVERY_S - (self._clock.monotonic() - began_s)))

    def _push_all(self, feed: Feed) -> None:
        told, self._told = self._told, []
        owed: dict[Client, None] = {}
        for channel in feed.channels.touched:
            for subscription in channel.subscriptions:
                client = self._owners[subscription]
                client.owe(subscription)
                owed[client] = None
        ready = [client for client in owed if client.wire.stalled_at is None]
        with traces.batch(
            "push batch",
            f"push {TELEMETRY.name}",
            [(context, _named(entry, context)) for entry, context in told if context and ready],
            attributes={semconv.MESSAGING_BATCH: len(told), semconv.CLIENTS: len(ready)},
        ):
            for client in owed:
                client.drain()
        if ready:
            now = self._clock.now()
            age = histogram("minestream_event_age_seconds").labels("pushed")
            for entry, _ in told:
                age.observe((now - entry.at).total_seconds())

    async def _watch(self) -> None:
        loop, heartbeat_s = asyncio.get_running_loop(), self._settings.stream_heartbeat_s
        every_s = min(1.0, heartbeat_s / 2)
        next_s = loop.time() + heartbeat_s
        while True:
            await asyncio.sleep(every_s)
            now_s = loop.time()
            beats = now_s >= next_s
            if beats:
                next_s = now_s + heartbeat_s
            for client in list(self.clients):
                wire = client.wire
                if wire.stalled_at is not None:  # then it is not listened to either
                    if now_s - wire.stalled_at >= self._stall_s:
                        client.end(STALLED, f"took nothing for {self._stall_s:g} s")
                elif now_s - wire.heard_at >= 3 * heartbeat_s:
                    client.end(UNHEARD, "nothing heard of you for three heartbeats")
                elif beats and wire.is_open:
                    self._beat(client)

    def _beat(self, client: Client) -> None:
        feed = self._feed
        data_at = None if feed is None else feed.data_at
        client.say("heartbeat", server_at=self._clock.now(), data_at=data_at)
        if client.wire.stalled_at is None:
            client.wire.ping()


def _named(entry: Entry, context: SpanContext) -> traces.Attributes:
    return {semconv.EVENT_ID: str(UUID(int=context.trace_id)), semconv.MINER_ID: entry.subject}
