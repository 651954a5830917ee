"""What the running processor is made of, and how it is wired together."""

import asyncio
from functools import partial
from operator import attrgetter
from typing import Any

import faust

from minestream_dialects.market import normalise_market
from minestream_dialects.pools import normalise as normalise_pool
from minestream_dialects.prohashing import units_with
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.twins import Twins
from minestream_runtime.metrics import counter
from minestream_schemas.event import Event, Topic
from minestream_schemas.market import PRICE, RAW_MARKET, RawMarket
from minestream_schemas.pool import POOL_WORKER, RAW_POOL, PoolWorker, RawPool
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.tick import TICKS
from processor.adapters import backlog
from processor.adapters.agents import RawAgent, TickAgent
from processor.adapters.app import bytes_topic, pool_table, state_table
from processor.adapters.faults import Guard, Tries
from processor.adapters.lags import Lags
from processor.adapters.reference_feed import ReferenceFeed
from processor.adapters.sends import Outputs, producer_of
from processor.adapters.sources import PriceAgent, SourceAgent, WorkerAgent
from processor.adapters.states import States
from processor.adapters.ticks import Dues, FaustBroker, Progress, Ticker, Waiting
from processor.adapters.watchdog import Vitals, Watchdog
from processor.adapters.worths import Worths
from processor.domain.references import References
from processor.domain.thinning import Thinner
from processor.settings import ProcessorSettings


class Parts:
    """What is wired together for one app."""

    def __init__(self, app: faust.App, settings: ProcessorSettings, producer: Producer) -> None:
        self._app = app
        self._settings = settings
        self._producer = producer
        self.clock = SystemClock()
        self._broker = FaustBroker(app, settings.topic_namespace)
        self._progress = Progress(self._broker.begun)
        self._states = States(state_table(app), producer_of(app))
        self._workers = States(pool_table(app), producer_of(app))
        self._references = References(settings.limits)
        self._outputs = Outputs(producer_of(app), settings.topic_namespace)
        self._guard = Guard(
            producer,
            Tries(settings.folder / "tries.json"),
            self.clock,
            most_tries=settings.tries,
            bug_limit=settings.bug_limit,
        )
        self._holding = True
        self.ticker = Ticker(
            self._broker, self._progress, self.clock, every_s=settings.tick_every_s
        )
        # on one disk RocksDB's lock parts two of one instance; on two they would both write
        self._twins = Twins(settings.group("processor"), settings.instance)
        self._dues = Dues(settings.rules, self._states.stored, self._removed)
        self.feed = ReferenceFeed(settings, self._references, self._dues.note_removed)
        self._follow_miners()
        self._follow_sources()
        self.lags = self._lags()

    def _removed(self, key: bytes) -> bool:
        return key.decode() in self._references.workers.removed

    def _agent(self, topic: Topic, name: str, run: Any) -> None:
        stream = bytes_topic(self._app, self._settings, topic)
        self._app.agent(stream, name=name, concurrency=1)(run)

    def _follow_miners(self) -> None:
        rules = self._settings.rules
        waiting = Waiting()
        common: dict[str, Any] = {
            "states": self._states,
            "outputs": self._outputs,
            "guard": self._guard,
            "progress": self._progress,
            "dues": self._dues,
            "rules": rules,
            "clock": self.clock,
        }
        ticks = TickAgent(waiting=waiting, removed=self._removed, **common)
        worths = Worths(self._workers, self._references, self._settings.limits)
        raw = RawAgent(producer=self._producer, ticks=ticks, worths=worths, **common)
        self._agent(RAW_MINER, "raw", raw.run)
        self._agent(TICKS, "ticks", ticks.run)

        async def moved(*_: Any, **__: Any) -> None:
            self._twins.look(self._broker.membership(), self.clock.monotonic())
            for memory in (self._states, self._workers, self._progress, self._dues, waiting):
                memory.forget()

        self._app.on_partitions_revoked.connect(moved, weak=False)
        self._app.on_partitions_assigned.connect(moved, weak=False)

    def _follow_sources(self) -> None:
        units = units_with(self._settings.pool_units_hs)
        known = self._references.workers

        thinner = Thinner(self._settings.pool_worker_every_s)

        def normalised(raw: RawPool) -> list[Event]:
            told = normalise_pool(raw, miner_of=known.home_of, units_hs=units)
            whole = [known.checked(one) if isinstance(one, PoolWorker) else one for one in told]
            return [one for one in whole if not isinstance(one, PoolWorker) or thinner.keeps(one)]

        common: dict[str, Any] = {"outputs": self._outputs, "guard": self._guard}
        pool = SourceAgent(
            topic=RAW_POOL,
            kind=RawPool,
            said_at=attrgetter("received_at"),
            normalise=normalised,
            clock=self.clock,
            **common,
        )
        market = SourceAgent(
            topic=RAW_MARKET,
            kind=RawMarket,
            said_at=attrgetter("fetched_at"),
            normalise=normalise_market,
            clock=self.clock,
            **common,
        )
        workers = WorkerAgent(
            states=self._workers,
            references=self._references,
            rules=self._settings.rules,
            **common,
        )
        prices = PriceAgent(references=self._references, **common)
        self._agent(RAW_POOL, "pool", pool.run)
        self._agent(RAW_MARKET, "market", market.run)
        self._agent(POOL_WORKER, "workers", workers.run)
        self._agent(PRICE, "prices", prices.run)

    def _lags(self) -> Lags:
        settled = [
            (topic, partial(self._broker.settled, topic))
            for topic in (TICKS, RAW_POOL, RAW_MARKET, POOL_WORKER, PRICE)
        ]
        return Lags(
            self._broker,
            ((RAW_MINER, self._progress.done), *settled),
            every_s=self._settings.lag_every_s,
        )

    async def let_in(self) -> None:
        """Let the miners' records in, once what they are held against has been dealt with."""
        await backlog.dealt_with(
            self._settings, self.feed.caught_up, within_s=self._settings.backlog_budget_s
        )
        self._app.consumer.release()  # type: ignore[attr-defined] # the fence has it
        self._holding = False

    def fault(self) -> str | None:
        """Why the processor is not ready, if it is not."""
        if self._broker.busy():
            return "partitions are being moved or recovered"
        if self._holding:
            return "what pools and markets have said is being read"
        return None if self._broker.owned() else "no partition of raw is ours"

    def watchdog(self) -> Watchdog:
        """The watchdog with this service's budgets."""
        return Watchdog(
            busy_budget_s=self._settings.busy_budget_s,
            idle_budget_s=self._settings.idle_budget_s,
            commit_budget_s=self._settings.commit_budget_s,
        )

    def vitals(self) -> Vitals:
        """What the watchdog looks at."""
        owned = self._broker.owned()
        blind_s = self.clock.monotonic() - self.ticker.looked_at_s
        return Vitals(
            busy=self._holding or self._broker.busy(),
            lag=None if blind_s > self._settings.idle_budget_s else self.ticker.lag(),
            processed=self._progress.processed,
            done={number: self._progress.done(number) or 0 for number in owned},
            committed=self._broker.committed(),
        )

    async def measure(self) -> None:
        """Export what only Faust counts, keep how far RocksDB has come, look for a twin.

        Raises:
            ConfigurationError: another processor has our name.
        """
        told = 0
        while True:
            await asyncio.sleep(1)
            dropped = self._app.consumer.dropped  # type: ignore[attr-defined] # the fence has it
            counter("minestream_fence_dropped_total").inc(dropped - told)
            told = dropped
            self._states.note_recovered()
            self._workers.note_recovered()
            self._twins.require_none()
