"""The running processor: Faust, its agents, the clock, the watchdog, the health."""

import asyncio
import gc
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from typing import Final

import faust

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer, ensure_topics, topic_states
from minestream_runtime.service import EXIT_OK
from minestream_schemas.event import Topic
from minestream_schemas.inventory import INVENTORY
from minestream_schemas.market import RAW_MARKET
from minestream_schemas.pool import RAW_POOL
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.topics import CO_PARTITIONED
from processor.adapters.agents import OUTPUTS
from processor.adapters.app import CHANGELOG, POOL_CHANGELOG, make_app
from processor.adapters.exits import EXIT_FAULT, exit_now
from processor.adapters.faults import DEAD_LETTERS
from processor.adapters.fence import require_versions
from processor.adapters.parts import Parts
from processor.adapters.sources import DERIVED
from processor.adapters.watchdog import watch
from processor.settings import ProcessorSettings

_JOINED: Final = (*CO_PARTITIONED, CHANGELOG, POOL_CHANGELOG)
_TOPICS: Final = (
    *_JOINED,
    RAW_POOL,
    RAW_MARKET,
    INVENTORY,
    *(topic for topic in DERIVED.values() if topic not in CO_PARTITIONED),
    *OUTPUTS,
    DEAD_LETTERS,
)
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
    await ensure_topics(settings, [CHANGELOG, POOL_CHANGELOG])
    await require_topics(settings)
    async with Producer(settings) as producer, asyncio.TaskGroup() as tasks:
        app = make_app(settings, held=[RAW_MINER])
        parts = Parts(app, settings, producer)
        health.checks["partitions"] = parts.fault
        tasks.create_task(parts.feed.run())
        # before the agents start: a record's outputs must not depend on how far we have read
        async with asyncio.timeout(settings.busy_budget_s):
            await parts.feed.caught_up()
        async with _running(app), asyncio.TaskGroup() as while_running:
            _tend_garbage()
            with ExitStack() as until_stopped:
                until_stopped.callback(watch(parts.watchdog(), parts.vitals, parts.clock.monotonic))
                for task in (parts.ticker.run, parts.measure, parts.lags.run, parts.let_in):
                    while_running.create_task(task())
                await app.wait_until_stopped()
                exit_now(EXIT_FAULT, "faust_crashed", error=repr(app.crash_reason))


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
