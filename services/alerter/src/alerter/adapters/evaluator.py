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
from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.database.positions import Positions
from minestream_runtime.errors import (
    BrokerUnavailableError,
    Disposition,
    MinestreamError,
    unit_of_work,
)
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_runtime.kafka.setting_aside import SettingAside
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_schemas.dead_letter import Fault
from minestream_schemas.telemetry import TELEMETRY

SERVICE: Final = "alerter"
_LOOK_EVERY_S: Final = 2.0


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
        self._backoff = Backoff()
        self._fault: str | None = "has not read yet"
        self._looked_s = clock.monotonic() - _LOOK_EVERY_S
        self._untold: dict[Partition, int] = {}
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not judge just now; None when it does."""
        return self._fault

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
            while True:
                heed_cancellation()
                await self._turn(consumer)

    async def _turn(self, consumer: Consumer) -> None:
        try:
            await self._positions.find(self._store.offsets)
            records = await consumer.records(most=self._settings.alert_batch_records)
            await self._take(self._positions.ours(records))
            await self._look(consumer)
        except MinestreamError as exc:
            if exc.disposition is not Disposition.RETRY:
                raise
            if self._fault != exc.kind:
                self._log.warning("alerter_waits", error_type=exc.kind, reason=str(exc))
            self._fault = exc.kind
            self._positions.forget()
            await asyncio.sleep(self._backoff.next_s())
            return
        if not self._positions.held():
            return  # nothing was asked of the database, so nothing is known of it
        if self._fault is not None:
            self._log.info("alerter_judges", after=self._fault)
        self._fault = None
        self._backoff.reset()

    async def _take(self, records: Sequence[Record]) -> None:
        """Judge records; of those that fail, only the very one at fault is set aside."""
        if not records:
            return
        try:
            await self._judge(records)
        except MinestreamError as exc:
            if exc.disposition is not Disposition.DEAD_LETTER:
                raise
            if len(records) == 1:
                await self._judge(records, fault=exc)
                return
            half = len(records) // 2
            await self._take(records[:half])
            await self._take(records[half:])

    async def _judge(
        self, records: Sequence[Record], *, fault: MinestreamError | None = None
    ) -> None:
        now = self._clock.now()
        readings: dict[Partition, list[Reading]] = {record.partition: [] for record in records}
        refused: list[tuple[Record, MinestreamError]] = []
        for record in records:
            try:
                if fault is not None:
                    raise fault
                with unit_of_work():
                    readings[record.partition].append(reading_in(record, now=now))
            except MinestreamError as exc:
                refused.append((record, exc))
        await self._set_aside(refused, now)
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
        self._untold |= ends
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
        newest = max((found[-1].ts for found in readings.values() if found), default=None)
        if newest is not None:
            age_s = (self._clock.now() - newest).total_seconds()
            histogram("minestream_event_age_seconds").labels("judged").observe(age_s)
        self._tell_of(told)

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

    async def _look(self, consumer: Consumer) -> None:
        """Measure the lag, tell Kafka of it, and release what a backlog held back."""
        now_s = self._clock.monotonic()
        if now_s - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = now_s
        held = self._positions.held()
        ends = await consumer.ends(held)
        lags = {partition: max(0, end - held[partition]) for partition, end in ends.items()}
        gauge("minestream_consumer_lag_records").labels(TELEMETRY.name).set(sum(lags.values()))
        read = [partition for partition, lag in lags.items() if lag == 0]
        if waiting := await self._store.held(read):
            await self._store.release(waiting)
            self._wake()
        now = self._clock.now()
        before = now - timedelta(seconds=self._settings.retire_after_s)
        self._tell_of(await self._store.retire(held, before=before, now=now))
        firing = Counter(await self._store.firing())
        for rule in self._rules:
            gauge("minestream_alerts_firing").labels(rule.name).set(firing[rule.name])
        await self._tell(consumer)

    def _wake(self) -> None:
        for wake in self._wakes:
            wake.set()

    async def _tell(self, consumer: Consumer) -> None:
        """Commit to Kafka, for the tools that show lag."""
        ours = consumer.owned()
        offsets = {p: offset for p, offset in self._untold.items() if p in ours}
        self._untold = {}
        if not offsets:
            return
        try:
            await consumer.commit(offsets)
        except BrokerUnavailableError as exc:
            self._log.info("lag_not_told", error_type=exc.kind)
