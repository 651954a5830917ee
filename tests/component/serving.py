"""A service in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from minestream_runtime.health import Health
from minestream_runtime.settings import Settings


@asynccontextmanager
async def serving(
    serve: Callable[..., Coroutine[Any, Any, None]], settings: Settings, **more: Any
) -> AsyncIterator[Health]:
    """The whole service, until the block ends."""
    health = Health()
    task = asyncio.ensure_future(serve(settings, health, **more))
    try:
        yield health
        if task.done():
            task.result()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def becomes(health: Health, *, ready: bool) -> dict[str, str]:
    """Its faults, once it is ready or not, or after a minute."""
    for _ in range(600):
        if (health.faults() == {}) is ready:
            break
        await asyncio.sleep(0.1)
    return health.faults()
