"""Cuts are whole or not there, whatever was left behind and whoever else is there."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.unit.archiver.lakes import PARTITION, filled, hold, offsets, opened, unfinished

from archiver.adapters.errors import LakeUnavailableError, PartitionBusyError
from archiver.adapters.lake import PARTITIONS, Lake, Stage
from minestream_runtime.errors import PartitionLostError

OWN = f"{PARTITIONS}/{PARTITION.topic}-p{PARTITION.number}"


class PowerCutError(Exception):
    """The process ends here."""


def dying(folder: Path, at: Stage, nth: int = 1) -> Lake:
    """A lake whose process ends as a cut passes a stage for the n-th time."""
    left = nth

    def passing(stage: Stage) -> None:
        nonlocal left
        left -= stage is at
        if left == 0:
            raise PowerCutError

    return Lake(folder, passing=passing)


def test_cuts_follow_each_other_without_a_gap(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    held = hold(lake)
    for first in (0, 10, 20):
        held, size = filled(lake, held, range(first, first + 10)).keep()
        assert size > 0
    assert offsets(tmp_path) == list(range(30))
    assert hold(Lake(tmp_path)) == held


def test_a_cut_of_several_sources_and_days_is_a_file_for_each(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    cut = filled(lake, hold(lake), range(12), sources=["vnish", "cgminer"], days=3)
    manifest, _ = cut.keep()
    assert sorted(manifest.cut.files) == sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.glob("raw.miner/*/*/*.parquet")
    )
    assert len(manifest.cut.files) == 6
    assert offsets(tmp_path) == list(range(12))


@pytest.mark.parametrize(
    ("stage", "nth", "kept"),
    [
        (Stage.WRITTEN, 1, False),
        (Stage.DECIDED, 1, True),
        (Stage.MOVING, 1, True),
        (Stage.MOVING, 2, True),
        (Stage.KEPT, 1, True),
    ],
)
def test_a_cut_is_decided_by_its_manifest_alone(
    tmp_path: Path, stage: Stage, nth: int, *, kept: bool
) -> None:
    held, _ = filled(Lake(tmp_path), hold(Lake(tmp_path)), range(5)).keep()
    cut = filled(dying(tmp_path, stage, nth), held, range(5, 9), days=2)
    with pytest.raises(PowerCutError):
        cut.keep()
    after = hold(Lake(tmp_path))
    assert after.cut.upto == (9 if kept else 5)
    assert offsets(tmp_path) == list(range(after.cut.upto))
    assert unfinished(tmp_path) == []


@pytest.mark.parametrize("fate", ["gone", "half", "another"])
def test_a_lost_manifest_is_found_again_from_the_files(tmp_path: Path, fate: str) -> None:
    lake = Lake(tmp_path)
    held, _ = filled(lake, hold(lake), range(10), days=2).keep()
    held, _ = filled(lake, held, range(10, 20), days=2).keep()
    path = tmp_path / OWN / "manifest.json"
    match fate:
        case "gone":
            path.unlink()
        case "half":
            path.write_bytes(path.read_bytes()[:20])
        case _:
            path.write_text("[1, 2]")
    with capture_logs() as logs:
        assert hold(Lake(tmp_path)).cut == held.cut
    assert "manifest_recovered" in {entry["event"] for entry in logs}
    assert json.loads(path.read_bytes())["upto"] == 20


def test_with_the_manifest_lost_parts_of_a_cut_go_and_are_read_again(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    held, _ = filled(lake, hold(lake), range(10)).keep()
    with pytest.raises(PowerCutError):
        filled(dying(tmp_path, Stage.MOVING), held, range(10, 20), days=2).keep()
    (tmp_path / OWN / "manifest.json").unlink()
    again = hold(Lake(tmp_path))
    assert again.cut.upto == 10
    assert offsets(tmp_path) == list(range(10))
    filled(lake, again, range(10, 20), days=2).keep()
    assert offsets(tmp_path) == list(range(20))


def test_a_process_that_has_lost_its_partition_keeps_nothing(tmp_path: Path) -> None:
    zombie, heir = Lake(tmp_path), Lake(tmp_path)
    slow = filled(zombie, hold(zombie), range(10))
    slow.write(slow.places)
    filled(heir, hold(heir), range(7)).keep()
    with pytest.raises(PartitionLostError):
        slow.keep()
    slow.discard()
    assert offsets(tmp_path) == list(range(7))


def test_a_process_whose_files_were_taken_away_keeps_nothing(tmp_path: Path) -> None:
    zombie = Lake(tmp_path)
    slow = filled(zombie, hold(zombie), range(10))
    slow.write(slow.places)
    heirs = hold(Lake(tmp_path))
    with pytest.raises(PartitionLostError):
        slow.keep()
    slow.discard()
    assert heirs.cut.upto == 0
    assert offsets(tmp_path) == []


def test_two_at_one_partition_wait_for_each_other(tmp_path: Path) -> None:
    def passing(stage: Stage) -> None:
        if stage is Stage.WRITTEN:
            with pytest.raises(PartitionBusyError):
                hold(Lake(tmp_path))

    lake = Lake(tmp_path, passing=passing)
    filled(lake, hold(lake), range(3)).keep()
    assert offsets(tmp_path) == [0, 1, 2]


def test_another_cluster_is_another_generation_with_files_of_its_own(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    filled(lake, hold(lake, cluster="old"), range(10)).keep()
    with capture_logs() as logs:
        held = hold(lake, cluster="new", end=3)
    assert [entry["event"] for entry in logs] == ["another_cluster"]
    filled(lake, held, range(3)).keep()
    names = sorted(path.name for path in tmp_path.glob("raw.miner/*/*/*.parquet"))
    topic = PARTITION.topic
    assert names == [f"{topic}-p3-0-9.parquet", f"{topic}-p3-g1-0-2.parquet"]
    assert hold(lake, cluster="new", end=3).cut.upto == 3


def test_a_folder_that_cannot_be_written_is_a_lake_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LakeUnavailableError, match=r"ENOTDIR|EEXIST"):
        hold(Lake(tmp_path / "file"))


def test_what_is_discarded_leaves_no_file(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    cut = filled(lake, hold(lake), range(10))
    cut.write(cut.places)
    assert len(unfinished(tmp_path)) == 1
    cut.discard()
    assert unfinished(tmp_path) == []


def test_an_empty_cut_has_nothing_to_close(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    cut = opened(lake, hold(lake))
    assert (cut.count, cut.places, cut.fill(9.0).files, cut.fill(9.0).age_s) == (0, (), 0, 0.0)
