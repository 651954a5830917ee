"""When the sink says that it writes."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import StoreUnavailableError
from minestream_runtime.kafka import Consumer, Partition, Record
from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.adapters.sink import Sink
from timescale_sink.settings import SinkSettings

if TYPE_CHECKING:
    from timescale_sink.adapters.dead_letters import DeadLetters
    from timescale_sink.adapters.store import Store

PARTITION = Partition(TELEMETRY.name, 0)


class Quiet:
    """A topic without records."""

    async def records(self, *, wait_s: float, most: int) -> list[Record]:
        del most
        await asyncio.sleep(wait_s)
        return []

    async def ends(self, partitions: Any) -> dict[Partition, int]:
        return dict.fromkeys(partitions, 0)

    beginnings = ends

    def owned(self) -> frozenset[Partition]:
        return frozenset({PARTITION})

    def seek(self, partition: Partition, offset: int) -> None:
        """Nothing lies there."""

    def pause(self, partitions: Any) -> None:
        """Nothing comes anyway."""

    resume = pause


class Database:
    """Away, or not."""

    away = True

    async def offsets(self, beginnings: Mapping[Partition, int]) -> dict[Partition, int]:
        if self.away:
            raise StoreUnavailableError("away")
        return dict(beginnings)


async def test_a_sink_that_lost_its_partitions_does_not_say_that_the_database_is_back() -> None:
    consumer, database = cast("Consumer", Quiet()), Database()
    settings = SinkSettings(sink_batch_wait_s=0.001)
    letters = cast("DeadLetters", None)
    sink = Sink(settings, cast("Store", database), letters, SystemClock())
    sink._positions.follow(consumer)
    await sink._positions.assigned(frozenset({PARTITION}))
    await sink._turn(consumer)
    assert sink.fault() == "store_unavailable"
    await sink._positions.revoked(frozenset({PARTITION}))
    await sink._turn(consumer)
    assert sink.fault() == "store_unavailable"
    database.away = False
    await sink._positions.assigned(frozenset({PARTITION}))
    await sink._turn(consumer)
    assert sink.fault() is None
