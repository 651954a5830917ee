from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abacus_sink.domain.delivery import Delivery
from abacus_sink.domain.gathering import Entry, Gathering
from abacus_sink.domain.offsets import Offsets, Place
from minestream_runtime.halving import Halving
from minestream_schemas.feature import FeatureGroup

MINERS, MARKET = FeatureGroup.MINER_TELEMETRY, FeatureGroup.MARKET_DATA
AT = datetime(2026, 11, 21, tzinfo=UTC)


def entry(offset: int, *, size: int = 100, due_s: float = 5.0, partition: int = 0) -> Entry:
    return Entry(Place(partition, offset), {"row_id": str(offset)}, size, AT, due_s)


def gathering(*, rows: int = 10, size: int = 10_000) -> Gathering:
    return Gathering(most_rows=rows, most_bytes=size)


def test_rows_wait_until_their_first_is_due() -> None:
    held = gathering()
    assert held.next_due_s() is None
    held.add(MINERS, entry(1, due_s=5.0))
    held.add(MINERS, entry(2, due_s=6.0))
    assert (held.due(4.9), held.next_due_s()) == ([], 5.0)
    assert held.due(5.0) == [MINERS]


@pytest.mark.parametrize(("rows", "size"), [(3, 10_000), (10, 300)])
def test_a_full_batch_waits_for_nothing(rows: int, size: int) -> None:
    held = gathering(rows=rows, size=size)
    for offset in range(3):
        assert held.due(0.0) == []
        held.add(MINERS, entry(offset))
    assert held.due(0.0) == [MINERS]


@given(
    sizes=st.lists(st.integers(1, 500), max_size=60),
    rows=st.integers(1, 20),
    most=st.integers(100, 2000),
)
def test_batches_keep_order_and_limits_and_leave_nothing(
    sizes: list[int], rows: int, most: int
) -> None:
    held = gathering(rows=rows, size=most)
    entries = [entry(offset, size=size) for offset, size in enumerate(sizes)]
    for one in entries:
        held.add(MINERS, one)
    taken: list[Entry] = []
    while batch := held.take(MINERS):
        assert len(batch) <= rows
        assert sum(one.size for one in batch) <= most or len(batch) == 1
        taken += batch
    assert taken == entries
    assert len(held) == 0


def test_what_was_not_sent_is_the_next_again() -> None:
    held = gathering(rows=2)
    for offset in range(3):
        held.add(MINERS, entry(offset))
    batch = held.take(MINERS)
    held.put_back(MINERS, batch)
    assert held.take(MINERS) == batch


def test_a_single_row_that_is_too_large_does_not_keep_batches_small_for_ever() -> None:
    held = gathering(rows=100)
    for offset in range(5000):
        held.add(MINERS, entry(offset, size=1))
    for rows in (100, 50, 25, 12, 6, 3, 2, 1):
        held.narrow(MINERS, rows)
    sizes = [len(held.take(MINERS)) for _ in range(60)]
    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (1, 100)


def test_after_too_much_at_once_batches_are_small() -> None:
    held = gathering(rows=100)
    held.narrow(MINERS, 10)
    held.narrow(MINERS, 300)
    for offset in range(20):
        held.add(MINERS, entry(offset))
    assert len(held.take(MINERS)) == 5
    held.narrow(MINERS, 1)
    assert len(held.take(MINERS)) == 1


def test_rows_of_partitions_that_went_are_forgotten_and_no_others() -> None:
    held = gathering()
    held.add(MINERS, entry(1, partition=0))
    held.add(MARKET, entry(1, partition=1))
    held.forget([0])
    assert (held.take(MINERS), len(held.take(MARKET))) == ([], 1)


def delivered(delivery: Delivery, length: int, bad: set[int]) -> int:
    """Send to a far side that refuses any call with a bad row in it; how many calls."""
    calls, halving = 0, Halving(length)
    for (piece,) in halving.pieces():
        calls += 1
        if not bad & set(piece):
            delivery.took(piece)
        elif not halving.refused(piece):
            delivery.refused(piece.start, "bad")
        if delivery.hopeless:
            break
    return calls


@given(length=st.integers(0, 200), bad=st.sets(st.integers(0, 199), max_size=10))
def test_each_row_is_taken_or_found_to_be_the_culprit_and_never_both(
    length: int, bad: set[int]
) -> None:
    delivery = Delivery()
    delivered(delivery, length, bad)
    there = bad & set(range(length))
    assert set(delivery.culprits) == there
    assert sorted(delivery.taken) == [row for row in range(length) if row not in there]


def test_a_culprit_among_a_thousand_is_found_in_few_calls() -> None:
    delivery = Delivery()
    assert delivered(delivery, 1000, {617}) <= 2 * 10 + 1
    assert delivery.culprits == {617: "bad"}


def test_too_many_refused_in_a_row_are_not_to_blame() -> None:
    delivery = Delivery(hopeless_at=50)
    delivered(delivery, 1000, set(range(1000)))
    assert delivery.hopeless
    trickle = Delivery(refused_in_a_row=49, hopeless_at=50)
    delivered(trickle, 1, {0})
    assert trickle.hopeless


def test_one_row_taken_shows_that_the_others_are_to_blame() -> None:
    delivery = Delivery(refused_in_a_row=49, hopeless_at=50)
    delivered(delivery, 60, set(range(1, 45)))
    assert not delivery.hopeless
    assert delivery.taken[0] == 0


@given(data=st.data(), count=st.integers(1, 30))
def test_what_is_committed_was_done_in_whatever_order(data: st.DataObject, count: int) -> None:
    offsets, done = Offsets(), set[int]()
    for offset in range(100, 100 + count):
        offsets.read(Place(3, offset))
    assert offsets.untold() == {}
    for offset in data.draw(st.permutations(range(100, 100 + count))):
        offsets.done(Place(3, offset))
        done.add(offset)
        position = offsets.positions()[3]
        assert set(range(100, position)) <= done
        assert position == 100 + count or position not in done
    assert offsets.untold() == {3: 100 + count}
    offsets.told({3: 100 + count})
    assert offsets.untold() == {}


def test_a_partition_that_came_back_begins_anew() -> None:
    offsets = Offsets()
    offsets.read(Place(0, 7))
    offsets.forget([0])
    assert not offsets.holds(Place(0, 7))
    offsets.done(Place(0, 7))
    offsets.told({0: 8})
    assert offsets.positions() == offsets.untold() == {}
    offsets.read(Place(0, 7))
    offsets.done(Place(0, 7))
    assert offsets.untold() == {0: 8}
