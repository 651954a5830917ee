"""The half that reads: records come in, dead letters go out, and what is done is committed."""

import asyncio
from typing import Final

import structlog

from abacus_sink.adapters.holding import Holding
from abacus_sink.adapters.sending import Passing, Stage
from abacus_sink.adapters.taking import place_of
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import Clock
from minestream_runtime.errors import BrokerUnavailableError
from minestream_runtime.kafka import Consumer, Partition
from minestream_runtime.kafka.lags import lags_of, show_lags
from minestream_runtime.kafka.setting_aside import SettingAside, show_refused
from minestream_runtime.turns import Turns
from minestream_schemas.feature import FEATURE

SERVICE: Final = "abacus-sink"
_WAIT_S: Final = 0.5
_AT_ONCE: Final = 500
"""Records looked at in one go, some 20 ms: the loop has others to serve."""
_COMMIT_EVERY_S: Final = 1.0
_LAG_EVERY_S: Final = 10.0
_LAST_COMMIT_S: Final = 2.0


class Reading:
    """One consumer of group ``abacus-sink``.

    It goes on asking Kafka while the far side is away, so that it stays in its group; only what
    there is room for is read.
    """

    def __init__(
        self,
        settings: AbacusSettings,
        holding: Holding,
        letters: SettingAside,
        clock: Clock,
        passing: Passing,
    ) -> None:
        self._settings = settings
        self._holding = holding
        self._letters = letters
        self._clock = clock
        self._passing = passing
        self._turns = Turns(waits="sink_waits", works="sink_reads")
        self._committed_s = self._lag_s = clock.monotonic() - _LAG_EVERY_S
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not read just now; None when it does."""
        return self._turns.fault()

    async def run(self) -> None:
        """Read until cancelled.

        Raises:
            DeadLetterLimitError: our own code fails at too many records.
            BrokerUnavailableError: no Kafka at the start; the supervisor tries again.
        """
        async with Consumer(
            self._settings,
            [FEATURE],
            group=SERVICE,
            ownership=self._holding,
            session_timeout_s=self._settings.session_timeout_s,
        ) as consumer:
            try:
                await self._turns.go_on(lambda: self._work(consumer))
            finally:
                await self._last_commit(consumer)

    async def _work(self, consumer: Consumer) -> bool:
        await self._read(consumer)
        await self._set_aside()
        await self._commit(consumer)
        await self._measure_lag(consumer)
        return True

    async def _read(self, consumer: Consumer) -> None:
        room, ours = self._holding.room, consumer.owned()
        if room == 0:
            consumer.pause(ours)
        else:
            consumer.resume(ours)
        records = await consumer.records(wait_s=_WAIT_S, most=max(1, min(room, _AT_ONCE)))
        self._holding.take(records, self._clock.monotonic())

    async def _set_aside(self) -> None:
        holding = self._holding
        while holding.aside:
            record, fault = holding.aside[0]
            await self._letters.publish([(record, fault)], at=self._clock.now())
            self._letters.count([(record, fault)])
            show_refused([(record, fault)], verb="send")
            holding.done(place_of(record))
            holding.aside = [one for one in holding.aside if one[0] is not record]

    async def _commit(self, consumer: Consumer) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._committed_s < _COMMIT_EVERY_S:
            return
        ours, moved = consumer.owned(), self._holding.offsets.untold()
        offsets = {
            place: at
            for number, at in moved.items()
            if (place := Partition(FEATURE.name, number)) in ours
        }
        if not offsets:
            return
        self._committed_s = now_s
        try:
            await consumer.commit(offsets)
        except BrokerUnavailableError as exc:  # or the group is just being shared out anew
            self._log.info("offsets_not_committed", error_type=exc.kind)
            return
        self._holding.offsets.told({place.number: at for place, at in offsets.items()})
        self._passing(Stage.COMMITTED)

    async def _last_commit(self, consumer: Consumer) -> None:
        self._committed_s -= _COMMIT_EVERY_S
        try:
            async with asyncio.timeout(_LAST_COMMIT_S):
                await self._commit(consumer)
        except TimeoutError:
            self._log.info("offsets_not_committed", error_type="timeout")

    async def _measure_lag(self, consumer: Consumer) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._lag_s < _LAG_EVERY_S:
            return
        self._lag_s = now_s
        positions = self._holding.offsets.positions()
        read = {
            place: positions[place.number]
            for place in consumer.owned()
            if place.number in positions
        }
        show_lags([FEATURE], await lags_of(consumer, read))
