"""What the feed has said and nobody has published yet: bounded, in order."""

import asyncio
from dataclasses import dataclass
from typing import Final

from collector_pool.domain.sayings import Saying
from minestream_runtime.metrics import counter

_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: what it is about, and its content (None where it failed)."""

    saying: Saying
    content: object = None


class Inbox:
    """Messages between the session, which may never wait, and Kafka, which may take its time.

    Args:
        size: so many; further events are dropped and counted, until there is room again.
        source: the account, in the metric.
    """

    def __init__(self, size: int, source: str) -> None:
        self._queue: asyncio.Queue[Heard] = asyncio.Queue(size)
        self._source = source

    def offer(self, heard: Heard) -> bool:
        """Queue an event without waiting; False: there was no room, and it is gone."""
        try:
            self._queue.put_nowait(heard)
        except asyncio.QueueFull:
            counter("minestream_source_dropped_total").labels(self._source).inc()
            return False
        return True

    async def put(self, heard: Heard) -> None:
        """Queue what may wait: an answer to our own question."""
        await self._queue.put(heard)

    async def take(self) -> list[Heard]:
        """The next messages, at least one."""
        return [await self._queue.get(), *self.rest(_BATCH - 1)]

    def rest(self, most: int | None = None) -> list[Heard]:
        """What is there now, without waiting."""
        found: list[Heard] = []
        while not self._queue.empty() and (most is None or len(found) < most):
            found.append(self._queue.get_nowait())
        return found
