"""The processor's clock: makes ticks for the partitions it owns, and knows when each may apply.

A tick carries raw's end offset at its making. It waits until everything before that offset has
been dealt with, so that a backlog is never cut off by the clock.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

import structlog
from faust.transport.drivers.aiokafka import KafkaError  # type: ignore[attr-defined]
from faust.types import TP

from minestream_runtime.clock import Clock
from minestream_runtime.errors import BugError, unit_of_work
from minestream_runtime.kafka.twins import Membership
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.tick import TICKS, Tick
from processor.adapters.state_codec import decode
from processor.domain.miner_state import MinerState
from processor.domain.step import Rules, due_us

_MOST_WAITING: Final = 64
_ASKING_S: Final = 10.0


class Progress:
    """How far each of our partitions of raw has been dealt with: the offset of the next record."""

    def __init__(self, begun: Callable[[int], int | None]) -> None:
        self._begun = begun
        self._reached: dict[int, int] = {}
        self.processed = 0
        """Records of raw dealt with since the start."""

    def done(self, partition: int) -> int | None:
        """The offset before which everything has been dealt with; None: not known yet."""
        reached = self._reached.get(partition)
        return self._begun(partition) if reached is None else reached

    def reach(self, partition: int, offset: int) -> None:
        """Everything before ``offset`` has been dealt with."""
        self._reached[partition] = offset
        self.processed += 1

    def forget(self) -> None:
        """Partitions have moved: only where reading began anew counts."""
        self._reached.clear()


class Dues:
    """Which miners of a partition a tick concerns, without reading all their states."""

    def __init__(
        self,
        rules: Rules,
        stored: Callable[[int], Iterable[tuple[bytes, bytes]]],
        removed: Callable[[bytes], bool],
    ) -> None:
        self._rules = rules
        self._removed = removed
        self._stored = stored
        self._by_partition: dict[int, dict[bytes, int]] = {}

    def note(self, partition: int, key: bytes, state: MinerState) -> None:
        """A miner's state has changed."""
        known = self._by_partition.get(partition)
        if known is not None:
            known[key] = self._due(key, state)

    def note_removed(self, key: bytes) -> None:
        """The inventory has let a miner go: the next tick ends what gaps it left open."""
        for known in self._by_partition.values():
            if key in known:
                known[key] = 0

    def at(self, partition: int, at_us: int) -> list[bytes]:
        """The miners with something to close by then; at a partition's first tick all are read."""
        known = self._by_partition.get(partition)
        if known is None:
            known = self._by_partition[partition] = {
                key: self._due_of(key, blob) for key, blob in self._stored(partition)
            }
        return sorted(key for key, due in known.items() if due <= at_us)

    def leave_out(self, partition: int, key: bytes) -> None:
        """A miner's state cannot be dealt with: not before its own next event."""
        self._by_partition.get(partition, {}).pop(key, None)

    def _due(self, key: bytes, state: MinerState) -> int:
        if not state.removed and self._removed(key):
            return 0
        return due_us(state, self._rules)

    def _due_of(self, key: bytes, blob: bytes) -> int:
        try:
            with unit_of_work():
                return self._due(key, decode(blob))
        except BugError:
            return 0  # due at once, and told and left out there

    def forget(self) -> None:
        """Partitions have moved: read the states again when they are needed."""
        self._by_partition.clear()


class Waiting:
    """Ticks that came before the records that they must come after."""

    def __init__(self) -> None:
        self._ticks: dict[int, list[Tick]] = {}

    def add(self, partition: int, tick: Tick) -> None:
        """Keep a tick; where many wait already, a later one will do as well."""
        waiting = self._ticks.setdefault(partition, [])
        if len(waiting) < _MOST_WAITING:
            waiting.append(tick)

    def any(self, partition: int) -> bool:
        """Does one wait?"""
        return bool(self._ticks.get(partition))

    def ripe(self, partition: int, done: int) -> Tick | None:
        """Take the latest tick whose offset has been reached; what it outdates goes with it."""
        waiting = self._ticks.get(partition)
        if not waiting or waiting[0].raw_end_offset > done:
            return None
        ready = [tick for tick in waiting if tick.raw_end_offset <= done]
        self._ticks[partition] = [tick for tick in waiting if tick.raw_end_offset > done]
        return max(ready, key=lambda tick: tick.at)

    def forget(self) -> None:
        """Partitions have moved; their new owner gets ticks of its own."""
        self._ticks.clear()


class Broker(Protocol):
    """What the clock needs of Kafka."""

    def owned(self) -> frozenset[int]:
        """Our partitions of raw; none while they are being moved or recovered."""

    async def ends(self, partitions: Iterable[int]) -> Mapping[int, int]:
        """The offset after the last record of each."""

    async def send_tick(self, partition: int, tick: Tick) -> None:
        """Put a tick on that partition of the ticks."""


class Ticker:
    """Sends a tick to each owned partition, again and again, and knows the lag."""

    def __init__(self, broker: Broker, progress: Progress, clock: Clock, *, every_s: float) -> None:
        self._broker = broker
        self._progress = progress
        self._clock = clock
        self._every_s = every_s
        self._ends: dict[int, int] = {}
        self.looked_at_s = clock.monotonic()
        """When the ends were last learnt (the clock's monotonic seconds)."""
        self._log = structlog.get_logger()

    def lag(self) -> int:
        """How many records of raw wait, by the ends last learnt."""
        return sum(
            max(0, end - (self._progress.done(partition) or 0))
            for partition, end in list(self._ends.items())
        )

    async def run(self) -> None:
        """Tick until cancelled. A broker that does not answer is asked again at the next turn."""
        while True:
            await asyncio.sleep(self._every_s)
            try:
                async with asyncio.timeout(_ASKING_S):
                    await self.tick_once()
            except (TimeoutError, KafkaError) as exc:
                self._log.warning("ticks_left_out", error_type=type(exc).__name__)

    async def tick_once(self) -> None:
        """Send one tick to each owned partition."""
        owned = self._broker.owned()
        at = self._clock.now()
        self._ends = dict(await self._broker.ends(owned)) if owned else {}
        self.looked_at_s = self._clock.monotonic()
        for partition, end in sorted(self._ends.items()):
            tick = Tick(partition=str(partition), at=at, raw_end_offset=end)
            await self._broker.send_tick(partition, tick)


class FaustBroker:
    """``Broker`` over a running Faust app, for the clock and for the measuring of lags."""

    def __init__(self, app: Any, namespace: str) -> None:
        self._app = app
        self._namespace = namespace

    def busy(self) -> bool:
        """Are partitions being moved or recovered, or has none been given out yet?"""
        app = self._app
        return bool(app.rebalancing or app.in_recovery or not app.tables.actives_ready)

    def owned(self, topic: Topic = RAW_MINER) -> frozenset[int]:
        """See ``Broker``."""
        if self.busy() or not self._app.consumer.started:
            return frozenset()
        name = topic.named(self._namespace)
        assigned = self._app.consumer.assignment()
        return frozenset(tp.partition for tp in assigned if tp.topic == name)

    def membership(self) -> Membership | None:
        """Our place in the consumer group."""
        found: Membership | None = self._app.consumer.membership
        return found

    def begun(self, partition: int, topic: Topic = RAW_MINER) -> int | None:
        """Where reading began at the last rebalance."""
        found: int | None = self._app.consumer.begun.get(
            TP(topic.named(self._namespace), partition)
        )
        return found

    def committed(self, topic: Topic = RAW_MINER) -> dict[int, int]:
        """The group's offsets as last committed or found, by partition."""
        name = topic.named(self._namespace)
        offsets = dict(self._app.consumer._committed_offset)  # noqa: SLF001 - no public way
        return {tp.partition: at for tp, at in offsets.items() if tp.topic == name and at}

    def settled(self, topic: Topic, partition: int) -> int | None:
        """How far a partition is committed, or where reading of it began."""
        return self.committed(topic).get(partition, self.begun(partition, topic))

    async def ends(self, partitions: Iterable[int], topic: Topic = RAW_MINER) -> dict[int, int]:
        """See ``Broker``."""
        name = topic.named(self._namespace)
        found = await self._app.consumer.highwaters(*(TP(name, number) for number in partitions))
        return {tp.partition: end for tp, end in found.items()}

    async def send_tick(self, partition: int, tick: Tick) -> None:
        """See ``Broker``."""
        await self._app.producer.put(
            TICKS.named(self._namespace),
            key=str(partition).encode(),
            value=tick.to_json(),
            partition=partition,
        )
