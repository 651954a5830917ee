"""When a breaker opens, how long it rests, and who tells that it is well again."""

from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.breaker import DEFAULT, Breaker, Manners, State

THREE = Manners(3, 30.0)


def test_unless_told_otherwise_five_failures_are_a_rest_of_a_minute() -> None:
    assert Manners(5, 60.0) == DEFAULT


def test_it_opens_at_the_third_failure_in_a_row_and_not_before() -> None:
    breaker = Breaker(THREE)
    for at_s in (0.0, 1.0):
        breaker.failed(at_s)
        assert breaker.allows(at_s)
    breaker.succeeded()
    for at_s in (2.0, 3.0, 4.0):
        assert breaker.allows(at_s)
        breaker.failed(at_s)
    assert breaker.state is State.OPEN
    assert not breaker.allows(33.9)


def test_after_its_rest_one_question_decides() -> None:
    breaker = Breaker(THREE)
    for _ in range(3):
        breaker.failed(0.0)
    assert breaker.allows(30.0)
    assert breaker.state is State.HALF_OPEN
    assert not breaker.allows(30.1), "the others wait for the one"
    breaker.failed(31.0)
    assert not breaker.allows(60.9)
    assert breaker.allows(61.0)
    breaker.succeeded()
    assert all(breaker.allows(61.1) for _ in range(2)), "nobody waits any more"


def test_who_never_tells_how_it_went_does_not_close_the_door_for_ever() -> None:
    breaker = Breaker(THREE)
    for _ in range(3):
        breaker.failed(0.0)
    assert breaker.allows(30.0)
    assert not breaker.allows(59.0)
    assert breaker.allows(60.0)


def test_its_rest_doubles_up_to_a_limit() -> None:
    breaker, at_s, rests_s = Breaker(Manners(1, 30.0, most_rest_s=300.0)), 0.0, []
    for _ in range(6):
        assert breaker.allows(at_s)
        breaker.failed(at_s)
        began_s = at_s
        while not breaker.allows(at_s):
            at_s += 1.0
        rests_s.append(at_s - began_s)
        at_s += 30.0  # the question above is never answered
    assert rests_s == [30.0, 60.0, 120.0, 240.0, 300.0, 300.0]


def test_once_it_was_well_its_rests_begin_short_again() -> None:
    breaker = Breaker(Manners(1, 30.0, most_rest_s=300.0))
    breaker.failed(0.0)
    assert breaker.allows(30.0)
    breaker.failed(30.0)
    assert not breaker.allows(89.0)
    assert breaker.allows(90.0)
    breaker.succeeded()
    breaker.failed(100.0)
    assert not breaker.allows(129.0)
    assert breaker.allows(130.0)


def test_every_change_is_told() -> None:
    seen: list[tuple[State, State]] = []
    breaker = Breaker(Manners(1, 10.0), on_change=lambda *change: seen.append(change))
    breaker.failed(0.0)
    breaker.allows(10.0)
    breaker.succeeded()
    breaker.succeeded()
    assert seen == [
        (State.CLOSED, State.OPEN),
        (State.OPEN, State.HALF_OPEN),
        (State.HALF_OPEN, State.CLOSED),
    ]


@given(st.lists(st.tuples(st.sampled_from("aft"), st.floats(0, 100)), max_size=60))
def test_no_history_leaves_it_open_for_longer_than_its_rest(
    history: list[tuple[str, float]],
) -> None:
    breaker, at_s = Breaker(Manners(3, 30.0, most_rest_s=120.0)), 0.0
    for what, step_s in history:
        at_s += step_s
        if what == "a":
            breaker.allows(at_s)
        elif what == "f":
            breaker.failed(at_s)
        else:
            breaker.succeeded()
    assert breaker.allows(at_s + 120.0)
