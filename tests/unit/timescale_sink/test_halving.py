from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from timescale_sink.domain.halving import BatchSize, Halving, pieces


def _run(length: int, bad: set[int]) -> tuple[list[int], set[int]]:
    """Write all pieces; a piece with a bad row is refused until that row is a known culprit."""
    halving, written = Halving(length), list[int]()
    for piece in halving:
        if any(index in bad and index not in halving.culprits for index in piece):
            halving.refused(piece)
        else:
            written += piece
    return written, halving.culprits


@given(st.integers(0, 200), st.sets(st.integers(0, 199)))
def test_every_row_is_passed_once_in_order_and_exactly_the_bad_ones_are_culprits(
    length: int, bad: set[int]
) -> None:
    bad = {index for index in bad if index < length}
    written, culprits = _run(length, bad)
    assert written == list(range(length))
    assert culprits == bad


def test_one_bad_row_costs_only_logarithmically_many_tries() -> None:
    halving, tries = Halving(4096), 0
    for piece in halving:
        tries += 1
        if 1234 in piece and 1234 not in halving.culprits:
            halving.refused(piece)
    assert tries <= 2 * 12 + 2


def test_a_row_that_cannot_even_be_set_aside_stops_everything() -> None:
    halving = Halving(1)
    refused = map(halving.refused, halving)
    with pytest.raises(ValueError, match="culprit"):
        list(refused)


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(1, 10), st.integers(1, 100))
def test_pieces_cover_a_batch_in_order_within_both_limits(
    sizes: list[int], most: int, most_bytes: int
) -> None:
    cut = list(pieces(sizes, most=most, most_bytes=most_bytes))
    assert [index for piece in cut for index in piece] == list(range(len(sizes)))
    for piece in cut:
        assert 1 <= len(piece) <= most
        assert len(piece) == 1 or sum(sizes[index] for index in piece) <= most_bytes


def test_after_a_failure_half_of_what_was_tried_is_tried_down_to_one_record() -> None:
    size = BatchSize(most=5000, most_bytes=1 << 24, quick_s=1.0)
    tries = [100]
    while tries[-1] > 1:
        size.failed(tries[-1])
        tries.append(min(tries[-1], size.records))
    assert len(tries) <= 9
    assert all(after <= before / 2 for before, after in pairwise(tries))
    size.failed(1)
    assert (size.records, size.size >= 1) == (1, True)


def test_only_quick_successes_make_batches_larger_again_and_none_larger_than_allowed() -> None:
    size = BatchSize(most=5000, most_bytes=1 << 24, quick_s=1.0)
    size.failed(100)
    before = size.records
    size.written(1.5)
    assert size.records == before
    for _ in range(20):
        size.written(0.5)
    assert (size.records, size.size) == (5000, 1 << 24)
