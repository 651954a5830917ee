"""A bounded queue on disk for what cannot be sent now; drops its oldest, and counts each drop."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Self, TypeVar

from minestream_runtime.clock import Clock
from minestream_runtime.outlet.spool_disk import SpoolDisk
from minestream_runtime.outlet.spooled import Lost, Spooled

T = TypeVar("T")
_MEMORY_BYTES: Final = 64 * 1024 * 1024

__all__ = ["Batch", "Kept", "Lost", "Spool", "Spooled"]


class Kept(StrEnum):
    """Where an event is after it was put."""

    DISK = "disk"
    """Committed and synced: it survives a kill."""
    MEMORY = "memory"
    """The disk is full or broken: it waits in memory."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest events, to be sent, and the mark by which ``delete`` knows them."""

    events: tuple[Spooled, ...]
    last_block: int = 0
    memory_mark: int = 0


class Spool:
    """First in, first out, on disk; in memory (64 MiB, the newest) while the disk is full.

    Disk work runs in one thread of its own; puts that come while it works share the next commit.

    Args:
        path: the file.
        clock: for the age limit.
        on_dropped: told of each event that is dropped; called in the spool's thread.
        on_rescued: told of each event of the memory that reached the disk; in its thread too.
        most_bytes: of compressed events on disk.
        most_age_s: older ones are dropped.
        most_memory_bytes: of events that the disk did not take.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        on_dropped: Callable[[Spooled], None],
        on_rescued: Callable[[Spooled], None],
        most_bytes: int = 1 << 30,
        most_age_s: float = 86_400.0,
        most_memory_bytes: int = _MEMORY_BYTES,
    ) -> None:
        self._disk = SpoolDisk(
            path, clock, on_dropped, most_bytes=most_bytes, most_age_s=most_age_s
        )
        self._on_dropped = on_dropped
        self._on_rescued = on_rescued
        self._most_memory_bytes = most_memory_bytes
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._incoming: deque[tuple[Spooled, asyncio.Future[Kept]]] = deque()
        self._memory: deque[Spooled] = deque()
        self._memory_bytes = 0
        self._memory_taken = 0
        self._memory_lost: Lost | None = None

    async def __aenter__(self) -> Self:
        await self._in_thread(self._disk.open)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._in_thread(self._close)
        self._thread.shutdown()

    def __len__(self) -> int:
        return self._disk.events + len(self._memory) + len(self._incoming)

    def fault(self) -> str | None:
        """Why the disk takes nothing more, and what to do; None: it takes what it is given."""
        said = self._disk.fault
        if said is None:
            return None
        return f"{said}: what is new waits in memory, and is gone when this ends; make room there"

    @property
    def bytes_on_disk(self) -> int:
        """Compressed bytes of the events on disk."""
        return self._disk.bytes

    @property
    def oldest_at_s(self) -> float | None:
        """When the oldest event on disk happened, seconds since 1970; None: none is there."""
        return self._disk.oldest_at_s

    async def put(self, event: Spooled) -> Kept:
        """Queue an event; returns once it is committed, or held in memory."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Kept] = loop.create_future()
        self._incoming.append((event, done))
        if len(self._incoming) == 1:  # else the flush that is on its way takes it along
            self._thread.submit(self._flush, loop)
        return await done

    async def peek(self, *, most: int = 1000, most_bytes: int = 2 << 20) -> Batch:
        """The oldest events; they stay until ``delete``, and are not dropped until ``release``.

        Args:
            most: about so many: whole blocks are given.
            most_bytes: about so many compressed bytes; at least one block is given.
        """
        return await self._in_thread(lambda: self._peek(most, most_bytes))

    async def delete(self, batch: Batch) -> None:
        """The batch has been sent: forget it."""
        await self._in_thread(lambda: self._delete(batch))

    async def release(self) -> None:
        """The last batch could not be sent: it stays, and may be dropped when it is its turn."""
        await self._in_thread(self._disk.release)

    async def lost(self) -> Lost | None:
        """Drops that nobody was told of yet, those before a restart too; None: none."""
        return await self._in_thread(self._lost)

    async def clear_lost(self, told: Lost) -> None:
        """Somebody has been told of these drops."""
        await self._in_thread(lambda: self._clear_lost(told))

    async def note(self, name: str) -> str | None:
        """A small text kept beside the queue; None: there is none."""
        return await self._in_thread(lambda: self._disk.note(name))

    async def set_note(self, name: str, text: str | None) -> None:
        """Keep a small text; None removes it. On a full disk it is not kept."""
        await self._in_thread(lambda: self._disk.set_note(name, text))

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # From here on: in the spool's thread.

    def _close(self) -> None:
        self._rescue()
        self._disk.close()

    def _flush(self, loop: asyncio.AbstractEventLoop) -> None:
        taken: list[tuple[Spooled, asyncio.Future[Kept]]] = []
        with suppress(IndexError):
            while True:
                taken.append(self._incoming.popleft())
        if not taken:
            return
        try:
            outcome: Kept | Exception = self._keep([event for event, _ in taken])
        except Exception as exc:  # noqa: BLE001 - in this thread nobody would hear of it
            outcome = exc
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, [done for _, done in taken], outcome)

    def _keep(self, events: list[Spooled]) -> Kept:
        self._rescue()
        if not self._memory and self._disk.append(events):
            return Kept.DISK
        self._hold(events)
        return Kept.MEMORY

    def _hold(self, events: Iterable[Spooled]) -> None:
        for event in events:
            self._memory.append(event)
            self._memory_bytes += len(event.value)
        dropped: list[Spooled] = []
        while self._memory_bytes > self._most_memory_bytes and len(self._memory) > 1:
            dropped.append(self._take_from_memory())
        if dropped:
            self._memory_lost = Lost.of(dropped) + self._memory_lost
            for event in dropped:
                self._on_dropped(event)

    def _take_from_memory(self) -> Spooled:
        event = self._memory.popleft()
        self._memory_bytes -= len(event.value)
        self._memory_taken += 1
        return event

    def _rescue(self) -> None:
        """Move what waits in memory to the disk, if it takes it."""
        waiting = list(self._memory)
        if not waiting or not self._disk.append(waiting, self._memory_lost):
            return
        self._memory_lost = None
        for _ in waiting:
            self._on_rescued(self._take_from_memory())

    def _peek(self, most: int, most_bytes: int) -> Batch:
        self._rescue()
        found, last = self._disk.peek(most, most_bytes)
        if found:
            return Batch(tuple(found), last_block=last)
        held = tuple(self._memory)[:most]
        return Batch(held, memory_mark=self._memory_taken + len(held))

    def _delete(self, batch: Batch) -> None:
        while batch.memory_mark > self._memory_taken and self._memory:
            self._take_from_memory()
        if batch.last_block:
            self._disk.delete(batch.last_block)

    def _lost(self) -> Lost | None:
        on_disk = self._disk.lost()
        return on_disk if self._memory_lost is None else self._memory_lost + on_disk

    def _clear_lost(self, told: Lost) -> None:
        held = self._memory_lost
        if held is not None:
            here = min(held.events, told.events)
            rest, first_at_s = held.events - here, max(held.first_at_s, told.last_at_s)
            self._memory_lost = Lost(rest, first_at_s, held.last_at_s) if rest else None
            told = Lost(told.events - here, told.first_at_s, told.last_at_s)
        if told.events:
            self._disk.clear_lost(told)


def _settle(waiting: Iterable[asyncio.Future[Kept]], outcome: Kept | Exception) -> None:
    for done in waiting:
        if done.done():
            continue
        if isinstance(outcome, Kept):
            done.set_result(outcome)
        else:
            done.set_exception(outcome)
