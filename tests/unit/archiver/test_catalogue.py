"""What a lake holds is told by its files alone, and so is what it lacks."""

from pathlib import Path

import pytest
from tests.unit.archiver.lakes import PARTITION, filled, hold

from archiver.adapters.errors import LakeDamagedError
from archiver.adapters.lake import Lake
from archiver.adapters.replay.catalogue import holdings, lacks, look
from archiver.adapters.replay.polls import Told, Wanted, polls
from archiver.domain.cuts import Hole
from minestream_runtime.errors import ConfigurationError


def fill(folder: Path) -> None:
    lake = Lake(folder)
    held, _ = filled(lake, hold(lake), range(10), sources=["vnish", "x"]).keep()
    filled(lake, held, range(10, 30), days=2).keep()


def test_holdings_are_counted_by_topic_source_and_day(tmp_path: Path) -> None:
    fill(tmp_path)
    files, unreadable = look(tmp_path)
    assert unreadable == []
    told = [(one.place.source, one.place.day.day, one.rows, one.offsets) for one in holdings(files)]
    assert told == [
        ("vnish", 21, 15, {3: (0, 28)}),
        ("vnish", 22, 10, {3: (11, 29)}),
        ("x", 21, 5, {3: (1, 9)}),
    ]
    assert all(one.file_bytes > 0 and one.record_bytes > 0 for one in holdings(files))
    assert list(lacks(files, tmp_path)) == []


def test_a_file_that_is_gone_is_missed_and_one_that_is_none_is_named(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / f"raw.miner/source=x/date=2026-11-21/{PARTITION.topic}-p3-1-9.parquet").unlink()
    odd = tmp_path / "raw.miner/source=x/date=2026-11-21" / f"{PARTITION.topic}-p3-90-99.parquet"
    odd.write_bytes(b"PAR1")
    files, unreadable = look(tmp_path)
    assert unreadable == [odd]
    assert [(lack.partition, lack.hole) for lack in lacks(files, tmp_path)] == [(3, Hole(0, 0, 10))]


def test_no_lake_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no lake at"):
        look(tmp_path / "none")


def test_a_file_that_is_damaged_within_is_named_with_what_to_do(tmp_path: Path) -> None:
    fill(tmp_path)
    files, _ = look(tmp_path)
    path = files[0].path
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)  # the footer stands at the end
    path.write_bytes(content)
    assert look(tmp_path) == (files, [])
    with pytest.raises(LakeDamagedError, match=f"{path.name}: cannot be read .*put it back"):
        list(polls(files, Wanted(), Told()))
