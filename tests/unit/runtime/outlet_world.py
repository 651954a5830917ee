"""An outlet of a test: a broker that can fail, a spool, a ledger, a clock."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from minestream_runtime.errors import BrokerUnavailableError, RecordTooLargeError
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Spool, Spooled
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap
from minestream_schemas.raw import RAW_MINER

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Clock:
    """Moved by the test."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@dataclass
class Broker:
    """Acknowledges, refuses, or takes and says nothing."""

    up: bool = True
    loses_acks: bool = False
    too_large: set[bytes] = field(default_factory=set)
    taken: dict[bytes, list[str]] = field(default_factory=lambda: defaultdict(list))
    gaps: list[Gap] = field(default_factory=list)
    headers: dict[str, Headers] = field(default_factory=dict)

    async def send(
        self, topic: Topic, *, key: bytes | None, value: bytes | None, headers: Headers = ()
    ) -> None:
        await asyncio.sleep(random.uniform(0, 0.002))
        assert key is not None
        assert value is not None
        if not self.up:
            raise BrokerUnavailableError("away")
        if value in self.too_large:
            raise RecordTooLargeError("too large")
        if topic is GAP:
            self.gaps.append(Gap.from_json(value))
        else:
            self.taken[key].append(value.decode())
            self.headers[value.decode()] = headers
        if self.loses_acks:
            raise BrokerUnavailableError("no acknowledgement")


@dataclass
class World:
    """One outlet and everything around it."""

    broker: Broker
    clock: Clock
    outlet: Outlet
    spool: Spool
    ledger_file: Path

    async def publish(self, key: str, value: str) -> None:
        memo = msgspec.json.encode({"event": value})
        event = Spooled(
            RAW_MINER.name, key.encode(), value.encode(), value, self.clock.at.timestamp(), memo
        )
        await self.outlet.publish(RAW_MINER, event)

    def ledger(self) -> list[dict[str, str]]:
        return [json.loads(line) for line in self.ledger_file.read_text().splitlines()]


@asynccontextmanager
async def world(
    folder: Path, broker: Broker | None = None, *, most_bytes: int = 1 << 30
) -> AsyncIterator[World]:
    broker, clock = broker or Broker(), Clock()
    with Ledger(folder / "ledger") as ledger:
        spool = Spool(
            folder / "spool",
            clock,
            on_dropped=lambda event: ledger.dropped(event.memo, event.event),
            on_rescued=lambda event: ledger.taken(event.memo, "spool"),
            most_bytes=most_bytes,
        )
        async with spool:
            outlet = Outlet(broker, spool, ledger, clock, subject="collector-0")
            async with asyncio.TaskGroup() as group:
                draining = group.create_task(outlet.run())
                yield World(broker, clock, outlet, spool, folder / "ledger")
                draining.cancel()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def drained(this: World) -> None:
    await until(lambda: not len(this.spool) and this.outlet.link_down_since is None)
