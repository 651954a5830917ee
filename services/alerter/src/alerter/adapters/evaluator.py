"""The loop: read a batch, judge it, write what comes of it once; wait while the world is away."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from alerter.adapters import tracing
from alerter.adapters.decoding import kind_of, reading_in, traceparent_of
from alerter.adapters.store import Part, Store
from alerter.domain.judging import Judged, Key, judge_all
from alerter.domain.lifecycle import Flow, State, Transition
from alerter.domain.reading import Reading
from alerter.settings import AlerterSettings
from minestream_runtime.clock import Clock
from minestream_runtime.database.positions import Positions
from minestream_runtime.errors import MinestreamError, unit_of_work
from minestream_runtime.halving import by_halves
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.lags import show_lags
from minestream_runtime.kafka.setting_aside import SettingAside
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_runtime.turns import Turns
from minestream_schemas.dead_letter import Fault
from minestream_schemas.telemetry import TELEMETRY

SERVICE: Final = "alerter"
_LOOK_EVERY_S: Final = 2.0
_Item = tuple[Record, Reading | None]
"""A record and what it says; None: it was set aside."""


class Evaluator:
    """One consumer of group ``alerter``.

    A batch is dropped whenever its outcome is uncertain (the database went away, another alerter
    took the partition): the offsets are asked for again and the records read again from there.

    Args:
        settings: rules and limits.
        store: the alerting schema.
        letters: for what cannot be judged.
        clock: tells what is stale, and paces.
        wakes: set whenever there is something to tell.
    """

    def __init__(
        self,
        settings: AlerterSettings,
        store: Store,
        letters: SettingAside,
        clock: Clock,
        wakes: Sequence[asyncio.Event],
    ) -> None:
        self._settings = settings
        self._rules = settings.rules
        self._store = store
        self._letters = letters
        self._clock = clock
        self._wakes = wakes
        self._positions = Positions()
        self._turns = Turns(
            waits="alerter_waits",
            works="alerter_judges",
            failed=lambda _: self._positions.forget(),
        )
        self._ahead: frozenset[str] = frozenset()
        self._looked_s = clock.monotonic() - _LOOK_EVERY_S
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not judge just now; None when it does."""
        return self._turns.fault()

    async def run(self) -> None:
        """Judge until cancelled.

        Raises:
            DeadLetterLimitError: our own code fails at too many records.
            BrokerUnavailableError: no Kafka at the start; the supervisor tries again.
        """
        async with Consumer(
            self._settings,
            (TELEMETRY,),
            group=SERVICE,
            ownership=self._positions,
            session_timeout_s=self._settings.session_timeout_s,
        ) as consumer:
            self._positions.follow(consumer)
            await self._turns.go_on(lambda: self._work(consumer))

    async def _work(self, consumer: Consumer) -> bool:
        await self._positions.find(self._store.offsets)
        records = await consumer.records(most=self._settings.alert_batch_records)
        await self._take(self._positions.ours(records))
        await self._look()
        return self._positions.proven()

    async def _take(self, records: Sequence[Record]) -> None:
        """Judge records; what cannot be read is set aside first, once."""
        if not records:
            return
        now = self._clock.now()
        items: list[_Item] = []
        refused: list[tuple[Record, MinestreamError]] = []
        for record in records:
            reading = None
            try:
                with unit_of_work():
                    reading = reading_in(record, now=now)
            except MinestreamError as exc:
                refused.append((record, exc))
            items.append((record, reading))
        await self._set_aside(refused, now)
        await self._judge_all(items, now)

    async def _judge_all(self, items: Sequence[_Item], now: datetime) -> None:
        """Judge readings; of those that fail together, only the very one at fault is set aside."""

        async def judge(piece: range, refusal: MinestreamError | None) -> None:
            some = items[piece.start : piece.stop]
            if refusal is not None:
                some = [(record, None) for record, _ in some]
                await self._set_aside([(record, refusal) for record, _ in some], now)
            await self._judge(some, now)

        await by_halves(len(items), judge)

    async def _judge(self, items: Sequence[_Item], now: datetime) -> None:
        records = [record for record, _ in items]
        readings: dict[Partition, list[Reading]] = {record.partition: [] for record in records}
        for record, reading in items:
            if reading is not None:
                readings[record.partition].append(reading)
        held = self._positions.held()
        ends = {record.partition: record.offset + 1 for record in records}
        parts = {
            partition: Part(held.get(partition, -1), end, readings[partition])
            for partition, end in ends.items()
        }

        def judge(
            states: Mapping[Key, State], found: Sequence[Reading], flow: Flow | None
        ) -> Judged:
            with unit_of_work():
                return judge_all(self._rules, states, found, flow=flow, now=now)

        told = await self._store.judge(parts, judge, tracing.judged, now=now)
        self._positions.moved(ends)
        self._count(records, readings, told)

    async def _set_aside(
        self, refused: Sequence[tuple[Record, MinestreamError]], now: datetime
    ) -> None:
        letters = [(record, Fault(kind_of(exc), str(exc))) for record, exc in refused]
        await self._letters.publish(letters, at=now)
        for record, exc in refused:
            tracing.refused(traceparent_of(record), exc, kind=kind_of(exc))
        self._letters.count(letters)

    def _count(
        self,
        records: Sequence[Record],
        readings: Mapping[Partition, Sequence[Reading]],
        told: Sequence[Transition],
    ) -> None:
        counter("minestream_events_processed_total").labels(TELEMETRY.name).inc(len(records))
        late = sum(reading.late for found in readings.values() for reading in found)
        counter("minestream_events_late_total").labels(TELEMETRY.name).inc(late)
        self._count_ahead([reading for found in readings.values() for reading in found])
        newest = max((found[-1].ts for found in readings.values() if found), default=None)
        if newest is not None:
            age_s = (self._clock.now() - newest).total_seconds()
            histogram("minestream_event_age_seconds").labels("judged").observe(age_s)
        self._tell_of(told)

    def _count_ahead(self, readings: Sequence[Reading]) -> None:
        """Tell of whom readings are ahead; of each once, until one is not."""
        ahead = {reading.subject: reading.ts for reading in readings if reading.ahead}
        count = sum(reading.ahead for reading in readings)
        counter("minestream_events_ahead_total").labels(TELEMETRY.name).inc(count)
        if fresh := sorted(ahead.keys() - self._ahead):
            self._log.warning(
                "readings_ahead",
                miners=len(fresh),
                subject=fresh[0],
                ts=ahead[fresh[0]].isoformat(),
                hint="not judged: set the collector's clock",
            )
        sound = {reading.subject for reading in readings if not reading.ahead}
        self._ahead = (self._ahead - sound) | ahead.keys()

    def _tell_of(self, told: Sequence[Transition]) -> None:
        for transition in told:
            alert = transition.alert
            counter("minestream_alert_transitions_total").labels(alert.rule, alert.phase).inc()
            self._log.info(
                "alert_changed",
                rule=alert.rule,
                subject=alert.subject,
                severity=alert.severity,
                phase=alert.phase,
                number=alert.number,
                changed_at=alert.changed_at.isoformat(),
            )
        if told:
            self._wake()

    async def _look(self) -> None:
        """Measure the lag, tell Kafka of it, and release what a backlog held back."""
        now_s = self._clock.monotonic()
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        lags = await self._positions.lags()
        show_lags([TELEMETRY], lags)
        read = [partition for partition, lag in lags.items() if lag == 0]
        if waiting := await self._store.held(read):
            await self._store.release(waiting)
            self._wake()
        now = self._clock.now()
        before = now - timedelta(seconds=self._settings.retire_after_s)
        self._tell_of(await self._store.retire(self._positions.held(), before=before, now=now))
        firing = Counter(await self._store.firing())
        for rule in self._rules:
            gauge("minestream_alerts_firing").labels(rule.name).set(firing[rule.name])
        await self._positions.tell()

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()
