"""The agents: a record of raw or a tick in, the miner's state and what follows from it out.

Faust's part ends here. An agent interleaves with the other only at an await, and there is none
between the reading of a state and its writing.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog
from opentelemetry.trace import Span, SpanContext, SpanKind

from minestream_dialects import Normalised, normalise
from minestream_runtime import semconv, traces
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BugError, PayloadInvalidError, unit_of_work
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import counter, histogram
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.event import Event
from minestream_schemas.feature import FEATURE
from minestream_schemas.gap import GAP
from minestream_schemas.metrics import MetricName
from minestream_schemas.raw import RAW_MINER, RawMiner
from minestream_schemas.telemetry import CHIPS, TELEMETRY
from minestream_schemas.tick import TICKS, Tick
from minestream_schemas.window import WINDOW, TelemetryWindow
from processor.adapters.faults import Guard, headers_of
from processor.adapters.polls import AHEAD, read, read_poll
from processor.adapters.readings import light_reading
from processor.adapters.sends import Headers, Outputs, owner_of
from processor.adapters.spans import attributes_of, trace_of
from processor.adapters.state_codec import decode, encode
from processor.adapters.states import States
from processor.adapters.ticks import Dues, Progress, Waiting
from processor.adapters.worths import Worths
from processor.domain.miner_state import to_us
from processor.domain.step import Kind, Outcome, Reading, Rules, step, tick

OUTPUTS: Final = (TELEMETRY, CHIPS, WINDOW, ANOMALY, GAP, FEATURE)
_MINERS_PER_TURN: Final = 50
_COUNTED: Final[dict[Kind, MetricName]] = {
    Kind.REPEAT: "minestream_events_repeated_total",
    Kind.LATE: "minestream_events_late_total",
}


class RawAgent:
    """Deals with the records of raw.miner."""

    def __init__(
        self,
        *,
        states: States,
        outputs: Outputs,
        producer: Producer,
        guard: Guard,
        progress: Progress,
        dues: Dues,
        ticks: "TickAgent",
        worths: Worths,
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._states = states
        self._outputs = outputs
        self._producer = producer
        self._guard = guard
        self._progress = progress
        self._dues = dues
        self._ticks = ticks
        self._worths = worths
        self._rules = rules
        self._normalise = partial(
            normalise, make=light_reading, healthy_chips_ratio=rules.healthy_chips_ratio
        )
        self._clock = clock
        self._processed = counter("minestream_events_processed_total").labels(RAW_MINER.name)
        self._age = histogram("minestream_event_age_seconds").labels("processor")

    async def run(self, stream: Any) -> None:
        """Deal with one record after the other, and with the ticks that waited for it."""
        async for event in stream.events():
            message = event.message
            await self._guard.around(message, self._deal_with, message)
            self._progress.reach(message.partition, message.offset + 1)
            if self._ticks.waits(message.partition):
                await self._guard.around(message, self._ticks.catch_up, message.partition)

    async def _deal_with(self, message: Any) -> None:
        raw = read_poll(message.value)
        key: bytes | None = message.key
        if key != raw.miner_id.encode():
            raise PayloadInvalidError("the key is not the miner's id")
        if raw.polled_at - self._clock.now() > AHEAD:
            # else the miner's state would take each true reading for a late one until then
            raise PayloadInvalidError("polled_at: more than a day ahead of our clock")
        if owner_of(key, RAW_MINER.partitions) != message.partition:
            await self._send_home(message, key)
            return
        headers = dict(headers_of(message))
        parent = traces.sampled(headers)
        if parent is None:
            outcome, chips = await self._apply(key, message.partition, raw)
            await self._tell(outcome, chips, trace_of(headers))
        else:
            await self._traced(message, raw, parent)
        self._processed.inc()
        self._age.observe(max(0.0, (self._clock.now() - raw.polled_at).total_seconds()))

    async def _traced(self, message: Any, raw: RawMiner, parent: SpanContext) -> None:
        about = {
            semconv.EVENT_ID: str(raw.event_id),
            semconv.MINER_ID: raw.miner_id,
            **attributes_of(message),
        }
        name = f"process {RAW_MINER.name}"
        with traces.child(name, parent, kind=SpanKind.CONSUMER, attributes=about) as span:
            outcome, chips = await self._apply(message.key, message.partition, raw, span)
            await self._tell(outcome, chips, traces.headers_of(span))

    async def _apply(
        self, key: bytes, partition: int, raw: RawMiner, span: Span | None = None
    ) -> tuple[Outcome, Event | None]:
        normalised = self._normalised(raw, span)
        telemetry = normalised.telemetry
        reading = Reading(
            telemetry,
            raw.interval_s,
            self._worths.of(partition, key, telemetry),
            raw.tariff_usd_per_kwh,
        )
        blob = self._states.get(partition, key)
        outcome = step(decode(blob) if blob else None, reading, self._rules)
        self._dues.note(partition, key, outcome.state)
        # also at a repeat: RocksDB is written before the changelog, and a kill in between loses
        # the latter; only a second write lets the partition's next owner know of the event
        await self._states.put(partition, key, encode(outcome.state))
        if outcome.kind is not Kind.NEW:
            counter(_COUNTED[outcome.kind]).labels(RAW_MINER.name).inc()
        return outcome, normalised.chips

    def _normalised(self, raw: RawMiner, span: Span | None) -> Normalised:
        if span is None:
            return self._normalise(raw)
        about = {semconv.EVENT_ID: str(raw.event_id), semconv.MINER_ID: raw.miner_id}
        with traces.child("normalise", span.get_span_context(), attributes=about):
            return self._normalise(raw)

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
                _count_closed(outcome.windows, "event", self._clock)
        if outcome.feature is not None:
            await self._outputs.send(FEATURE, outcome.feature, headers)

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
        states: States,
        outputs: Outputs,
        guard: Guard,
        progress: Progress,
        dues: Dues,
        waiting: Waiting,
        removed: Callable[[bytes], bool],
        rules: Rules,
        clock: Clock,
    ) -> None:
        self._states = states
        self._outputs = outputs
        self._guard = guard
        self._progress = progress
        self._dues = dues
        self._waiting = waiting
        self._removed = removed
        self._rules = rules
        self._clock = clock
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

    def waits(self, partition: int) -> bool:
        """Does a tick of the partition wait for records?"""
        return self._waiting.any(partition)

    async def catch_up(self, partition: int) -> None:
        """Apply the tick that has become ripe, if one has.

        Only while a record of the same partition is in hand: a rebalance waits for those.
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
        blob = self._states.get(partition, key)
        if not blob:
            return
        try:
            with unit_of_work():
                outcome = tick(decode(blob), at_us, self._rules, removed=self._removed(key))
        except BugError as exc:
            # one miner's state must not stop the clock of all; its own next event meets it again
            self._dues.leave_out(partition, key)
            counter("minestream_left_out_total").labels(TICKS.name, "bug").inc()
            self._log.error("tick_left_out", miner_id=key.decode(), error=str(exc))
            return
        self._dues.note(partition, key, outcome.state)
        if outcome.changed:
            await self._states.put(partition, key, encode(outcome.state))
        await self._outputs.send_all(WINDOW, outcome.windows)
        await self._outputs.send_all(GAP, outcome.gaps)
        _count_closed(outcome.closed, "tick", self._clock)


def _count_closed(windows: Iterable[TelemetryWindow], by: str, clock: Clock) -> None:
    now = clock.now()
    lateness = histogram("minestream_window_lateness_seconds").labels(by)
    for window in windows:
        end = window.window_start_at + timedelta(seconds=window.window_s)
        lateness.observe((now - end).total_seconds())
        counter("minestream_windows_closed_total").labels(by).inc()
