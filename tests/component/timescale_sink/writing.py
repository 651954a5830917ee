"""Rows without Kafka: one batch written, one turn of the upkeep, at an instant of one's own."""

from datetime import datetime

from tests.component.timescale_sink.events import NOW

from minestream_runtime.database import Role, open_pool, storage_dialect
from minestream_runtime.kafka import Partition
from minestream_schemas.event import Event
from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.adapters.maintenance import Upkeep, maintenance_of
from timescale_sink.adapters.store import Move, Store
from timescale_sink.domain.batch import rows_of
from timescale_sink.domain.source import Item
from timescale_sink.settings import SinkSettings


class StandingClock:
    """A clock that is set by hand."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0


async def write(
    settings: SinkSettings, *events: Event, published_at: datetime | None = None
) -> dict[str, int]:
    """Write events as one batch, from wherever this group's one partition stands."""
    items = [Item(1, event, published_at, "{}") for event in events]
    async with open_pool(settings, Role.WRITER, name="test") as pool:
        store = Store(pool, group="test")
        partition = Partition(TELEMETRY.name, 0)
        held = (await store.offsets({partition: 0}))[partition]
        return await store.write(rows_of(items), {partition: Move(held, held + 1)})


async def keep_up(settings: SinkSettings, *, now: datetime = NOW, turns: int = 1) -> list[bool]:
    """Do all upkeep so many times."""
    async with open_pool(settings, Role.OWNER, name="test") as pool:
        maintenance = maintenance_of(await storage_dialect(pool, "telemetry"))
        upkeep = Upkeep(settings, pool, maintenance, StandingClock(now))
        return [await upkeep.turn() for _ in range(turns)]
