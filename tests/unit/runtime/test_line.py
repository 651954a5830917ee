"""Who of those that wait is next: the important, and now and then each of the others."""

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.scheduling.line import PATIENCE, SHARE, Line, Waiting

INTERVALS = 60


def overloaded(turns: int, *, important: int, usual: int) -> dict[str, list[int]]:
    """When each target went, in intervals, if so many turns are free in each of them."""
    line, went, number = Line(), defaultdict[str, list[int]](list), 0
    for interval in range(INTERVALS):
        names = {f"important{one}": -5 for one in range(important)}
        names |= {f"usual{one}": 0 for one in range(usual)}
        for target, rank in names.items():
            if target in line:
                line.pass_over(target)
            else:
                number += 1
                line.put(Waiting(rank, number, target, float(interval)))
        for _ in range(turns):
            if (first := line.take()) is not None:
                went[first.target].append(interval)
    return went


@pytest.mark.parametrize(
    ("turns", "important", "usual"), [(40, 40, 40), (40, 30, 50), (50, 10, 90)]
)
def test_under_lasting_overload_each_target_goes_within_ten_of_its_intervals(
    turns: int, important: int, usual: int
) -> None:
    went = overloaded(turns, important=important, usual=usual)
    for number in range(usual):
        at = [-1, *went[f"usual{number}"], INTERVALS]
        assert max(after - before for before, after in pairwise(at)) <= 10


def test_the_important_lose_no_more_than_a_quarter_to_those_left_out() -> None:
    went = overloaded(20, important=20, usual=400)
    important = sum(len(went[f"important{number}"]) for number in range(20))
    assert important >= 20 * INTERVALS * 3 / 4
    assert all(went[f"important{number}"] for number in range(20))


def test_without_overload_nobody_is_left_out_and_the_important_go_first() -> None:
    went = overloaded(100, important=10, usual=90)
    assert all(len(each) == INTERVALS for each in went.values())
    line = Line()
    for number, rank in enumerate((0, -5, 0, -5)):
        line.put(Waiting(rank, number, str(number), 0.0))
    assert [one.target for _ in range(4) if (one := line.take())] == ["1", "3", "0", "2"]


def test_who_went_or_was_dropped_has_no_age_left() -> None:
    line = Line()
    for target in ("went", "dropped"):
        line.put(Waiting(0, 1, target, 0.0))
        for _ in range(PATIENCE):
            line.pass_over(target)
    line.drop("dropped")
    first = line.take()
    assert first is not None
    assert first.target == "went"
    for number in range(SHARE * 2):
        line.put(Waiting(-5, number, f"important{number}", 0.0))
    line.put(Waiting(0, 99, "went", 0.0))
    order = [one.target for _ in range(SHARE * 2) if (one := line.take())]
    assert "went" not in order


@given(st.lists(st.tuples(st.sampled_from(["put", "pass", "take", "drop"]), st.integers(0, 9))))
def test_whatever_happens_each_that_waits_goes_once(steps: list[tuple[str, int]]) -> None:
    line, waits = Line(), set[str]()
    for number, (step, which) in enumerate(steps):
        target = f"t{which}"
        match step:
            case "put":
                line.put(Waiting(which % 3, number, target, 0.0))
                waits.add(target)
            case "pass" if target in line:
                line.pass_over(target)
            case "drop":
                line.drop(target)
                waits.discard(target)
            case "take" if (one := line.take()) is not None:
                waits.remove(one.target)
    while (one := line.take()) is not None:
        waits.remove(one.target)
    assert not waits
    assert not line
