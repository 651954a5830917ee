import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.errors import (
    BugError,
    MinestreamError,
    StoreRejectedError,
    StoreUnavailableError,
)
from minestream_runtime.halving import Halving, by_halves


class Store:
    """Takes no piece with a bad row in it, but for one that is to be set aside."""

    def __init__(self, bad: set[int]) -> None:
        self.bad = bad
        self.tries = 0
        self.passed: list[int] = []
        self.aside: dict[int, str] = {}

    async def take(self, piece: range, refusal: MinestreamError | None) -> None:
        self.tries += 1
        if refusal is not None:
            self.aside[piece.start] = str(refusal)
        elif self.bad & set(piece):
            raise StoreRejectedError(f"{len(piece)} rows")
        self.passed += piece


@given(st.integers(0, 200), st.sets(st.integers(0, 199)))
async def test_every_row_is_passed_once_in_order_and_exactly_the_bad_ones_are_set_aside(
    length: int, bad: set[int]
) -> None:
    store = Store(bad)
    await by_halves(length, store.take)
    assert store.passed == list(range(length))
    assert store.aside == {row: "1 rows" for row in bad if row < length}


async def test_one_bad_row_costs_only_logarithmically_many_tries() -> None:
    store = Store({1234})
    await by_halves(4096, store.take)
    assert store.tries <= 2 * 12 + 2


@pytest.mark.parametrize("error", [BugError("bug"), StoreUnavailableError("away")])
async def test_a_row_that_cannot_even_be_set_aside_stops_everything(error: MinestreamError) -> None:
    tried = list[int]()

    async def take(piece: range, refusal: MinestreamError | None) -> None:
        tried.append(piece.start)
        raise StoreRejectedError("bad") if refusal is None else error

    with pytest.raises(type(error)):
        await by_halves(2, take)
    assert tried == [0, 0, 0]


async def test_a_batch_is_not_halved_for_what_is_not_in_it() -> None:
    tried = list[range]()

    async def take(piece: range, _: MinestreamError | None) -> None:
        tried.append(piece)
        raise StoreUnavailableError("away")

    with pytest.raises(StoreUnavailableError):
        await by_halves(8, take)
    assert tried == [range(8)]


def test_single_rows_go_several_at_a_time_and_in_order() -> None:
    pieces = list(Halving(10, singly=True).pieces(4))
    assert [len(some) for some in pieces] == [4, 4, 2]
    assert [row for some in pieces for piece in some for row in piece] == list(range(10))
