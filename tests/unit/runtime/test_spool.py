"""The spool keeps order, keeps its limits, counts what it drops, and outlives kills."""

import asyncio
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cramjam
import msgspec
import pytest
from msgspec import structs

from minestream_runtime.errors import ConfigurationError
from minestream_runtime.outlet.spool import Kept, Lost, Spool, Spooled

START = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Moved:
    """A clock that a test moves, and what the spool told."""

    at: datetime = START
    dropped: list[str] = field(default_factory=list)
    rescued: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()


@asynccontextmanager
async def opened(path: Path, told: Moved, **limits: Any) -> AsyncIterator[Spool]:
    spool = Spool(
        path,
        told,
        on_dropped=lambda event: told.dropped.append(event.event),
        on_rescued=lambda event: told.rescued.append(event.event),
        **limits,
    )
    async with spool:
        yield spool


def event(number: int, *, at: datetime = START, size: int = 100) -> Spooled:
    value = os.urandom(size)  # incompressible, so that sizes are what they seem
    return Spooled("topic", b"key", value, str(number), at.timestamp(), b'{"n":1}')


async def everything(spool: Spool, *, most: int = 1000) -> list[str]:
    found: list[str] = []
    for _ in range(10_000):
        batch = await spool.peek(most=most)
        if not batch.events:
            return found
        found += [waiting.event for waiting in batch.events]
        await spool.delete(batch)
    raise AssertionError("it never ends")


async def test_first_in_is_first_out_over_many_blocks(tmp_path: Path) -> None:
    async with opened(tmp_path / "s", Moved()) as spool:
        for start in range(0, 1000, 7):
            kept = await asyncio.gather(
                *(spool.put(event(number)) for number in range(start, min(start + 7, 1000)))
            )
            assert set(kept) == {Kept.DISK}
        assert len(spool) == 1000
        assert await everything(spool, most=150) == [str(number) for number in range(1000)]
        assert (len(spool), spool.bytes_on_disk, spool.oldest_at_s) == (0, 0, None)


async def test_an_event_comes_back_as_it_was(tmp_path: Path) -> None:
    put = event(1)
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.put(put)
        assert (await spool.peek()).events == (put,)


async def test_headers_are_kept_and_a_file_of_before_they_were_still_opens(tmp_path: Path) -> None:
    newer = structs.replace(event(2), headers=(("traceparent", b"00-1-2-01"),))
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.put(event(0))
    old = msgspec.msgpack.encode([["topic", b"key", b"value", "1", 2e9, b"memo"]])
    with closing(sqlite3.connect(tmp_path / "s")) as db:
        packed = bytes(cramjam.zstd.compress(old))
        db.execute("UPDATE block SET packed = ?, bytes = ?", (packed, len(packed)))
        db.commit()
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.put(newer)
        found = (await spool.peek()).events
    assert found == (Spooled("topic", b"key", b"value", "1", 2e9, b"memo"), newer)


async def test_what_was_not_deleted_is_there_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path / "s", Moved()) as spool:
        for number in range(250):
            await spool.put(event(number))
        first = await spool.peek(most=100)
        await spool.delete(first)
        await spool.peek(most=100)
    async with opened(tmp_path / "s", Moved()) as spool:
        assert len(spool) == 250 - len(first.events)
        rest = await everything(spool)
    assert rest == [str(number) for number in range(len(first.events), 250)]


async def test_new_events_do_not_join_a_block_that_is_being_sent(tmp_path: Path) -> None:
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.put(event(1))
        batch = await spool.peek()
        await spool.put(event(2))
        await spool.delete(batch)
        assert await everything(spool) == ["2"]


async def test_over_its_size_the_oldest_go_first_and_each_is_counted(tmp_path: Path) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told, most_bytes=200_000) as spool:
        for number in range(600):
            await spool.put(event(number, size=1000))
        assert spool.bytes_on_disk <= 200_000
        lost = await spool.lost()
        assert lost == Lost(len(told.dropped), START.timestamp(), START.timestamp())
        kept = await everything(spool)
    assert told.dropped + kept == [str(number) for number in range(600)]
    assert len(kept) >= 100


async def test_events_past_their_age_are_dropped(tmp_path: Path) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told, most_age_s=3600.0) as spool:
        for number in range(100):
            await spool.put(event(number))
        told.at += timedelta(hours=2)
        await spool.put(event(100, at=told.at))
        assert told.dropped == [str(number) for number in range(100)]
        assert await everything(spool) == ["100"]


async def test_a_batch_that_is_being_sent_is_not_dropped(tmp_path: Path) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told, most_bytes=150_000) as spool:
        for number in range(100):
            await spool.put(event(number, size=1000))
        batch = await spool.peek(most=1)
        for number in range(100, 300):
            await spool.put(event(number, size=1000))
        assert not set(told.dropped) & {waiting.event for waiting in batch.events}
        await spool.release()
        for number in range(300, 400):
            await spool.put(event(number, size=1000))
        assert "0" in told.dropped


async def test_the_count_of_drops_outlives_a_restart_and_is_told_once(tmp_path: Path) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told, most_bytes=100_000) as spool:
        for number in range(300):
            await spool.put(event(number, size=1000))
    async with opened(tmp_path / "s", told, most_bytes=100_000) as spool:
        lost = await spool.lost()
        assert lost is not None
        assert lost.events == len(told.dropped) > 0
        await spool.clear_lost(lost)
        assert await spool.lost() is None


def fill_disk(spool: Spool) -> None:
    """Allow the file no further page: SQLite then says what it says on a full disk."""
    db = spool._disk._db
    pages = db.execute("PRAGMA page_count").fetchone()[0]
    db.execute(f"PRAGMA max_page_count={pages}").fetchall()


def free_disk(spool: Spool) -> None:
    spool._disk._db.execute("PRAGMA max_page_count=1000000").fetchall()


async def test_on_a_full_disk_the_newest_stay_in_memory_and_drops_are_counted(
    tmp_path: Path,
) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told, most_memory_bytes=50_000) as spool:
        fill_disk(spool)
        number = 0
        while await spool.put(event(number, size=1000)) is Kept.DISK:
            number += 1
        first = number  # of those in memory
        for number in range(first + 1, first + 100):
            assert await spool.put(event(number, size=1000)) is Kept.MEMORY
        assert told.dropped == [str(number) for number in range(first, first + 50)]
        assert len(spool) == first + 50
        lost = await spool.lost()
        assert lost is not None
        assert lost.events == 50
        free_disk(spool)
        assert await spool.put(event(first + 100)) is Kept.DISK
        assert told.rescued == [str(number) for number in range(first + 50, first + 100)]
        assert await spool.lost() == lost
        kept = await everything(spool)
    assert kept == [str(number) for number in range(first + 101) if str(number) not in told.dropped]


async def test_untold_the_newest_64_mib_stay_in_memory_while_the_disk_is_full(
    tmp_path: Path,
) -> None:
    told = Moved()
    mib = os.urandom(1 << 20)
    events = [structs.replace(event(number), value=mib) for number in range(66)]
    async with opened(tmp_path / "s", told) as spool:
        fill_disk(spool)
        kept = await asyncio.gather(*(spool.put(each) for each in events))
        assert set(kept) == {Kept.MEMORY}
        assert told.dropped == ["0", "1"]
        assert len(spool) == 64


async def test_on_a_full_disk_what_is_in_memory_can_be_sent_from_there(tmp_path: Path) -> None:
    told = Moved()
    async with opened(tmp_path / "s", told) as spool:
        fill_disk(spool)
        for number in range(3):
            await spool.put(event(number, size=20_000))
        assert await everything(spool) == ["0", "1", "2"]
        assert told.dropped == []


async def test_what_was_sent_but_cannot_be_deleted_is_not_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.put(event(1))
        batch = await spool.peek()
        disk = spool._disk
        real = disk._db

        class ReadOnly:
            total_changes = 0

            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if sql.startswith("DELETE"):
                    raise sqlite3.OperationalError("disk I/O error")
                return real.execute(sql, *values)

        monkeypatch.setattr(disk, "_db", ReadOnly())
        await spool.delete(batch)
        assert (await spool.peek()).events == ()
        assert len(spool) == 0
        monkeypatch.setattr(disk, "_db", real)
        await spool.put(event(2))
        assert await everything(spool) == ["2"]


async def test_a_disk_that_does_nothing_more_loses_nothing_and_sends_nothing_twice(
    tmp_path: Path,
) -> None:
    told = Moved()
    async with opened(tmp_path / "spool", told) as spool:
        await spool.put(event(1))
        batch = await spool.peek()
        spool._disk._db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        await spool.delete(batch)
        assert await spool.put(event(2)) is Kept.MEMORY
        spool._disk._db.set_authorizer(None)
        assert await everything(spool) == ["2"]
    assert told.rescued == ["2"]


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "s"
    async with opened(path, Moved()) as spool:
        await spool.put(event(1))
        for file in (path, Path(f"{path}-wal")):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name


async def test_two_processes_cannot_share_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.1}))
    async with opened(tmp_path / "s", Moved()):
        with pytest.raises(ConfigurationError, match=r"another process uses it.*MINESTREAM_I"):
            async with opened(tmp_path / "s", Moved()):
                pass


async def test_a_damaged_file_is_put_aside_and_a_new_one_begun(tmp_path: Path) -> None:
    path = tmp_path / "s.spool"
    path.write_bytes(b"this is no database, " * 1000)
    async with opened(path, Moved()) as spool:
        await spool.put(event(1))
        assert await everything(spool) == ["1"]
    assert [name for name in os.listdir(tmp_path) if name.startswith("s.damaged-")]  # noqa: PTH208 - not awaited


async def test_a_damaged_block_is_counted_as_lost_and_skipped(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with opened(path, Moved()) as spool:
        await asyncio.gather(*(spool.put(event(number)) for number in range(3)))
    file = sqlite3.connect(path)
    file.execute("UPDATE block SET packed = x'00'")
    file.commit()
    file.close()
    async with opened(path, Moved()) as spool:
        assert (await spool.peek()).events == ()
        assert len(spool) == 0
        await spool.put(event(7))
        assert await everything(spool) == ["7"]
        assert await spool.lost() == Lost(3, START.timestamp(), START.timestamp())


async def test_events_are_not_joined_to_a_damaged_block(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with opened(path, Moved()) as spool:
        await spool.put(event(1))
    file = sqlite3.connect(path)
    file.execute("UPDATE block SET packed = x'00'")
    file.commit()
    file.close()
    async with opened(path, Moved()) as spool:
        await spool.put(event(2))
        assert await everything(spool) == ["2"]
        assert await spool.lost() == Lost(1, START.timestamp(), START.timestamp())


async def test_a_fault_in_the_spools_thread_is_told_to_who_waits(tmp_path: Path) -> None:
    def refuse(_: Spooled) -> None:
        raise OSError("no space left for the ledger")

    spool = Spool(tmp_path / "s", Moved(), on_dropped=refuse, on_rescued=refuse, most_bytes=1)
    async with spool, asyncio.timeout(10):
        with pytest.raises(OSError, match="ledger"):
            await spool.put(event(1))


async def test_notes_are_kept_beside_the_queue(tmp_path: Path) -> None:
    async with opened(tmp_path / "s", Moved()) as spool:
        await spool.set_note("a", "1")
        await spool.set_note("a", "2")
    async with opened(tmp_path / "s", Moved()) as spool:
        assert await spool.note("a") == "2"
        await spool.set_note("a", None)
        assert await spool.note("a") is None


CHILD = """
import asyncio, sys
from pathlib import Path
from minestream_runtime.clock import SystemClock
from minestream_runtime.outlet.spool import Spool, Spooled

async def main():
    spool = Spool(Path(sys.argv[1]), SystemClock(), on_dropped=print, on_rescued=print)
    async with spool:
        for number in range(10**9):
            await spool.put(Spooled("t", b"k", b"v" * 500, str(number), 2e9))
            print(number, flush=True)

asyncio.run(main())
"""


async def test_a_kill_loses_nothing_that_was_committed(tmp_path: Path) -> None:
    acked = -1
    for _ in range(3):
        child = subprocess.Popen(  # noqa: ASYNC220 - a child of the test
            [sys.executable, "-c", textwrap.dedent(CHILD), str(tmp_path / "s")],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        for _ in range(40):
            acked = int(child.stdout.readline())
        child.send_signal(signal.SIGKILL)
        acked = max([acked, *map(int, child.stdout.read().split())])
        child.wait()
        child.stdout.close()
        async with opened(tmp_path / "s", Moved()) as spool:
            found = Counter(await everything(spool))
        assert set(found) >= {str(number) for number in range(acked + 1)}
        assert set(found.values()) == {1}
