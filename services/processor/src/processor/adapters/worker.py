"""The running processor: Faust, its two agents, the clock, the watchdog, the health."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from typing import Any, Final

import faust

from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer, ensure_topics, topic_states
from minestream_runtime.kafka.twins import Twins
from minestream_runtime.metrics import counter
from minestream_runtime.service import EXIT_OK
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.tick import TICKS
from minestream_schemas.topics import CO_PARTITIONED
from processor.adapters.agents import OUTPUTS, RawAgent, TickAgent
from processor.adapters.app import CHANGELOG, bytes_topic, make_app, state_table
from processor.adapters.exits import EXIT_FAULT, exit_now
from processor.adapters.faults import DEAD_LETTERS, Guard, Tries
from processor.adapters.fence import require_versions
from processor.adapters.lags import Lags
from processor.adapters.sends import Outputs, producer_of
from processor.adapters.states import States
from processor.adapters.ticks import Dues, FaustBroker, Progress, Ticker, Waiting
from processor.adapters.watchdog import Vitals, Watchdog, watch
from processor.settings import ProcessorSettings

_JOINED: Final = (*CO_PARTITIONED, CHANGELOG)
_TOPICS: Final = (*_JOINED, *OUTPUTS, DEAD_LETTERS)
_STOP_WITHIN_S: Final = 15.0


async def require_topics(
    settings: ProcessorSettings, topics: Sequence[Topic] = _TOPICS, *, looks: int = 20
) -> None:
    """Refuse to start where a topic is missing, or joined topics have other partition counts.

    Args:
        settings: which broker and namespace.
        topics: that must be there.
        looks: how often to look, every half second: a topic just made shows after a moment.

    Raises:
        BrokerUnavailableError: no broker answers.
        ConfigurationError: naming the topics.
    """
    for look in range(1, looks + 1):
        states = await topic_states(settings, topics)
        if look == looks or all(state.partitions for state in states):
            break
        await asyncio.sleep(0.5)
    faults = [
        f"{state.name} has {state.partitions or 'no'} partitions, {state.topic.partitions} needed"
        for state in states
        if state.partitions is None
        or (state.topic in _JOINED and state.partitions != state.topic.partitions)
    ]
    if faults:
        raise ConfigurationError(
            f"{'; '.join(faults)}: create topics from the registry (`minestream up`); "
            "a topic's count cannot change without a new version of it"
        )


async def work(settings: ProcessorSettings, health: Health) -> None:
    """Run the processor until cancelled.

    Raises:
        ConfigurationError: other versions or topics than those it was built for.
        BrokerUnavailableError: Kafka is away at the start.
    """
    require_versions()
    await ensure_topics(settings, [CHANGELOG])
    await require_topics(settings)
    async with Producer(settings) as producer:
        app = make_app(settings)
        parts = _Parts(app, settings, producer)
        health.checks["partitions"] = parts.fault
        async with _running(app), asyncio.TaskGroup() as tasks:
            _tend_garbage()
            with ExitStack() as until_stopped:
                until_stopped.callback(watch(parts.watchdog(), parts.vitals, parts.clock.monotonic))
                tasks.create_task(parts.ticker.run())
                tasks.create_task(parts.measure())
                tasks.create_task(parts.lags.run())
                await app.wait_until_stopped()
                exit_now(EXIT_FAULT, "faust_crashed", error=repr(app.crash_reason))


class _Parts:
    """What is wired together for one app."""

    def __init__(self, app: faust.App, settings: ProcessorSettings, producer: Producer) -> None:
        self._app = app
        self._settings = settings
        self.clock = SystemClock()
        named = partial(bytes_topic, app, settings)
        raw, ticks = named(RAW_MINER), named(TICKS)
        self._broker = FaustBroker(app, settings.topic_namespace)
        self._progress = Progress(self._broker.begun)
        self._states = States(state_table(app), producer_of(app))
        dues = Dues(settings.rules, self._states.stored)
        waiting = Waiting()
        guard = self._guard(producer)
        outputs = Outputs(producer_of(app), settings.topic_namespace)
        tick_agent = TickAgent(
            states=self._states,
            outputs=outputs,
            guard=guard,
            progress=self._progress,
            dues=dues,
            waiting=waiting,
            rules=settings.rules,
            clock=self.clock,
        )
        raw_agent = RawAgent(
            states=self._states,
            outputs=outputs,
            producer=producer,
            guard=guard,
            progress=self._progress,
            dues=dues,
            ticks=tick_agent,
            rules=settings.rules,
            clock=self.clock,
        )
        app.agent(raw, name="raw", concurrency=1)(raw_agent.run)
        app.agent(ticks, name="ticks", concurrency=1)(tick_agent.run)
        self.ticker = Ticker(
            self._broker, self._progress, self.clock, every_s=settings.tick_every_s
        )
        self.lags = Lags(
            self._broker,
            (
                (RAW_MINER, self._progress.done),
                (TICKS, partial(self._broker.settled, TICKS)),
            ),
            every_s=settings.lag_every_s,
        )
        # on one disk RocksDB's lock parts two of one instance; on two they would both write
        self._twins = Twins(settings.group("processor"), settings.instance)

        async def moved(*_: Any, **__: Any) -> None:
            self._twins.look(self._broker.membership(), self.clock.monotonic())
            for memory in (self._states, self._progress, dues, waiting):
                memory.forget()

        app.on_partitions_revoked.connect(moved, weak=False)
        app.on_partitions_assigned.connect(moved, weak=False)

    def _guard(self, producer: Producer) -> Guard:
        settings = self._settings
        return Guard(
            producer,
            Tries(settings.folder / "tries.json"),
            self.clock,
            most_tries=settings.tries,
            bug_limit=settings.bug_limit,
        )

    def fault(self) -> str | None:
        """Why the processor is not ready, if it is not."""
        if self._broker.busy():
            return "partitions are being moved or recovered"
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
            busy=self._broker.busy(),
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
            self._twins.require_none()


def _tend_garbage() -> None:
    """Leave out of each collection what was there at the start, and collect ten times more rarely.

    An event makes a thousand short-lived objects and no cycle.
    """
    gc.collect()
    gc.freeze()
    young, middle, old = gc.get_threshold()
    gc.set_threshold(10 * young, middle, old)


@asynccontextmanager
async def _running(app: faust.App) -> AsyncIterator[None]:
    """Start Faust; at the end let it finish the records in hand, commit and leave the group."""
    try:
        await app.start()
    except BaseException as exc:  # noqa: BLE001 - Faust's threads would keep the process for ever
        told = isinstance(exc, asyncio.CancelledError)
        exit_now(EXIT_OK if told else EXIT_FAULT, "ended_while_starting", error=repr(exc))
    try:
        yield
    finally:
        try:
            async with asyncio.timeout(_STOP_WITHIN_S):
                await app.stop()
        except TimeoutError:
            exit_now(EXIT_FAULT, "stop_took_too_long", budget_s=_STOP_WITHIN_S)
