"""Sends events to the gateway: batched, packed, one upload after the other."""

import asyncio
import gzip
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec
import structlog
from pydantic import SecretStr

from minestream_runtime.clock import Clock
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.trust import certificate_fault
from minestream_runtime.edge.verdicts import Settled, State, Verdict, judge
from minestream_runtime.errors import BrokerUnavailableError, RecordRefusedError
from minestream_runtime.metrics import counter
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.polite.words import instant
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.upload import CARRIED_HEADERS, KEY_HEADER, UPLOAD_PATH

MOST_ITEMS: Final = 1000
MOST_BYTES: Final = 4 * 1024 * 1024
LINGER_S: Final = 1.0
DEADLINE_S: Final = 30.0
_LEVEL: Final = 5
_LEAST_WAIT_S: Final = 0.1
"""After a failure: whoever handed over the failed ones hears of it before a later one can pass."""
_MOST_ANSWER_BYTES: Final = 4 * 1024 * 1024
_CLOCKS_DIFFER_S: Final = 60.0
"""Beyond it somebody should look: whole seconds and a slow line are less."""

Outcome = BrokerUnavailableError | RecordRefusedError | None
"""What became of an event; None: the gateway has published it."""


@dataclass(slots=True, eq=False)
class _Handed:
    """Events that were handed over together: what became of each, and who waits for that."""

    outcomes: list[Outcome]
    left: int
    done: asyncio.Future[None]
    given_up: bool = False

    def settle(self, place: int, outcome: Outcome) -> None:
        self.outcomes[place] = outcome
        self.left -= 1
        if not self.left and not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class _Waiting:
    item: bytes
    by: _Handed
    place: int


class Uploader:
    """The outlet's sender at a site without Kafka.

    Events go up in the order in which they were handed over, one batch at a time, and when a batch
    fails so does everything behind it: nothing overtakes what is to be sent again. After a failure
    sends fail at once until the gateway may be asked again.

    Args:
        http: verifies the gateway's certificate; opened by the caller.
        gateway: its address, without a path.
        key: the site's.
        clock: paces.
        dead_letters: for what the gateway refuses.
        most_items: of one batch.
        most_bytes: of one batch, unpacked; one event may be larger.
        linger_s: how long the first event of a batch waits for others, seconds.
        deadline_s: for one upload.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        gateway: str,
        key: SecretStr,
        clock: Clock,
        dead_letters: DeadLetters,
        *,
        most_items: int = MOST_ITEMS,
        most_bytes: int = MOST_BYTES,
        linger_s: float = LINGER_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._http = http
        self._url = gateway.rstrip("/") + UPLOAD_PATH
        self._key = key
        self._clock = clock
        self._dead_letters = dead_letters
        self._most_items = self._fit = most_items
        self._most_bytes = most_bytes
        self._linger_s = linger_s
        self._deadline_s = deadline_s
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._not_before_s = 0.0
        self._why = "not yet tried"
        self._state: State = "up"
        self._ahead_s = 0.0
        self._jitter = random.Random()  # noqa: S311 - of pauses
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why the gateway takes nothing just now; None: it does, as far as is known."""
        return None if self._state == "up" else self._why

    def clock_fault(self) -> str | None:
        """By how much our clock is not the gateway's; None: not worth a word."""
        if abs(self._ahead_s) < _CLOCKS_DIFFER_S:
            return None
        how = "ahead of" if self._ahead_s > 0 else "behind"
        return (
            f"this machine's clock is {abs(self._ahead_s):.0f} s {how} the gateway's: "
            "readings carry the time of this one"
        )

    def take_key(self, key: SecretStr) -> None:
        """Upload with this key from now on; one that is new is tried at once."""
        if key == self._key:
            return
        self._key = key
        self._log.info("key_taken")
        if self._state == "refused":
            self._not_before_s = 0.0

    async def send(
        self,
        topic: Topic,
        *,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
    ) -> None:
        """Upload one event and wait until the gateway has published it; see ``Sender``.

        Args:
            topic: where to.
            key: the gateway takes it from the event.
            value: the event; a site has no tombstones to send.
            headers: those that the gateway hands on go along.

        Raises:
            BrokerUnavailableError: not published. Send it again.
            RecordRefusedError: it never will be; it is in the file of dead letters.
        """
        event = Spooled(topic.name, key or b"", value or b"null", "", 0.0, b"", headers)
        [outcome] = await self._handed([event])
        if outcome is not None:
            raise outcome

    async def send_all(self, events: Sequence[Spooled]) -> list[Outcome]:
        """Upload events in their order, without waiting for more; what became of each.

        Args:
            events: at least one is waited for; none gives none.
        """
        if not events:
            return []
        self._full.set()
        return await self._handed(events)

    async def _handed(self, events: Sequence[Spooled]) -> list[Outcome]:
        if self._clock.monotonic() < self._not_before_s:
            return [BrokerUnavailableError(self._why)] * len(events)
        count = len(events)
        handed = _Handed([None] * count, count, asyncio.get_running_loop().create_future())
        for place, event in enumerate(events):
            waiting = _Waiting(_item(event.topic, event.value, event.headers), handed, place)
            self._waiting.append(waiting)
            self._bytes += len(waiting.item)
        self._wake.set()
        if len(self._waiting) >= self._fit or self._bytes >= self._most_bytes:
            self._full.set()
        try:
            await handed.done
        except asyncio.CancelledError:
            handed.given_up = True
            raise
        return handed.outcomes

    async def run(self) -> None:
        """Upload what waits, until cancelled."""
        while True:
            await self._wake.wait()
            try:
                async with asyncio.timeout(self._linger_s):
                    await self._full.wait()
            except TimeoutError:
                pass
            self._full.clear()
            self._wake.clear()
            while batch := self._taken():
                await self._upload(batch)

    def _taken(self) -> list[_Waiting]:
        """The next batch, oldest first; whoever gave up waiting is left out."""
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and len(batch) < self._fit:
            size += len(self._waiting[0].item)
            if batch and size > self._most_bytes:
                break
            waiting = self._waiting.popleft()
            self._bytes -= len(waiting.item)
            if waiting.by.given_up:
                size -= len(waiting.item)
            else:
                batch.append(waiting)
        return batch

    async def _upload(self, batch: Sequence[_Waiting]) -> None:
        verdict = await self._asked([waiting.item for waiting in batch])
        counter("minestream_upload_batches_total").labels(verdict.outcome).inc()
        if verdict.outcome == "too_large" and len(batch) > 1:
            self._fit = len(batch) // 2
            self._waiting.extendleft(reversed(batch))
            self._bytes += sum(len(waiting.item) for waiting in batch)
            return
        if verdict.late and len(batch) > 1:  # a slow line: the same would be late for ever
            self._fit = len(batch) // 2
        elif verdict.state == "up":
            self._fit = min(self._fit + 1 + self._fit // 8, self._most_items)
        for waiting, settled in zip(batch, verdict.settled, strict=True):
            self._settle(waiting, settled, verdict)
        self._remember(verdict)

    async def _asked(self, items: Sequence[bytes]) -> Verdict:
        body = await asyncio.to_thread(gzip.compress, b"[" + b",".join(items) + b"]", _LEVEL)
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._http.stream(
                    "POST",
                    self._url,
                    content=body,
                    headers={
                        KEY_HEADER: self._key.get_secret_value(),
                        "Content-Type": "application/json",
                        "Content-Encoding": "gzip",
                    },
                ) as response,
            ):
                text = bytearray()
                async for chunk in response.aiter_bytes():
                    text += chunk
                    if len(text) > _MOST_ANSWER_BYTES:
                        break
        except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout):
            why = f"no answer within {self._deadline_s:g} s"
            return Verdict.away(len(items), why, late=True)
        except httpx.HTTPError as exc:
            untrusted = certificate_fault(exc)
            if untrusted is not None:
                return Verdict.untrusted(len(items), untrusted)
            return Verdict.away(len(items), f"{type(exc).__name__}: {exc}")
        headers = response.headers
        self._compare_clocks(headers.get("Date"))
        return judge(
            len(items),
            response.status_code,
            bytes(text),
            headers.get("Retry-After"),
            headers.get("Location"),
        )

    def _compare_clocks(self, date: str | None) -> None:
        theirs = instant(date)
        if theirs is None:
            return
        before = self.clock_fault()
        self._ahead_s = self._clock.now().timestamp() - theirs.timestamp()
        now = self.clock_fault()
        if (now is None) != (before is None):
            self._log.warning("clocks_differ" if now else "clocks_agree", ahead_s=self._ahead_s)

    def _settle(self, waiting: _Waiting, settled: Settled, verdict: Verdict) -> None:
        if settled.refused is not None:
            kind, reason = settled.refused
            counter("minestream_upload_refused_total").labels(kind).inc()
            self._dead_letters.put(waiting.item, kind=kind, reason=reason, at=self._clock.now())
            waiting.by.settle(waiting.place, RecordRefusedError(f"refused: {reason}"))
        elif settled.published:
            waiting.by.settle(waiting.place, None)
        else:
            waiting.by.settle(waiting.place, BrokerUnavailableError(verdict.why))

    def _remember(self, verdict: Verdict) -> None:
        """After a failure everything that waits fails too, and for a while all that comes."""
        other_fault = verdict.state == "untrusted" and verdict.why != self._why
        if verdict.state != self._state or other_fault:
            self._state = verdict.state
            if verdict.state == "refused":
                self._log.error("gateway_refuses_us", reason=verdict.why, again_s=verdict.wait_s)
            elif verdict.state == "untrusted":
                self._log.error("gateway_not_trusted", reason=verdict.why, again_s=verdict.wait_s)
            elif verdict.state == "down":
                self._log.warning("gateway_away", reason=verdict.why)
            else:
                self._log.info("gateway_takes_uploads")
        if verdict.state == "up":
            return
        wait_s = max(verdict.wait_s, _LEAST_WAIT_S) * self._jitter.uniform(1.0, 1.25)
        self._not_before_s, self._why = self._clock.monotonic() + wait_s, verdict.why
        while self._waiting:
            waiting = self._waiting.popleft()
            waiting.by.settle(waiting.place, BrokerUnavailableError(verdict.why))
        self._bytes = 0


def _item(topic: str, value: bytes, headers: Headers) -> bytes:
    wrapped: dict[str, object] = {"topic": topic, "event": msgspec.Raw(value)}
    carried = {
        name: text.decode("ascii", "replace") for name, text in headers if name in CARRIED_HEADERS
    }
    if carried:
        wrapped["headers"] = carried
    return msgspec.json.encode(wrapped)
