"""A disk that damages the spool's file costs what it damaged, and stops nothing."""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cramjam
import msgspec
import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.outlet_world import START, drained, until, world
from tests.unit.runtime.test_spool import (
    Moved,
    event,
    everything,
    fill_disk,
    free_disk,
    opened,
)

from minestream_runtime.outlet.spool import Kept, Lost, Spooled
from minestream_runtime.outlet.spool_file import connected
from minestream_runtime.outlet.spooled import packed, unpacked
from minestream_schemas.gap import GapCause
from minestream_schemas.raw import RAW_MINER

PAGE = 4096
EVENTS = [str(number) for number in range(240)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with many blocks and a note."""
    path = tmp_path_factory.mktemp("sound") / "s.spool"

    async def filled() -> None:
        async with opened(path, Moved()) as spool:
            for at in range(0, len(EVENTS), 10):
                some = (event(int(number), size=4000) for number in EVENTS[at : at + 10])
                await asyncio.gather(*map(spool.put, some))
            await spool.set_note("link_down_since", "yesterday")

    asyncio.run(filled())
    return path


def copied(sound: Path, folder: Path) -> Path:
    return Path(shutil.copy(sound, folder / sound.name))


def cut_short(sound: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    path = copied(sound, folder)
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size * 3 // 4)
    return path


async def told(path: Path) -> tuple[list[str], int, str | None]:
    """What goes out with one event more, how many are counted as lost, and the note."""
    async with opened(path, Moved()) as spool:
        await spool.put(event(999))
        out, lost = await everything(spool), await spool.lost()
        return out, lost.events if lost else 0, await spool.note("link_down_since")


@pytest.mark.parametrize("tenth", range(2, 10))
async def test_a_page_of_random_bytes_hides_no_other_event_and_lets_new_ones_out(
    sound: Path, tmp_path: Path, tenth: int
) -> None:
    path = copied(sound, tmp_path)
    content = bytearray(path.read_bytes())
    at = len(content) // PAGE * tenth // 10 * PAGE
    content[at : at + PAGE] = random.Random(tenth).randbytes(PAGE)
    path.write_bytes(content)
    with capture_logs() as said:
        out, lost, note = await told(path)
    assert out[-1] == "999"
    assert out[:-1] == [number for number in EVENTS if number in set(out)], "in their order"
    assert len(out) > len(EVENTS) // 2
    put_aside = [line for line in said if line["event"] == "spool_damaged"]
    assert put_aside or lost == len(EVENTS) + 1 - len(out), "nothing is lost in silence"
    assert all("disk" in line["advice"] for line in put_aside)
    assert note == "yesterday"


async def test_of_a_file_that_was_cut_short_what_is_left_goes_out(
    sound: Path, tmp_path: Path
) -> None:
    path = cut_short(sound, tmp_path)
    with capture_logs() as said:
        out, _, note = await told(path)
    assert (out[0], out[-1], note) == ("0", "999", "yesterday")
    assert len(out) > len(EVENTS) // 2
    [line] = [line for line in said if line["event"] == "spool_damaged"]
    assert line["rescued"] == len(out) - 1
    assert (tmp_path / line["moved_to"]).exists()


KILLED = """
import asyncio, os, sys
from pathlib import Path
from minestream_runtime.clock import SystemClock
from minestream_runtime.outlet.salvage import Salvage
from minestream_runtime.outlet.spool import Spool

Salvage.notes = lambda _: os._exit(9)

async def main():
    async with Spool(Path(sys.argv[1]), SystemClock(), on_dropped=print, on_rescued=print):
        pass

asyncio.run(main())
"""


async def test_a_kill_in_the_middle_of_the_salvage_costs_nothing(
    sound: Path, tmp_path: Path
) -> None:
    path = cut_short(sound, tmp_path)
    out, _, _ = await told(cut_short(sound, tmp_path / "let"))
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == 9  # noqa: ASYNC221 - short
    assert (await told(path))[0] == out
    assert (await told(path))[0] == ["999"], "once"


async def test_a_disk_too_full_for_what_can_be_read_gets_it_once_it_has_room(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cut_short(sound, tmp_path)

    def full(path: Path) -> sqlite3.Connection:
        db = connected(path)
        db.execute("PRAGMA max_page_count=20").fetchall()
        return db

    monkeypatch.setattr("minestream_runtime.outlet.spool_file.connected", full)
    async with opened(path, Moved()) as spool:
        assert await everything(spool) == []
        assert spool.fault() is not None
        free_disk(spool)
        await spool.put(event(999))
        out = await everything(spool)
    assert (out[:2], len(out) > len(EVENTS) // 2) == (["999", "0"], True)


async def test_drops_not_told_of_yet_outlive_the_file_that_counted_them(tmp_path: Path) -> None:
    path = tmp_path / "s"
    async with opened(path, Moved(), most_bytes=700_000) as spool:
        for number in range(20):
            await asyncio.gather(*(spool.put(event(number, size=30_000)) for _ in range(2)))
        before = await spool.lost()
        kept = len(spool)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE block SET newest_at = 'never' WHERE id = (SELECT max(id) FROM block)")
    async with opened(path, Moved()) as spool:
        out, after = await everything(spool), await spool.lost()
    assert before is not None
    assert after is not None
    assert after.events - before.events == kept - len(out) > 0


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("events", "many"),
        ("bytes", 10**12),
        ("oldest_at", "never"),
        ("newest_at", 1e300),
        ("packed", 7),
        ("packed", "text"),
    ],
)
async def test_a_block_whose_row_makes_no_sense_stops_no_other(
    sound: Path, tmp_path: Path, column: str, value: object
) -> None:
    path = copied(sound, tmp_path)
    with closing(sqlite3.connect(path)) as db, db:
        block, events = db.execute("SELECT id, events FROM block LIMIT 1 OFFSET 1").fetchone()
        db.execute(f"UPDATE block SET {column} = ? WHERE id = ?", (value, block))  # noqa: S608 - ours
    out, lost, note = await told(path)
    assert len(out) == len(EVENTS) + 1 - events
    assert (out[0], out[-1], note) == ("0", "999", "yesterday")
    assert lost in {events, 0}, "0: how many it had could not be read"


def misnumber(path: Path, leaf: int, number: bytes) -> None:
    """Give another number to the first block of a page; the first page is of SQLite itself."""
    content = bytearray(path.read_bytes())
    leaves = [
        at for at in range(PAGE, len(content), PAGE) if content[at] == 0x0D and content[at + 4] > 0
    ]
    at = leaves[leaf]
    cell = at + int.from_bytes(content[at + 8 : at + 10], "big")
    while content[cell] & 0x80:  # the length
        cell += 1
    content[cell + 1 : cell + 1 + len(number)] = number
    path.write_bytes(content)


@pytest.mark.parametrize("leaf", range(1, 3))
@pytest.mark.parametrize("number", [b"\xff\xff\xff\xff\x7f", b"\x00"], ids=["far", "none"])
async def test_a_block_with_a_wrong_number_takes_no_other_page_with_it(
    tmp_path: Path, leaf: int, number: bytes
) -> None:
    path, events = tmp_path / "s", 3000
    async with opened(path, Moved()) as spool:
        for at in range(0, events, 100):
            await asyncio.gather(*(spool.put(event(at + more, size=200)) for more in range(100)))
    misnumber(path, leaf, number)
    async with opened(path, Moved()) as spool:
        out = await everything(spool)
        await spool.put(event(events))
        assert await everything(spool) == [str(events)], "what is new goes out as before"
    assert events * 2 // 3 < len(out) <= events, "nor is one given again and again"


@pytest.mark.parametrize("place", range(0, 1000, 111))
async def test_no_event_goes_out_changed_by_a_single_bit(tmp_path: Path, place: int) -> None:
    path = tmp_path / "s"
    told_s = START.timestamp()
    async with opened(path, Moved()) as spool:
        for number in range(2):
            await spool.put(event(number, size=500))
            await spool.peek()  # what is handed out, nothing joins
        [first, second] = (await spool.peek()).events
    content = bytearray(path.read_bytes())
    content[content.index(first.value) + place % len(first.value)] ^= 1 << place % 8
    path.write_bytes(content)
    async with opened(path, Moved()) as spool:
        assert (await spool.peek()).events == (second,)
        assert await spool.lost() == Lost(1, told_s, told_s), "told as lost"


def test_this_version_and_the_one_before_checksums_read_each_others_blocks() -> None:
    events = [event(number) for number in range(3)]
    before = bytes(cramjam.zstd.compress(msgspec.msgpack.encode(events)))
    assert unpacked(before) == events
    assert msgspec.msgpack.decode(cramjam.zstd.decompress(packed(events))) == [
        msgspec.msgpack.decode(msgspec.msgpack.encode(each)) for each in events
    ]


@pytest.fixture(scope="module")
def waited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collector's spool as a long outage left it: blocks, a count of drops, and a note."""
    path = tmp_path_factory.mktemp("waited") / "spool"
    texts = [f"{number}-{random.Random(number).randbytes(500).hex()}" for number in range(300)]
    events = [
        Spooled(RAW_MINER.name, b"k", each.encode(), each, START.timestamp()) for each in texts
    ]

    async def filled() -> None:
        async with opened(path, Moved(), most_bytes=120_000) as spool:
            await asyncio.gather(*map(spool.put, events))
            await spool.set_note("link_down_since", START.isoformat())
            assert (len(spool), await spool.lost() is not None) == (200, True)

    asyncio.run(filled())
    return path


def made_up(path: Path, change: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        assert db.execute(f"UPDATE {change}").rowcount == 1


OLDEST = "WHERE id = (SELECT min(id) FROM block)"


@pytest.mark.parametrize(
    "damage",
    [
        "note SET text = 'yesterday'",
        "note SET text = '9999-99-99T00:00:00+00:00'",
        "note SET text = '0001-01-01T00:00:00+23:00'",
        f"block SET oldest_at = 'never' {OLDEST}",
        f"block SET oldest_at = -1e999, newest_at = 1e999 {OLDEST}",
        f"block SET events = 101 {OLDEST}",
        "lost SET events = -7",
        "lost SET events = 'some'",
        "lost SET first_at = -1e999",
        "lost SET last_at = 1e999",
    ],
)
async def test_no_value_that_the_disk_made_up_ends_the_way_out(
    waited: Path, tmp_path: Path, damage: str
) -> None:
    made_up(copied(waited, tmp_path), damage)
    async with world(tmp_path) as this:
        await drained(this)
        await this.publish("k", "new")
        await until(lambda: bool(this.broker.gaps))
    out = this.broker.taken[b"k"]
    assert (out[-1], len(out)) == ("new", 101 if damage.startswith("block") else 201)
    assert all(gap.began_at.year == START.year for gap in this.broker.gaps)


async def test_drops_after_a_damaged_count_are_told(waited: Path, tmp_path: Path) -> None:
    path = copied(waited, tmp_path)
    made_up(path, "lost SET events = 'some'")
    with capture_logs() as said:
        async with opened(path, Moved(), most_bytes=70_000) as spool:
            assert await spool.lost() is None
            await spool.release()  # one block is too much now
        async with world(tmp_path) as this:
            gaps = this.broker.gaps
            await until(lambda: GapCause.SPOOL_OVERFLOW in {gap.cause for gap in gaps})
    assert "spool_count_damaged" in {line["event"] for line in said}
    assert {gap.lost_total for gap in gaps if gap.cause is GapCause.SPOOL_OVERFLOW} == {100}


async def test_a_text_that_is_no_utf_8_stops_nothing(sound: Path, tmp_path: Path) -> None:
    path = copied(sound, tmp_path)
    wrong = msgspec.msgpack.encode([["topic", b"", b"", "????", 2e9]]).replace(b"????", b"\xff" * 4)
    packed = bytes(cramjam.zstd.compress(wrong))
    with closing(sqlite3.connect(path)) as db, db:
        block, events = db.execute("SELECT id, events FROM block LIMIT 1").fetchone()
        db.execute(
            "UPDATE block SET packed = ?, bytes = ? WHERE id = ?", (packed, len(packed), block)
        )
    out, lost, _ = await told(path)
    assert (len(out), lost) == (len(EVENTS) + 1 - events, events)


async def test_a_file_that_can_be_read_and_takes_nothing_more_is_begun_anew(
    sound: Path, tmp_path: Path
) -> None:
    path = copied(sound, tmp_path)
    async with opened(path, Moved()) as spool:
        await spool.delete(await spool.peek(most=50))
    content = bytearray(path.read_bytes())
    free = int.from_bytes(content[32:36], "big")  # the first of the pages that are free
    assert free
    content[(free - 1) * PAGE : free * PAGE] = b"\xff" * PAGE
    path.write_bytes(content)
    async with opened(path, Moved()) as spool:
        assert await spool.put(event(999, size=50_000)) is Kept.MEMORY
        out = await everything(spool)
        assert await spool.put(event(1000, size=50_000)) is Kept.DISK
    assert out[-2:] == ["239", "999"]


async def test_a_full_disk_is_told_once_and_for_as_long_as_it_is_full(tmp_path: Path) -> None:
    with capture_logs() as said:
        async with opened(tmp_path / "s", Moved()) as spool:
            assert spool.fault() is None
            fill_disk(spool)
            for number in range(4):
                await spool.put(event(number, size=20_000))
                await spool.release()  # which has nothing to write
                assert "full: what is new waits in memory" in (spool.fault() or "")
            free_disk(spool)
            await spool.put(event(9))
            assert spool.fault() is None
    assert [line["event"] for line in said] == ["spool_disk_failed", "spool_disk_works_again"]
