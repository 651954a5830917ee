"""A disk that damages the spool's file costs what it damaged, and stops nothing."""

import asyncio
import random
import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.unit.runtime.test_spool import (
    Moved,
    event,
    everything,
    fill_disk,
    free_disk,
    opened,
)

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
    path = copied(sound, tmp_path)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.truncate(size * 3 // 4)
    with capture_logs() as said:
        out, _, note = await told(path)
    assert (out[0], out[-1], note) == ("0", "999", "yesterday")
    assert len(out) > len(EVENTS) // 2
    [line] = [line for line in said if line["event"] == "spool_damaged"]
    assert line["rescued"] == len(out) - 1
    assert (tmp_path / line["moved_to"]).exists()


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
