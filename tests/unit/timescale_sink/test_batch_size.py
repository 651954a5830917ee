from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from timescale_sink.domain.batch_size import BatchSize, pieces


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
