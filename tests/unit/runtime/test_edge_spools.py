"""Spools that are not the site's own: nothing of them is lost for being uploaded as ours."""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.unit.runtime.test_edge_check import SITE, TCP, checked, started
from tests.unit.runtime.test_spool import START, Moved, everything, opened

from minestream_runtime.clock import new_event_id
from minestream_runtime.edge.whose import left_behind, refuse_anothers
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.outlet.spool import Spooled
from minestream_schemas.gap import GAP, GapCause, gap_of
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner


def poll(site: str, number: int) -> Spooled:
    event = RawMiner(
        event_id=new_event_id(START),
        site_id=site,
        miner_id=f"{site}-{number}",
        collector_id=f"collector-vnish-{site}",
        dialect="vnish",
        polled_at=START,
        latency_ms=1.0,
        status=PollStatus.TIMEOUT,
        interval_s=60.0,
        endpoints={},
    )
    return Spooled(
        RAW_MINER.name, event.miner_id.encode(), event.to_json(), f"{number}", START.timestamp()
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


async def spooled(path: Path, events: Iterable[Spooled]) -> None:
    async with opened(path, Moved()) as spool:
        await asyncio.gather(*map(spool.put, events))


async def test_a_spool_of_another_site_is_refused_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "edge-texas.spool"
    await spooled(path, [poll("ohio", number) for number in range(3)])
    async with opened(path, Moved()) as spool:
        with pytest.raises(ConfigurationError, match=r"of the site ohio.*`site: ohio` and the key"):
            await refuse_anothers(spool, "texas")
        await refuse_anothers(spool, "ohio")
        assert await everything(spool) == ["0", "1", "2"]
        await refuse_anothers(spool, "texas")


async def test_what_says_of_no_site_whose_it_is_stops_no_start(tmp_path: Path) -> None:
    gap = gap_of("edge-ohio", GapCause.LINK_DOWN, START, None, reported_by="edge-ohio")
    async with opened(tmp_path / "s", Moved()) as spool:
        for value in (gap.to_json(), b"null", b"no JSON", b'{"site_id": 7}'):
            await spool.put(Spooled(GAP.name, b"k", value, "1", START.timestamp()))
            await refuse_anothers(spool, "texas")
            assert await everything(spool) == ["1"]


async def test_a_spool_that_a_renamed_site_left_behind_is_told_while_nobody_has_it_open(
    tmp_path: Path,
) -> None:
    await spooled(tmp_path / "edge-texas.spool", [poll("texas", 1)])
    await spooled(tmp_path / "edge-old name?.spool", [poll("texas", 1), poll("texas", 2)])
    await spooled(tmp_path / "edge-empty.spool", [])
    (tmp_path / "edge-damaged.spool").write_bytes(b"no spool" * 1000)
    before = contents(tmp_path)
    [said] = left_behind(tmp_path, "texas")
    assert said.startswith(f"{tmp_path}/edge-old name?.spool has 2 events of another site")
    assert contents(tmp_path) == before
    async with opened(tmp_path / "edge-old name?.spool", Moved()):
        assert left_behind(tmp_path, "texas") == []


def test_a_check_and_a_start_tell_of_spools_that_are_not_the_sites(tmp_path: Path) -> None:
    folder = tmp_path / ".minestream" / "edge"
    asyncio.run(spooled(folder / "edge-ohio.spool", [poll("ohio", 1)]))
    code, _, err = checked(tmp_path, SITE, TCP)
    assert (code, err.startswith(f"warning: {folder}/edge-ohio.spool has 1 events")) == (0, True)
    (folder / "edge-ohio.spool").rename(folder / "edge-texas.spool")
    code, out = started(tmp_path)
    assert (code, "`site: ohio`" in out) == (78, True)
