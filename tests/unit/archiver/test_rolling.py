from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archiver.domain.rolling import Fill, Limits, full, to_write

LIMITS = Limits(
    file_bytes=1000, file_rows=100, file_age_s=60, open_files=3, memory_bytes=500, group_bytes=200
)
FILL = Fill(most_bytes=10, most_rows=1, files=1, age_s=1)


def test_a_young_small_file_stays_open() -> None:
    assert not full(FILL, LIMITS)
    assert not full(Fill(0, 0, 0, 9999), LIMITS), "there is nothing to close"


@pytest.mark.parametrize(
    "change", [{"most_bytes": 1000}, {"most_rows": 100}, {"age_s": 60}, {"files": 4}]
)
def test_a_file_is_closed_by_size_by_rows_by_age_and_by_too_many_beside_it(
    change: dict[str, int],
) -> None:
    assert full(replace(FILL, **change), LIMITS)


def test_a_group_is_written_when_there_is_enough_for_it() -> None:
    assert to_write({"a": 199, "b": 200}, LIMITS) == ["b"]


def test_short_memory_takes_the_largest_until_half_is_free() -> None:
    assert to_write({"a": 180, "b": 190, "c": 150}, LIMITS) == ["b", "a"]


def test_a_record_larger_than_the_memory_is_written_at_once() -> None:
    assert to_write({"a": 1, "b": 10_000}, LIMITS) == ["b"]


@given(st.dictionaries(st.integers(), st.integers(0, 10_000)))
def test_what_stays_in_memory_never_exceeds_the_limit(sizes: dict[int, int]) -> None:
    chosen = to_write(sizes, LIMITS)
    assert len(chosen) == len(set(chosen))
    assert sum(size for key, size in sizes.items() if key not in chosen) <= LIMITS.memory_bytes
    assert all(sizes[key] for key in chosen)
