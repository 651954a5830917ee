"""Polls through the lanes in one process, and what they cost."""

import asyncio
import gc
import time
from collections.abc import Sequence

from minestream_runtime.clock import Clock
from minestream_runtime.collecting.collector import Polled
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.scheduling.lanes import Lanes


async def cpu_of_polls(poller: Poller, targets: Sequence[str], clock: Clock, polls: int) -> float:
    """CPU seconds of so many polls, all targets at once and again, after one that fills caches.

    Args:
        poller: of a fleet that has the targets.
        targets: each holds one slot of the fast lane.
        clock: of the lanes.
        polls: a multiple of the targets.
    """
    done, finished = 0, asyncio.Event()

    async def deliver(result: Polled) -> None:
        nonlocal done
        assert result.event is not None
        done += 1
        if done >= polls:
            finished.set()
        elif done <= polls - len(targets):
            lanes.submit(result.target)

    await asyncio.gather(*map(poller.poll, targets))
    lanes: Lanes[Polled] = Lanes(poller.poll, deliver, clock, fast=len(targets))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(lanes.run())
        await asyncio.sleep(0)
        gc.collect()
        began_s = time.process_time()
        for target in targets:
            lanes.submit(target)
        await finished.wait()
        spent_s = time.process_time() - began_s
        running.cancel()
    return spent_s
