from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.domain.cuts import (
    Cut,
    Hole,
    Jump,
    Manifest,
    continued,
    holes,
    recovered,
)


def cut(first: int, upto: int, *files: str, generation: int = 0) -> Cut:
    return Cut("cluster", generation, first, upto, files or (f"{generation}-{first}",))


def kept(*cuts: Cut) -> dict[str, Cut]:
    return {path: one for one in cuts for path in one.files}


def test_nothing_archived_begins_where_kafka_begins() -> None:
    manifest, jump = continued(None, cluster="cluster", beginning=7, end=99)
    assert (manifest.cut.upto, manifest.cut.generation, jump) == (7, 0, None)


def test_what_is_archived_goes_on_where_it_ended() -> None:
    manifest = Manifest(cut(0, 50), {})
    for end in (50, 99):
        assert continued(manifest, cluster="cluster", beginning=0, end=end) == (manifest, None)


def test_expired_records_are_jumped_over_and_told() -> None:
    manifest, jump = continued(Manifest(cut(0, 50), {}), cluster="cluster", beginning=60, end=99)
    assert (manifest.cut.first, manifest.cut.upto, manifest.cut.generation) == (60, 60, 0)
    assert jump is Jump.EXPIRED


@pytest.mark.parametrize(
    ("cluster", "end", "why"),
    [("cluster", 49, Jump.SHORTER), ("another", 99, Jump.ANOTHER_CLUSTER)],
)
def test_offsets_that_begin_anew_are_a_generation_of_their_own(
    cluster: str, end: int, why: Jump
) -> None:
    manifest, jump = continued(Manifest(cut(0, 50), {}), cluster=cluster, beginning=3, end=end)
    assert manifest.cut == Cut(cluster, 1, 3, 3)
    assert jump is why


def test_a_lost_manifest_is_found_again_from_the_newest_whole_cut() -> None:
    found = recovered(kept(cut(0, 10), cut(10, 20, "a", "b"), cut(20, 30)), beginning=0)
    assert found.manifest == Manifest(cut(20, 30), {})
    assert found.leftovers == ()


def test_files_of_a_cut_that_is_not_whole_are_leftovers_since_they_are_read_again() -> None:
    files = kept(cut(0, 10), cut(10, 20, "a", "b"))
    del files["b"]
    found = recovered(files, beginning=0)
    assert found.manifest == Manifest(cut(0, 10), {})
    assert found.leftovers == ("a",)


def test_files_whose_records_kafka_has_lost_are_no_leftovers() -> None:
    files = kept(cut(0, 10), cut(10, 20, "a", "b"))
    del files["b"]
    found = recovered(files, beginning=15)
    assert found.manifest is not None
    assert (found.manifest.cut.upto, found.leftovers) == (20, ())


def test_of_generations_the_newest_counts() -> None:
    found = recovered(kept(cut(0, 900), cut(0, 10, generation=1)), beginning=0)
    assert found.manifest == Manifest(cut(0, 10, generation=1), {})


def test_only_parts_of_a_first_cut_are_leftovers() -> None:
    files = kept(cut(0, 10, "a", "b"))
    del files["a"]
    found = recovered(files, beginning=0)
    assert (found.manifest, found.leftovers) == (None, ("b",))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.data())
def test_recovery_goes_on_after_a_whole_cut_and_leaves_nothing_after_it(
    lengths: list[int], data: st.DataObject
) -> None:
    cuts, first = [], 0
    for length in lengths:
        cuts.append(cut(first, first + length, f"{first}-a", f"{first}-b"))
        first += length
    files = kept(*cuts)
    # a crash can only have left the newest cut in pieces
    for path in data.draw(st.sets(st.sampled_from(cuts[-1].files))):
        del files[path]
    found = recovered(files, beginning=0)
    reached = 0 if found.manifest is None else found.manifest.cut.upto
    left = {path: one for path, one in files.items() if path not in found.leftovers}
    assert reached == max((one.upto for one in left.values()), default=0)
    assert reached in {0, cuts[-1].first, cuts[-1].upto}


def test_a_whole_archive_lacks_nothing() -> None:
    cuts = kept(cut(5, 10), cut(10, 20, "a", "b"), cut(0, 3, generation=1))
    assert list(holes(list(cuts.items()))) == []


def test_a_file_that_is_gone_and_a_jump_are_holes() -> None:
    cuts = kept(cut(0, 10), cut(10, 20, "a", "b"), cut(40, 50))
    del cuts["a"]
    found = list(holes(list(cuts.items())))
    assert found == [Hole(0, 10, 20), Hole(0, 20, 40)]


def test_cuts_and_manifests_are_written_and_read_alike() -> None:
    manifest = Manifest(cut(1, 2, "a", "b"), {"a": "0123.parquet"})
    assert Manifest.from_json(manifest.to_json()) == manifest
    wrong: Any
    for wrong in ({}, [], None, 3, {**manifest.to_json(), "upto": None}, {"waiting": 3}):
        with pytest.raises(ValueError, match="not a "):
            Manifest.from_json(wrong)
