"""Hears of readings that do not fit, and has their miners polled more often for a while."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog

from minestream_runtime.backoff import Backoff
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer
from minestream_runtime.metrics import counter
from minestream_runtime.scheduling.pace import HURRIED_MOST_S
from minestream_runtime.settings import Settings
from minestream_schemas.anomaly import ANOMALY

_WAIT_S: Final = 1.0
_TOO_OLD: Final = timedelta(seconds=HURRIED_MOST_S)


class _Anomaly(msgspec.Struct):
    """What matters here of ``Anomaly``."""

    miner_id: str
    score: float
    ts: datetime


class AnomalyFeed:
    """Follows all anomalies from now on, without a group: each collector picks its own miners.

    What was told while Kafka or we were away is old, and not looked for; without Kafka polling goes
    on as usual.

    Args:
        settings: where Kafka is.
        clock: what old is.
        hurry: has a miner polled more often; leaves those alone that are not ours.
        least_score: an anomaly below it is none to us.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        hurry: Callable[[str], None],
        *,
        least_score: float,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._hurry = hurry
        self._least_score = least_score
        self._waits = False
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Follow until cancelled; a broker that is away is waited for."""
        backoff = Backoff(first_s=0.5, most_s=10.0)
        while True:
            try:
                async with Consumer(self._settings, [ANOMALY], from_end=True) as consumer:
                    await self._follow(consumer, backoff)
            except BrokerUnavailableError as exc:
                if not self._waits:
                    self._log.warning("anomalies_wait_for_kafka", error=str(exc))
                self._waits = True
            await asyncio.sleep(backoff.next_s())

    async def _follow(self, consumer: Consumer, backoff: Backoff) -> None:
        while True:
            records = await consumer.records(wait_s=_WAIT_S)
            if self._waits:
                self._log.info("anomalies_heard_again")
            self._waits = False
            backoff.reset()
            for record in records:
                self.note(record.value or b"")

    def note(self, value: bytes) -> None:
        """Take one record of the topic."""
        try:
            anomaly = msgspec.json.decode(value, type=_Anomaly)
            old = self._clock.now() - anomaly.ts > _TOO_OLD
        except (ValueError, TypeError) as exc:  # no JSON, no anomaly; an instant without zone
            counter("minestream_left_out_total").labels(ANOMALY.name, "schema").inc()
            self._log.error("anomaly_refused", error=str(exc))
            return
        if anomaly.score >= self._least_score and not old:
            self._hurry(anomaly.miner_id)
