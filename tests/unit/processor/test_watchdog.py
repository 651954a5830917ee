"""When the watchdog loses its patience; time is passed in."""

import itertools
import queue

import pytest

from processor.adapters.watchdog import Vitals, Watchdog, watch

BUSY = Vitals(busy=True, lag=0, processed=0, done={}, committed={})
WELL = Vitals(busy=False, lag=0, processed=9, done={1: 9}, committed={1: 9})


@pytest.fixture
def watchdog() -> Watchdog:
    return Watchdog(busy_budget_s=120, idle_budget_s=60, commit_budget_s=120)


def test_a_recovery_longer_than_its_budget_ends_the_process(watchdog: Watchdog) -> None:
    assert [watchdog.look(BUSY, at) for at in (0, 60, 120)] == [None] * 3
    assert watchdog.look(BUSY, 121) == "recovering_too_long"


def test_a_recovery_that_ends_in_time_starts_the_count_anew(watchdog: Watchdog) -> None:
    verdicts = [watchdog.look(v, at) for v, at in ((BUSY, 0), (WELL, 100), (BUSY, 110))]
    assert verdicts == [None] * 3
    assert watchdog.look(BUSY, 229) is None


def test_lagging_without_progress_ends_the_process(watchdog: Watchdog) -> None:
    stuck = Vitals(busy=False, lag=5, processed=9, done={}, committed={})
    assert [watchdog.look(stuck, at) for at in (0, 2, 62)] == [None] * 3
    assert watchdog.look(stuck, 63) == "lagging_but_idle"


def test_lagging_with_progress_is_well(watchdog: Watchdog) -> None:
    for at in range(0, 400, 2):
        moving = Vitals(busy=False, lag=500, processed=at, done={}, committed={})
        assert watchdog.look(moving, at) is None


def test_a_lag_that_kafka_does_not_tell_counts_as_one(watchdog: Watchdog) -> None:
    blind = Vitals(busy=False, lag=None, processed=9, done={}, committed={})
    assert [watchdog.look(blind, at) for at in (0, 2, 50)] == [None] * 3
    assert watchdog.look(blind, 63) == "lagging_but_idle"


def test_idle_without_lag_is_well(watchdog: Watchdog) -> None:
    assert all(watchdog.look(WELL, at) is None for at in range(0, 1000, 2))


def test_processing_without_a_commit_ends_the_process(watchdog: Watchdog) -> None:
    def at_work(at: int) -> Vitals:
        return Vitals(busy=False, lag=5, processed=at, done={1: 10 + at}, committed={1: 9})

    assert all(watchdog.look(at_work(at), at) is None for at in range(0, 122, 2))
    assert watchdog.look(at_work(124), 124) == "nothing_committed"


def test_a_commit_that_follows_is_well(watchdog: Watchdog) -> None:
    for at in range(0, 1000, 2):
        vitals = Vitals(busy=False, lag=5, processed=at, done={1: at + 5}, committed={1: at})
        assert watchdog.look(vitals, at) is None


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> queue.SimpleQueue[str]:
    """Why the process would have ended; a look every 5 ms."""
    why: queue.SimpleQueue[str] = queue.SimpleQueue()

    def instead(_: int, __: str, *, sign: str, **___: object) -> None:
        why.put(sign)

    monkeypatch.setattr("processor.adapters.watchdog.exit_now", instead)
    monkeypatch.setattr("processor.adapters.watchdog._LOOK_EVERY_S", 0.005)
    return why


def test_one_look_that_fails_does_not_end_the_watch(
    watchdog: Watchdog, ended: queue.SimpleQueue[str]
) -> None:
    looks = itertools.count()

    def vitals() -> Vitals:
        if next(looks) == 1:
            raise RuntimeError("Set changed size during iteration")
        return Vitals(busy=True, lag=0, processed=0, done={}, committed={})

    seconds = itertools.count(step=10)
    over = watch(watchdog, vitals, lambda: float(next(seconds)))
    assert ended.get(timeout=20) == "recovering_too_long"
    over()


def test_a_watch_that_sees_nothing_for_a_minute_ends_the_process(
    watchdog: Watchdog, ended: queue.SimpleQueue[str]
) -> None:
    def vitals() -> Vitals:
        raise RuntimeError("Faust is not there")

    seconds = itertools.count(step=10)
    over = watch(watchdog, vitals, lambda: float(next(seconds)))
    assert ended.get(timeout=20) == "vitals_unreadable"
    over()
    assert next(seconds) >= 70
