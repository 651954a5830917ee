"""What was known as of an instant: of rates and prices, of workers, of names."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_schemas.pool import PoolWorker
from minestream_schemas.units import Algorithm
from processor.adapters.state_codec import decode_pool, encode_pool
from processor.domain.asof import History, Span
from processor.domain.miner_state import SECOND_US
from processor.domain.pool_state import KEPT, PoolSaid, PoolState, remember, row_of, said_at
from processor.domain.references import AMBIGUOUS, Limits, Network, References, Workers

MINUTE_US = 60 * SECOND_US
SPAN = Span(fine_us=60 * MINUTE_US, coarse_us=MINUTE_US, kept_us=7 * 24 * 60 * MINUTE_US)

said = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), max_size=30)


@given(said, st.randoms(use_true_random=False), st.integers(-5, 60), st.integers(0, 60))
def test_a_history_answers_by_event_time_in_whatever_order_it_learnt(
    values: list[tuple[int, int]], shuffle: Callable[..., None], at: int, age: int
) -> None:
    history: History[int] = History(SPAN)
    order = [*values, *values]
    shuffle.shuffle(order)  # type: ignore[attr-defined] # hypothesis' Random
    for when, who in order:
        history.add(when, bytes([who]), when * 10 + who)
    assert len(history) == len(set(values))
    newest = max((one for one in values if one[0] <= at), default=None)
    found = history.at(at, max_age_us=age)
    if newest is None or at - newest[0] > age:
        assert found is None
    else:
        assert found == (newest[0], newest[0] * 10 + newest[1])


def test_a_history_of_seven_days_keeps_a_minutes_grain_and_the_last_hour_whole() -> None:
    history: History[int] = History(SPAN)
    seconds = 9 * 24 * 3600
    for second in range(0, seconds, 10):
        history.add(second * SECOND_US, bytes(16), second)
    assert len(history) < 7 * 24 * 60 + 360 + 4096 + 2
    end_us = (seconds - 10) * SECOND_US
    for back_s, grain_s in ((0, 10), (3500, 10), (86_400, 60), (6 * 86_400, 60)):
        found = history.at(end_us - back_s * SECOND_US, max_age_us=MINUTE_US)
        assert found is not None
        assert end_us - back_s * SECOND_US - found.at_us < grain_s * SECOND_US
    assert history.at(0, max_age_us=MINUTE_US) is None


def references() -> References:
    known = References(Limits())
    for minute, usd in enumerate((1e-10, 2e-10, 3e-10)):
        known.note_rate(
            Algorithm.SCRYPT,
            "prohashing",
            at_us=minute * MINUTE_US,
            event_id=bytes(16),
            usd=usd,
            fee_ratio=None,
        )
    return known


@pytest.mark.parametrize(
    ("minute", "usd"),
    [(-1, None), (0, 1e-10), (0.99, 1e-10), (1, 2e-10), (12, 3e-10), (12.01, None)],
)
def test_a_pools_rate_counts_from_its_instant_on_for_ten_minutes(
    minute: float, usd: float | None
) -> None:
    quote = references().quote(Algorithm.SCRYPT, "prohashing", round(minute * MINUTE_US))
    assert (quote and quote.usd_per_hs_day) == usd


def test_a_stale_pool_rate_gives_way_to_the_networks() -> None:
    known = references()
    for coin in ("litecoin", "dogecoin"):
        known.note_price(coin, at_us=0, event_id=bytes(16), usd=1.0)
        known.note_network(coin, at_us=0, event_id=bytes(16), network=Network(1.0, 1.0))
    bases = [
        (quote and quote.basis)
        for minute in (12, 13, 120, 121)
        for quote in [known.quote(Algorithm.SCRYPT, "prohashing", minute * MINUTE_US)]
    ]
    assert bases == ["pool_rate", "network", "network", None]


def test_of_several_pools_only_the_miners_own_rate_counts() -> None:
    known = references()
    known.note_rate(
        Algorithm.SCRYPT, "other", at_us=0, event_id=bytes(16), usd=9e-10, fee_ratio=None
    )
    assert known.quote(Algorithm.SCRYPT, None, MINUTE_US) is None
    for pool, usd in (("prohashing", 2e-10), ("other", 9e-10)):
        quote = known.quote(Algorithm.SCRYPT, pool, MINUTE_US)
        assert quote is not None
        assert quote.usd_per_hs_day == usd
    assert known.quote(Algorithm.SCRYPT, "third", MINUTE_US) is None


def test_nothing_is_quoted_for_an_unknown_algorithm() -> None:
    assert references().quote(Algorithm.UNKNOWN, "prohashing", MINUTE_US) is None


def test_the_first_price_of_a_bucket_is_the_same_whoever_tells_of_it_and_when() -> None:
    known = References(Limits(bucket_us=100))
    told = [(0, 5), (40, 6), (99, 7), (100, 8), (50, 9), (150, 10)]
    firsts = [known.first_of_bucket("litecoin", at_us=at, offset=offset) for at, offset in told]
    assert firsts == [True, False, False, True, False, False]
    again = [known.first_of_bucket("litecoin", at_us=at, offset=offset) for at, offset in told]
    assert again == firsts
    assert known.first_of_bucket("dogecoin", at_us=0, offset=11)


def worker(name: str, miner: str | None) -> PoolWorker:
    return PoolWorker(
        event_id=UUID(int=2),
        raw_event_id=UUID(int=1),
        subject=miner or f"main/{name}",
        ts=datetime(2026, 1, 1, tzinfo=UTC),
        account_id="main",
        pool="prohashing",
        worker=name,
        miner_id=miner,
        site_id="site-a" if miner else None,
    )


def test_a_worker_is_the_miners_whose_name_the_inventory_has_and_nobodys_where_two_have_it() -> (
    None
):
    workers = Workers()
    workers.enter("miner-a", "site-a", ("rig-1", "main.rig-9"))
    workers.enter("miner-b", "site-b", ("rig-2", "main.rig-9"))
    assert workers.home_of("rig-1") == ("miner-a", "site-a")
    assert workers.home_of("rig-3") is None
    assert workers.home_of("main.rig-9") is None
    assert workers.ambiguous("main.rig-9")
    by_short_name = workers.checked(worker("main.rig-9", "miner-a"))
    assert (by_short_name.miner_id, by_short_name.site_id) == (None, None)
    assert by_short_name.subject == "main/main.rig-9"
    assert by_short_name.quality_flags == (AMBIGUOUS,)
    sure = worker("rig-1", "miner-a")
    assert workers.checked(sure) is sure


def test_a_renamed_or_removed_miner_leaves_its_names_free() -> None:
    workers = Workers()
    workers.enter("miner-a", "site-a", ("rig-1",))
    workers.enter("miner-a", "site-a", ("rig-2",))
    workers.enter("miner-b", "site-a", ("rig-1",))
    assert workers.home_of("rig-1") == ("miner-b", "site-a")
    workers.remove("miner-a")
    assert workers.home_of("rig-2") is None
    assert "miner-a" not in workers
    assert len(workers) == 1
    workers.remove("miner-a")


heard = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 3)), min_size=1, max_size=7)


@given(heard, st.integers(-5, 120))
def test_what_a_pool_said_is_found_by_event_time_and_a_repeat_changes_nothing(
    events: list[tuple[int, int]], at: int
) -> None:
    state = PoolState()
    for when, rate in events:
        state = remember(state, PoolSaid(when, float(rate), "Litecoin", "prohashing"))
        assert decode_pool(encode_pool(state)) == state
    for when, rate in events:
        assert remember(state, PoolSaid(when, float(rate), "Litecoin", "prohashing")) == state
    past = [one for one in events if one[0] <= at]
    found = said_at(state, at, max_age_us=20)
    if not past or at - max(past)[0] > 20:
        assert found is None
    else:
        assert found is not None
        assert (found.at_us, found.hashrate_hs) == max(past)


def test_a_worker_heard_of_each_ten_seconds_is_remembered_for_most_of_an_hour() -> None:
    state = PoolState()
    for number in range(1000):
        state = remember(state, PoolSaid(number * 10 * SECOND_US, float(number)))
    assert len(state.said) == KEPT
    newest_us = state.said[-1].at_us
    for minutes in range(50):
        at_us = newest_us - minutes * MINUTE_US
        found = said_at(state, at_us, max_age_us=MINUTE_US)
        assert found is not None


def test_of_two_workers_of_one_miner_in_one_snapshot_the_faster_stays_whatever_the_order() -> None:
    two = [PoolSaid(5, 1.0, "Litecoin", "a"), PoolSaid(5, 2.0, "Dogecoin", "a")]
    for order in (two, two[::-1]):
        state = PoolState()
        for one in order:
            state = remember(state, one)
        assert state.said == (two[1],)


def test_a_worker_has_one_row_in_each_bucket_and_the_same_one_at_a_repeat() -> None:
    state, told = PoolState(), []
    for number, at in enumerate((0, 40, 100, 150, 90, 200)):
        state, row = row_of(
            state, event_id=bytes([number]), at_us=at, every_us=100, usd_per_hs_day=float(number)
        )
        told.append(row and row.bucket_us)
    assert told == [0, None, 100, None, None, 200]
    after, again = row_of(state, event_id=bytes([2]), at_us=100, every_us=100, usd_per_hs_day=77.0)
    assert after == state
    assert again is not None
    assert again.usd_per_hs_day == 2.0
