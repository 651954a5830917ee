"""When all is sent, the spool gives the disk its room back, and a full disk takes events again."""

import asyncio
import os
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from tests.unit.runtime.test_spool import START, Moved, event, everything, opened

from minestream_runtime.outlet.spool import Kept, Lost, Spool

LITTLE = 100_000
"""A new file, with its log."""


def taken(path: Path) -> int:
    """The bytes of a spool's file, with its log."""
    return sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*"))


def log_of(path: Path) -> Path:
    """What SQLite keeps beside the file."""
    return Path(f"{path}-wal")


@contextmanager
def no_file_over(size: int) -> Iterator[None]:
    """The disk takes no more: neither the file nor its log may grow past that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def full(path: Path, told: Moved) -> AsyncIterator[Spool]:
    """A spool that has filled its disk, with drops not yet told of, and a note."""
    async with opened(path, told, most_bytes=1_600_000) as spool:
        for number in range(8):
            await spool.put(event(number, size=300_000))
        assert len(told.dropped) == 3
        await spool.set_note("link_down_since", "then")
        with no_file_over(taken(log_of(path))):
            assert await spool.put(event(8, size=1000)) is Kept.MEMORY
            assert spool.fault()
            yield spool


@pytest.mark.parametrize("blocks", [5, 40], ids=["2 MB", "16 MB"])
async def test_the_file_of_an_outage_is_small_again_when_all_is_sent(
    tmp_path: Path, blocks: int
) -> None:
    path = tmp_path / "s"
    async with opened(path, Moved()) as spool:
        for number in range(blocks):
            await spool.put(event(number, size=400_000))
        assert taken(path) > blocks * 400_000
        assert await everything(spool) == [str(number) for number in range(blocks)]
        assert taken(path) < LITTLE
        await spool.put(event(99))
        assert await everything(spool) == ["99"]


async def test_a_count_of_drops_is_on_disk_until_it_is_told_and_the_room_comes_after(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "s", Moved()
    async with opened(path, told, most_bytes=10_000_000) as spool:
        await spool.set_note("a", "1")
        for number in range(40):
            await spool.put(event(number, size=400_000))
        await everything(spool)
        drops = Lost(len(told.dropped), START.timestamp(), START.timestamp())
    async with opened(path, told) as spool:
        assert await spool.lost() == drops
        await spool.clear_lost(drops)
        await spool.set_note("a", None)
        assert taken(path) < LITTLE
        assert await spool.lost() is None


async def test_a_disk_that_the_spool_has_filled_takes_events_again_when_all_is_sent(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "s", Moved()
    async with full(path, told) as spool:
        assert await everything(spool) == ["3", "4", "5", "6", "7", "8"]
        assert spool.fault() is None
        assert await spool.put(event(9)) is Kept.DISK
        assert taken(path) < LITTLE
        assert await spool.note("link_down_since") == "then"
    async with opened(path, told) as spool:
        assert await spool.lost() == Lost(3, START.timestamp(), START.timestamp())
        assert await spool.note("link_down_since") == "then"
        assert await everything(spool) == ["9"], "nothing is sent twice"


async def test_on_a_full_disk_nothing_that_still_waits_is_given_away(tmp_path: Path) -> None:
    path, told = tmp_path / "s", Moved()
    async with full(path, told) as spool:
        await spool.delete(await spool.peek(most=1))
        await spool.set_note("other", "1")
        assert len(spool) == 5
    async with opened(path, told) as spool:
        assert set(await everything(spool)) >= {"4", "5", "6", "7", "8"}


async def test_a_new_file_that_the_disk_does_not_take_is_tried_again_and_costs_no_count(
    tmp_path: Path,
) -> None:
    path, told = tmp_path / "s", Moved()
    async with full(path, told) as spool:
        batch = await spool.peek()
        with no_file_over(1000):
            await spool.delete(batch)
            assert spool.fault()
            assert [each.event for each in (await spool.peek()).events] == ["8"]
        assert await everything(spool) == ["8"]
        assert await spool.lost() == Lost(3, START.timestamp(), START.timestamp())
        assert await spool.put(event(9)) is Kept.DISK


def read(path: Path) -> bytes:
    return path.read_bytes()


def killed_as_it_was_emptied(path: Path, log: bytes) -> None:
    os.truncate(path, 0)
    log_of(path).write_bytes(log)


async def test_a_kill_as_the_file_is_emptied_leaves_one_that_opens(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with opened(path, Moved()) as spool:
        await spool.put(event(1, size=50_000))
        log = read(log_of(path))
    killed_as_it_was_emptied(path, log)
    async with opened(path, Moved()) as spool:
        assert len(spool) == 0
        await asyncio.gather(*(spool.put(event(number)) for number in range(3)))
        assert await everything(spool) == ["0", "1", "2"]
