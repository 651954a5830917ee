"""The agents of pools and markets: verbatim messages in, workers, rates and prices out."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from minestream_dialects.unreadable import UnreadableError
from minestream_runtime.clock import Clock
from minestream_runtime.errors import PayloadInvalidError
from minestream_runtime.metrics import counter, histogram
from minestream_schemas.event import Event, Topic
from minestream_schemas.feature import FEATURE
from minestream_schemas.market import (
    INDICATORS,
    NETWORK,
    PRICE,
    CoinIndicators,
    CoinPrice,
    NetworkState,
    RawMarket,
)
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_NOTICE,
    POOL_RATE,
    POOL_REWARD,
    POOL_STATS,
    POOL_WORKER,
    PoolBalance,
    PoolNotice,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
    RawPool,
)
from processor.adapters.faults import Guard
from processor.adapters.polls import AHEAD, read
from processor.adapters.sends import Outputs
from processor.adapters.spans import processed
from processor.adapters.state_codec import decode_pool, encode_pool
from processor.adapters.states import States
from processor.domain import features
from processor.domain.miner_state import SECOND_US, to_us
from processor.domain.pool_state import PoolSaid, PoolState, remember, row_of
from processor.domain.references import References
from processor.domain.step import Rules

DERIVED: Final[dict[type[Event], Topic]] = {
    PoolWorker: POOL_WORKER,
    PoolRate: POOL_RATE,
    PoolBalance: POOL_BALANCE,
    PoolStats: POOL_STATS,
    PoolReward: POOL_REWARD,
    PoolNotice: POOL_NOTICE,
    CoinPrice: PRICE,
    CoinIndicators: INDICATORS,
    NetworkState: NETWORK,
}
"""Where what is derived goes."""
R = TypeVar("R", RawPool, RawMarket)


class SourceAgent(Generic[R]):
    """Normalises the records of one raw topic.

    Args:
        topic: which.
        kind: of its events.
        said_at: when one was said, by the collector's clock.
        normalise: what follows from one; raises ``UnreadableError`` for a body of another shape.
        outputs: where that goes.
        guard: stands around each record.
        clock: tells how old an event is.
    """

    def __init__(
        self,
        *,
        topic: Topic,
        kind: type[R],
        said_at: Callable[[R], datetime],
        normalise: Callable[[R], Iterable[Event]],
        outputs: Outputs,
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._topic = topic
        self._kind: type[R] = kind
        self._said_at: Callable[[R], datetime] = said_at
        self._normalise: Callable[[R], Iterable[Event]] = normalise
        self._outputs = outputs
        self._guard = guard
        self._clock = clock
        self._processed = counter("minestream_events_processed_total").labels(topic.name)
        self._age = histogram("minestream_event_age_seconds").labels("processor")

    async def run(self, stream: Any) -> None:
        """Deal with one record after the other."""
        async for event in stream.events():
            await self._guard.around(event.message, self._deal_with, event.message)

    async def _deal_with(self, message: Any) -> None:
        raw = read(self._kind, message.value)
        if message.key != raw.subject.encode():
            raise PayloadInvalidError("the key is not the subject")
        age = self._clock.now() - self._said_at(raw)
        if -age > AHEAD:
            raise PayloadInvalidError("more than a day ahead of our clock")
        with processed(message, self._topic, raw.event_id) as headers:
            try:
                told = tuple(self._normalise(raw))
            except UnreadableError as exc:
                raise PayloadInvalidError(str(exc)) from exc
            for event in told:
                await self._outputs.send(DERIVED[type(event)], event, headers)
        self._processed.inc()
        self._age.observe(max(0.0, age.total_seconds()))


class WorkerAgent:
    """Keeps what pools say of each worker, on its miner's partition; tells a feature row of it."""

    def __init__(
        self,
        *,
        states: States,
        references: References,
        outputs: Outputs,
        guard: Guard,
        rules: Rules,
    ) -> None:
        self._states = states
        self._references = references
        self._outputs = outputs
        self._guard = guard
        self._every_us = rules.feature_every_s * SECOND_US
        self._processed = counter("minestream_events_processed_total").labels(POOL_WORKER.name)

    async def run(self, stream: Any) -> None:
        """Deal with one record after the other."""
        async for event in stream.events():
            await self._guard.around(event.message, self._deal_with, event.message)

    async def _deal_with(self, message: Any) -> None:
        worker = read(PoolWorker, message.value)
        key: bytes | None = message.key
        if key != worker.subject.encode():
            raise PayloadInvalidError("the key is not the subject")
        with processed(message, POOL_WORKER, worker.event_id) as headers:
            at_us = to_us(worker.ts)
            blob = self._states.get(message.partition, key)
            rate = self._references.pool_rate(worker.algorithm, worker.pool, at_us)
            state, row = row_of(
                decode_pool(blob) if blob else PoolState(),
                event_id=worker.event_id.bytes,
                at_us=at_us,
                every_us=self._every_us,
                usd_per_hs_day=None if rate is None else rate.value,
            )
            said = PoolSaid(at_us, worker.hashrate_hs, worker.coin, worker.pool)
            # also at a repeat, and for the same reason, as the miners' states
            await self._states.put(message.partition, key, encode_pool(remember(state, said)))
            if row is not None:
                feature = features.of_worker(worker, row.usd_per_hs_day)
                await self._outputs.send(FEATURE, feature, headers)
        self._processed.inc()


class PriceAgent:
    """Tells a feature row of the first price that a coin has in each bucket."""

    def __init__(self, *, references: References, outputs: Outputs, guard: Guard) -> None:
        self._references = references
        self._outputs = outputs
        self._guard = guard
        self._processed = counter("minestream_events_processed_total").labels(PRICE.name)

    async def run(self, stream: Any) -> None:
        """Deal with one record after the other."""
        async for event in stream.events():
            await self._guard.around(event.message, self._deal_with, event.message)

    async def _deal_with(self, message: Any) -> None:
        price = read(CoinPrice, message.value)
        at_us = to_us(price.ts)
        known = self._references
        if known.first_of_bucket(price.coin_id, at_us=at_us, offset=message.offset):
            with processed(message, PRICE, price.event_id) as headers:
                feature = features.of_price(price, known.indicators(price.coin_id, at_us))
                await self._outputs.send(FEATURE, feature, headers)
        self._processed.inc()
