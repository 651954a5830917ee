"""The sink itself, until it has written so many events; what it took, from the first batch on.

Run by ``bench_sink.py`` as a process of its own: the whole service, with its metrics and traces.
"""

import asyncio
import gc
import sys
import time

from minestream_runtime.health import Health
from minestream_runtime.metrics import counter
from minestream_runtime.service import run_service
from timescale_sink.adapters.service import YOUNG_OBJECTS, serve
from timescale_sink.settings import SinkSettings


def written() -> int:
    """Events in the database so far."""
    (family,) = counter("minestream_events_processed_total").collect()
    return int(sum(one.value for one in family.samples if one.name.endswith("_total")))


async def main(settings: SinkSettings, health: Health) -> None:
    """Serve until all is written, and print."""
    serving = asyncio.ensure_future(serve(settings, health))
    first = (0, 0.0, 0.0)
    while written() < int(sys.argv[1]) and not serving.done():
        if first[0] == 0 and written():
            first = (written(), time.process_time(), time.perf_counter())
        await asyncio.sleep(0.02)
    took = (written() - first[0], time.process_time() - first[1], time.perf_counter() - first[2])
    serving.cancel()
    await asyncio.wait([serving])
    sys.stdout.write(f"{took[0]} {took[1]} {took[2]}\n")


if __name__ == "__main__":
    gc.set_threshold(YOUNG_OBJECTS)
    run_service("timescale-sink", SinkSettings, main)
