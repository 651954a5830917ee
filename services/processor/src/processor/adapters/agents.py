"""The agents: a record of raw or a tick in, the miner's state and what follows from it out.

Faust's part ends here. An agent interleaves with the other only at an await, and there is none
between the reading of a state and its writing.
"""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import structlog
from pydantic import ValidationError

from minestream_dialects import normalise
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BugError, PayloadInvalidError, unit_of_work
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.producer import key_of
from minestream_runtime.metrics import counter, histogram
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.event import Event, Topic
from minestream_schemas.gap import GAP
from minestream_schemas.metrics import MetricName
from minestream_schemas.raw import MAX_EVENT_BYTES, RAW_MINER, PollStatus, RawMiner
from minestream_schemas.telemetry import CHIPS, TELEMETRY
from minestream_schemas.tick import TICKS, Tick
from minestream_schemas.window import WINDOW
from processor.adapters.faults import Guard, headers_of
from processor.adapters.sends import owner_of
from processor.adapters.state_codec import decode, encode
from processor.adapters.ticks import Dues, Progress, Waiting
from processor.domain.miner_state import to_us
from processor.domain.step import Kind, Outcome, Reading, Rules, step, tick

OUTPUTS: Final = (TELEMETRY, CHIPS, WINDOW, ANOMALY, GAP)
_UNANSWERED: Final = frozenset({PollStatus.TIMEOUT, PollStatus.REFUSED})
_FRAME_BYTES: Final = 1024
"""What Kafka adds around a record of a topic's largest size."""
_MINERS_PER_TURN: Final = 50
_AHEAD: Final = timedelta(days=1)
"""How far ahead of ours a collector's clock may be; the sink keeps nothing beyond either."""
_COUNTED: Final[dict[Kind, MetricName]] = {
    Kind.REPEAT: "minestream_events_repeated_total",
    Kind.LATE: "minestream_events_late_total",
}

Headers = dict[str, bytes] | None


E = TypeVar("E", bound=Event)


def read(kind: type[E], value: bytes | None) -> E:
    """Decode a record's value.

    Raises:
        PayloadInvalidError: no schema accepts it; the text names fields, never their values.
    """
    if value is None:
        raise PayloadInvalidError("a record without a value")
    if len(value) > MAX_EVENT_BYTES:
        raise PayloadInvalidError(f"{len(value)} bytes, {MAX_EVENT_BYTES} are allowed")
    try:
        return kind.from_json(value)
    except ValidationError as exc:
        faults = exc.errors(include_input=False, include_url=False, include_context=False)
        where = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'value'}: {fault['msg']}" for fault in faults[:5]
        )
        raise PayloadInvalidError(where) from exc


class Outputs:
    """Sends events through Faust, which waits for all of them before it commits their input."""

    def __init__(self, topics: Mapping[str, Any]) -> None:
        self._topics = topics

    async def send(self, topic: Topic, event: Event, headers: Headers = None) -> None:
        """Hand one event to Faust's producer.

        Raises:
            ValueError: when it is larger than its topic allows.
        """
        value = event.to_json()
        if len(value) > topic.max_message_bytes - _FRAME_BYTES:
            raise ValueError(f"{topic.name}: an event of {len(value)} bytes is too large")
        await self._topics[topic.name].send(key=key_of(topic, event), value=value, headers=headers)

    async def send_all(
        self, topic: Topic, events: Iterable[Event], headers: Headers = None
    ) -> None:
        """Hand several events to Faust's producer; see ``send``."""
        for event in events:
            await self.send(topic, event, headers)


class RawAgent:
    """Deals with the records of raw.miner."""

    def __init__(
        self,
        *,
        table: Any,
        outputs: Outputs,
        producer: Producer,
        guard: Guard,
        progress: Progress,
        dues: Dues,
        ticks: "TickAgent",
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._table = table
        self._outputs = outputs
        self._producer = producer
        self._guard = guard
        self._progress = progress
        self._dues = dues
        self._ticks = ticks
        self._rules = rules
        self._clock = clock
        self._processed = counter("minestream_events_processed_total").labels(RAW_MINER.name)
        self._age = histogram("minestream_event_age_seconds").labels("processor")

    async def run(self, stream: Any) -> None:
        """Deal with one record after the other, and with the ticks that waited for it."""
        async for event in stream.events():
            message = event.message
            await self._guard.around(message, self._deal_with, message)
            self._progress.reach(message.partition, message.offset + 1)
            await self._guard.around(message, self._ticks.catch_up, message.partition)

    async def _deal_with(self, message: Any) -> None:
        raw = read(RawMiner, message.value)
        key: bytes | None = message.key
        if key != raw.miner_id.encode():
            raise PayloadInvalidError("the key is not the miner's id")
        if raw.polled_at - self._clock.now() > _AHEAD:
            # else the miner's state would take each true reading for a late one until then
            raise PayloadInvalidError("polled_at: more than a day ahead of our clock")
        if owner_of(key, RAW_MINER.partitions) != message.partition:
            await self._send_home(message, key)
            return
        outcome = self._apply(key, message.partition, raw)
        await self._tell(outcome[0], outcome[1], _trace_of(message))
        self._processed.inc()
        self._age.observe(max(0.0, (self._clock.now() - raw.polled_at).total_seconds()))

    def _apply(self, key: bytes, partition: int, raw: RawMiner) -> tuple[Outcome, Event | None]:
        normalised = normalise(raw)
        reading = Reading(normalised.telemetry, raw.interval_s, raw.status not in _UNANSWERED)
        blob = self._table.get(key)
        outcome = step(decode(blob) if blob else None, reading, self._rules)
        # also at a repeat: RocksDB is written before the changelog, and a kill in between loses
        # the latter; only a second write lets the partition's next owner know of the event
        self._table[key] = encode(outcome.state)
        self._dues.note(partition, key, outcome.state)
        if outcome.kind is not Kind.NEW:
            counter(_COUNTED[outcome.kind]).labels(RAW_MINER.name).inc()
        return outcome, normalised.chips

    async def _tell(self, outcome: Outcome, chips: Event | None, headers: Headers) -> None:
        await self._outputs.send(TELEMETRY, outcome.telemetry, headers)
        if chips is not None:
            await self._outputs.send(CHIPS, chips, headers)
        if outcome.anomaly is not None:
            await self._outputs.send(ANOMALY, outcome.anomaly, headers)
        if outcome.gaps:
            await self._outputs.send_all(GAP, outcome.gaps, headers)
        if outcome.windows:
            await self._outputs.send_all(WINDOW, outcome.windows, headers)
            if outcome.kind is not Kind.REPEAT:
                counter("minestream_windows_closed_total").labels("event").inc(len(outcome.windows))

    async def _send_home(self, message: Any, key: bytes) -> None:
        home = partial(
            self._producer.send,
            RAW_MINER,
            key=key,
            value=message.value,
            headers=headers_of(message),
        )
        await self._guard.patiently(home)
        counter("minestream_events_rerouted_total").labels(RAW_MINER.name).inc()


class TickAgent:
    """Deals with ticks: at once, or when raw has been dealt with as far as they know of it."""

    def __init__(
        self,
        *,
        table: Any,
        outputs: Outputs,
        guard: Guard,
        progress: Progress,
        dues: Dues,
        waiting: Waiting,
        rules: Rules,
    ) -> None:
        self._table = table
        self._outputs = outputs
        self._guard = guard
        self._progress = progress
        self._dues = dues
        self._waiting = waiting
        self._rules = rules
        self._processed = counter("minestream_events_processed_total").labels(TICKS.name)
        self._log = structlog.get_logger()

    async def run(self, stream: Any) -> None:
        """Deal with one tick after the other."""
        async for event in stream.events():
            await self._guard.around(event.message, self._deal_with, event.message)

    async def _deal_with(self, message: Any) -> None:
        self._waiting.add(message.partition, read(Tick, message.value))
        await self.catch_up(message.partition)
        self._processed.inc()

    async def catch_up(self, partition: int) -> None:
        """Apply the tick that has become ripe, if one has.

        Inside a stream's iteration over a record of the same partition only: Faust takes the
        partition of the table from there.
        """
        done = self._progress.done(partition)
        ripe = None if done is None else self._waiting.ripe(partition, done)
        if ripe is None:
            return
        at_us = to_us(ripe.at)
        for turn, key in enumerate(self._dues.at(partition, at_us)):
            await self._close(partition, key, at_us)
            if turn % _MINERS_PER_TURN == 0:
                await asyncio.sleep(0)

    async def _close(self, partition: int, key: bytes, at_us: int) -> None:
        blob = self._table.get(key)
        if not blob:
            return
        try:
            with unit_of_work():
                outcome = tick(decode(blob), at_us, self._rules)
        except BugError as exc:
            # one miner's state must not stop the clock of all; its own next event meets it again
            self._dues.leave_out(partition, key)
            counter("minestream_dead_letters_total").labels("bug").inc()
            self._log.error("tick_left_out", miner_id=key.decode(), error=str(exc))
            return
        if outcome.changed:
            self._table[key] = encode(outcome.state)
        self._dues.note(partition, key, outcome.state)
        await self._outputs.send_all(WINDOW, outcome.windows)
        await self._outputs.send_all(GAP, outcome.gaps)
        counter("minestream_windows_closed_total").labels("tick").inc(len(outcome.windows))


def _trace_of(message: Any) -> Headers:
    for name, value in headers_of(message):
        if name == "traceparent":
            return {name: value}
    return None
