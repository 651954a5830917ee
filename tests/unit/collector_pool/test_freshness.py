"""A source is fresh while it says something new; else that is a gap."""

from datetime import UTC, datetime, timedelta

from collector_pool.domain.freshness import Freshness, Silence

START = datetime(2026, 11, 21, 14, tzinfo=UTC)
LIMIT = timedelta(minutes=10)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def listening() -> Freshness:
    return Freshness(START, LIMIT)


def test_ten_minutes_are_fresh_and_a_second_more_is_a_gap_since_the_newest() -> None:
    source = listening()
    source.said("a", "1", at(1), pushed=True)
    assert source.fresh(at(11))
    assert source.look(at(11)) is None
    assert not source.fresh(at(11) + timedelta(seconds=1))
    assert source.look(at(11) + timedelta(seconds=1)) == Silence(at(1))


def test_a_gap_is_told_once_and_again_when_it_ends() -> None:
    source = listening()
    assert source.look(at(11)) == Silence(START), "nothing was said since we listen"
    assert source.look(at(12)) is None
    source.said("a", "1", at(13), pushed=True)
    assert source.look(at(13)) == Silence(START, at(13))
    assert source.look(at(14)) is None


def test_the_same_answer_again_is_nothing_new_but_the_same_push_is() -> None:
    source = listening()
    source.said("wallet", "{}", at(1), pushed=False)
    source.said("wallet", "{}", at(9), pushed=False)
    assert source.newest == at(1)
    source.said("wallet", "{}", at(9), pushed=True)
    assert source.newest == at(9)


def test_what_the_source_computed_long_ago_is_old_however_often_it_says_so() -> None:
    source = listening()
    for minute in range(1, 15):
        source.said("rates", f"{minute}", at(1), pushed=True)
    assert not source.fresh(at(12))
    assert source.age_s(at(12)) == 660.0


def test_a_gap_of_before_a_restart_is_closed_by_the_first_news() -> None:
    source = Freshness(at(30), LIMIT, at(5))
    assert source.look(at(31)) is None
    source.said("a", "1", at(32), pushed=True)
    assert source.look(at(32)) == Silence(at(5), at(32))


def test_names_that_a_pool_makes_up_for_ever_fill_no_memory() -> None:
    source = listening()
    source.said("wallet", "{}", at(1), pushed=False)
    for number in range(150_000):
        source.said(f"worker {number}", "{}", at(1), pushed=True)
        if number % 1000 == 0:
            source.said("wallet", "{}", at(2), pushed=False)
    assert len(source._last) == 100_000
    source.said("wallet", "{}", at(9), pushed=False)
    assert source.newest == at(1), "what is asked for again and again is not forgotten"
