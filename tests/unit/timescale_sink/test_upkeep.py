import asyncio
from typing import TYPE_CHECKING, cast

from minestream_runtime.clock import SystemClock
from timescale_sink.adapters.maintenance import Maintenance, Upkeep
from timescale_sink.settings import SinkSettings

if TYPE_CHECKING:
    from minestream_runtime.database import Pool


class Deaf(Upkeep):
    """Its first turn is like a driver's wait that swallowed a cancellation."""

    turns = 0

    async def turn(self) -> bool:
        self.turns += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            if self.turns > 1:
                raise
        return True


async def test_upkeep_ends_even_if_the_driver_swallowed_the_cancellation() -> None:
    settings = SinkSettings(maintenance_every_s=0.001)
    upkeep = Deaf(settings, cast("Pool", None), cast("Maintenance", None), SystemClock())
    task = asyncio.ensure_future(upkeep.run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task], timeout=10)
    assert task.cancelled()
    assert upkeep.turns == 1
