"""One client: what it asked for, and what goes to it as fast as it takes it."""

import asyncio
from collections import deque
from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode, encode

from api_gateway.adapters.stream.wire import LAST_WORDS_S, Wire, frame
from api_gateway.domain.stream.feed import Feed
from api_gateway.domain.stream.requests import (
    LIMITS,
    MAX_MESSAGES_A_SECOND,
    MAX_MISTAKES,
    MAX_SUBSCRIPTIONS,
    NotUnderstoodError,
    Ping,
    Said,
    Subscribe,
    Unsubscribe,
    understand,
)
from api_gateway.domain.stream.subscription import Subscription
from minestream_runtime.clock import Clock
from minestream_runtime.metrics import counter, gauge

MISTAKEN: Final = 4400
TOO_MUCH: Final = 4429
_TURN_BYTES: Final = 2 * 1024 * 1024
"""After so much for one client it is others' turn."""


class Client:
    """A client and its subscriptions.

    It is written to from the hub's own task, straight into the socket's buffer, and only while
    that has room: a client that takes nothing costs its place in the stream and no more.

    Args:
        wire: to it.
        feed: what it is told.
        clock: for what it is told of time.
        owners: whose each subscription is; kept up to date.
    """

    def __init__(self, wire: Wire, feed: Feed, clock: Clock, owners: "Owners") -> None:
        self.wire = wire
        self.subscriptions: dict[str, Subscription] = {}
        self._feed = feed
        self._clock = clock
        self._owners = owners
        self._owed: deque[Subscription] = deque()
        self._mistakes = 0
        self._second = (0, 0)
        self._turn: asyncio.Handle | None = None
        wire.when_drained = self.drain

    def greet(self, heartbeat_s: float) -> None:
        """Say hello."""
        self.say("hello", server_at=self._clock.now(), heartbeat_s=heartbeat_s, limits=LIMITS)

    def say(self, word: str, /, **fields: Any) -> None:
        """Send a message that belongs to no subscription; a client that takes nothing has none."""
        if self.wire.is_open and self.wire.stalled_at is None:
            self.wire.push(frame(encode({"type": word, **fields})))
            counter("minestream_stream_sent_total").labels(word).inc()

    def hear(self, text: str | None) -> None:
        """Do what a message asks for.

        Args:
            text: None: the message was binary.
        """
        if not self._within_rate():
            self.end(TOO_MUCH, f"over {MAX_MESSAGES_A_SECOND} messages a second")
            return
        try:
            self._do(understand(_decoded(text)))
            self._mistakes = 0
        except NotUnderstoodError as exc:
            named = {} if exc.name is None else {"id": exc.name}
            self.say("problem", kind=exc.kind, detail=str(exc), **named)
            self._mistakes += 1
            if self._mistakes > MAX_MISTAKES:
                self.end(MISTAKEN, f"over {MAX_MISTAKES} messages were not understood")

    def owe(self, subscription: Subscription) -> None:
        """There is something for a subscription."""
        if subscription not in self._owed:
            self._owed.append(subscription)

    def drain(self) -> None:
        """Send what is owed until there is nothing or the socket is full."""
        wire, owed, sent = self.wire, self._owed, 0
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        while owed and wire.stalled_at is None and wire.is_open:
            subscription = owed.popleft()
            message = self._feed.next(subscription)
            if message is None:
                continue
            owed.append(subscription)
            framed = message.frames.get(subscription.identity)
            if framed is None:
                framed = frame(message.text(subscription.identity))
                message.frames[subscription.identity] = framed
            wire.push(framed)
            counter("minestream_stream_sent_total").labels(message.type).inc()
            if message.coalesced:
                counter("minestream_stream_coalesced_total").inc(message.coalesced)
            sent += len(framed)
            if sent > _TURN_BYTES:
                self._turn = asyncio.get_running_loop().call_soon(self.drain)
                return

    def end(self, code: int, reason: str) -> None:
        """Close."""
        self.wire.end(code, reason, within_s=LAST_WORDS_S)

    def leave(self) -> None:
        """It has gone: forget what it asked for."""
        self.wire.when_drained = None
        if self._turn is not None:
            self._turn.cancel()
        for subscription in self.subscriptions.values():
            self._forget(subscription)
        self.subscriptions.clear()
        self._owed.clear()

    def _do(self, said: Said) -> None:
        match said:
            case Ping():
                self.say("pong", server_at=self._clock.now())
            case Unsubscribe(name):
                if name not in self.subscriptions:
                    raise NotUnderstoodError("unknown_id", "there is no such subscription", name)
                self._drop(name)
            case Subscribe():
                self._subscribe(said)

    def _subscribe(self, said: Subscribe) -> None:
        if said.name in self.subscriptions:
            self._drop(said.name)
        elif len(self.subscriptions) >= MAX_SUBSCRIPTIONS:
            self.end(TOO_MUCH, f"over {MAX_SUBSCRIPTIONS} subscriptions")
            return
        subscription = Subscription.named(said.name, said.scope)
        self.subscriptions[said.name] = subscription
        self._owners[subscription] = self
        gauge("minestream_stream_subscriptions").inc()
        self._feed.subscribe(subscription, said.cursor)
        self.owe(subscription)
        self.drain()

    def _drop(self, name: str) -> None:
        subscription = self.subscriptions.pop(name)
        self._forget(subscription)
        if subscription in self._owed:
            self._owed.remove(subscription)

    def _forget(self, subscription: Subscription) -> None:
        del self._owners[subscription]
        self._feed.channels.leave(subscription)
        gauge("minestream_stream_subscriptions").dec()

    def _within_rate(self) -> bool:
        second = int(self._clock.monotonic())
        count = self._second[1] + 1 if self._second[0] == second else 1
        self._second = (second, count)
        return count <= MAX_MESSAGES_A_SECOND


Owners = dict[Subscription, Client]


def _decoded(text: str | None) -> object:
    if text is None:
        raise NotUnderstoodError("not_text", "messages are text, JSON; this one was binary")
    try:
        return decode(text)
    except (DecodeError, RecursionError) as exc:
        raise NotUnderstoodError("not_json", f"this is no JSON: {exc}") from exc
