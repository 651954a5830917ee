"""Work that is brought to its end even when its task is cancelled meanwhile."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def uncut(work: Awaitable[T]) -> T:
    """Await ``work``; a cancellation waits until it is done.

    Threads cannot be cancelled: without this, one would go on at files that its task has left.

    Args:
        work: what must not be left half done.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
