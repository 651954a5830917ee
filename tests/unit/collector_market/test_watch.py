"""Fresh, stale, silent: by how long ago something new was said."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector_market.domain.watch import Limits, State, Watch, heard, state_of

BEGAN = datetime(2026, 11, 21, tzinfo=UTC)
LIMITS = Limits(silent_after=timedelta(seconds=30), stale_after=timedelta(seconds=90))


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def after(*answers: tuple[float, bytes], changes: bool = True) -> Watch:
    watch = Watch(BEGAN)
    for when, mark in answers:
        watch = heard(watch, at=at(when), mark=mark, changes=changes)
    return watch


@pytest.mark.parametrize(
    ("watch", "when", "state"),
    [
        (after(), 30, State.FRESH),  # it has its time to answer first
        (after(), 31, State.SILENT),
        (after((10, b"a")), 40, State.FRESH),
        (after((10, b"a")), 41, State.SILENT),
        (after((10, b"a"), (40, b"b")), 70, State.FRESH),
        (after((10, b"a"), (40, b"a"), (60, b"a")), 80, State.FRESH),  # not changed for 70 s
        (after((10, b"a"), (40, b"a"), (70, b"a"), (100, b"a")), 101, State.STALE),
        (after((10, b"a"), (40, b"a"), (70, b"a"), (100, b"a")), 131, State.SILENT),
        (after((10, b"a"), (70, b"a"), (100, b"b")), 101, State.FRESH),
    ],
)
def test_a_source_that_changes_is_known_as(watch: Watch, when: float, state: State) -> None:
    assert state_of(watch, at(when), LIMITS) is state


def test_a_chain_may_say_the_same_for_long() -> None:
    watch = after(*((10.0 * i, b"a") for i in range(60)), changes=False)
    assert state_of(watch, at(600), LIMITS) is State.FRESH
    assert watch.fresh_at == at(590)


def test_an_older_answer_takes_nothing_back() -> None:
    """A kept answer of a source may be handed out after a newer one of another."""
    watch = after((100, b"a"), (50, b"b"), changes=False)
    assert watch.fresh_at == at(100)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.binary(max_size=1)), max_size=20), st.booleans())
def test_what_is_covered_never_shrinks(answers: list[tuple[float, bytes]], changes: bool) -> None:  # noqa: FBT001 - hypothesis gives it by place
    watch = Watch(BEGAN)
    for when, mark in answers:
        following = heard(watch, at=at(when), mark=mark, changes=changes)
        assert following.fresh_at >= watch.fresh_at
        watch = following
