"""A sink in a process of its own that is killed with -9."""

import asyncio
import os
import sys
from pathlib import Path

from timescale_sink.adapters.store import Stage


async def dying(stage: Stage, batches: int, environment: dict[str, str]) -> int | None:
    """How a sink ends that is killed as so many batches have passed a stage."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("dying_sink.py")), stage, str(batches)),
        env=os.environ | environment | {"MINESTREAM_SINK_BATCH_RECORDS": "30"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(120):
        return await child.wait()
