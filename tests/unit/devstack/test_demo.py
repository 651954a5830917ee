"""The demonstration's decisions."""

import pytest

from minestream_devstack.demo import FOREIGN, Watch, World, refuse_what_is_not_ours
from minestream_devstack.supervision import State
from minestream_runtime.errors import ConfigurationError


@pytest.mark.parametrize(("miners", "interval_s"), [(1, 5), (24, 5), (200, 5), (1000, 25)])
def test_the_poll_interval_grows_with_the_fleet(miners: int, interval_s: float) -> None:
    assert World(miners, seed=1).interval_s == interval_s


def state(phase: str, pid: int | None) -> State:
    return State("processor", phase, pid, 0)


def test_a_program_that_stays_up_is_never_named() -> None:
    watch = Watch()
    assert watch.look([state("RUNNING", 7)]) == []
    assert watch.look([state("RUNNING", 7)]) == []
    assert watch.fallen == set()


def test_a_restart_between_two_looks_is_noticed() -> None:
    watch = Watch()
    watch.look([state("RUNNING", 7)])
    assert watch.look([state("RUNNING", 8)]) == ["processor"]
    assert watch.look([state("RUNNING", 8)]) == []
    assert watch.fallen == {"processor"}


def test_a_program_that_lies_down_is_named_once() -> None:
    watch = Watch()
    watch.look([state("RUNNING", 7)])
    assert watch.look([state("BACKOFF", None)]) == ["processor"]
    assert watch.look([state("BACKOFF", None)]) == []


def test_a_program_that_is_told_to_stop_has_not_fallen() -> None:
    watch = Watch()
    watch.look([state("RUNNING", 7)])
    assert watch.look([state("STOPPING", 7)]) == []
    assert watch.look([state("STOPPED", None)]) == []
    assert watch.fallen == set()


@pytest.mark.parametrize("name", FOREIGN)
def test_servers_of_others_are_left_alone(name: str) -> None:
    refuse_what_is_not_ours({})
    with pytest.raises(ConfigurationError, match=name):
        refuse_what_is_not_ours({name: "somewhere"})
