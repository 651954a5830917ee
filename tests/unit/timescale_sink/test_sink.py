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
    from minestream_runtime.kafka.setting_aside import SettingAside
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
    letters = cast("SettingAside", None)
    sink = Sink(settings, cast("Store", database), letters, SystemClock())
    sink._positions.follow(consumer)
    await sink._positions.assigned(frozenset({PARTITION}))
    await sink._turns.take(sink._work(consumer))
    assert sink.fault() == "store_unavailable"
    await sink._positions.revoked(frozenset({PARTITION}))
    await sink._turns.take(sink._work(consumer))
    assert sink.fault() == "store_unavailable"
    database.away = False
    await sink._positions.assigned(frozenset({PARTITION}))
    await sink._turns.take(sink._work(consumer))
    assert sink.fault() is None


class Trickle(Quiet):
    """A record each time that it is asked."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def records(self, *, wait_s: float, most: int) -> list[Record]:
        del most
        self.waits.append(wait_s)
        await asyncio.sleep(0.001)
        return [Record(PARTITION, len(self.waits), None, b"{}", {}, 0)]


async def test_records_gather_for_a_while_after_a_transaction_and_else_are_written_at_once() -> (
    None
):
    trickle = Trickle()
    settings = SinkSettings(sink_batch_wait_s=5)
    sink = Sink(settings, cast("Store", None), cast("SettingAside", None), SystemClock())
    assert len(await sink._batch(cast("Consumer", trickle))) == 1
    sink._next_s = SystemClock().monotonic() + 0.05
    assert len(await sink._batch(cast("Consumer", trickle))) > 2
    assert max(trickle.waits[2:]) <= 0.05
