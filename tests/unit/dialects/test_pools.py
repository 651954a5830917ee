"""What each pool's recorded answers mean, by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from pydantic import TypeAdapter
from tests.unit.dialects.pool_snapshots import (
    AT,
    SNAPSHOTS,
    body,
    message,
    nobody,
    of_files,
    recorded,
)

from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import (
    PayoutKind,
    PayoutScheme,
    PoolBalance,
    PoolStats,
    PoolWorker,
)
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

T = TypeVar("T")


def _told(pool: str, kind: type[T], **fields: Any) -> list[T]:
    told = normalise(message(pool, of_files(SNAPSHOTS[pool]), **fields), miner_of=nobody)
    return [each for each in told if isinstance(each, kind)]


def _figures(stats: PoolStats) -> dict[str, Any]:
    """What is said, without identity."""
    named = {"event_id", "raw_event_id", "subject", "ts", "account_id", "pool"}
    said = stats.model_dump(exclude_none=True, exclude=named)
    return {key: value for key, value in said.items() if value != () and value is not False}


def _at(epoch_s: float) -> datetime:
    return datetime.fromtimestamp(epoch_s, UTC)


EXPECTED: dict[str, list[dict[str, Any]]] = {
    "ocean": [
        {
            "algorithm": Algorithm.SHA256D,
            "coin": "bitcoin",
            "hashrate_hs": 101e12,
            "hashrate_1h_hs": 100.2e12,
            "hashrate_24h_hs": 99.9e12,
            "workers_total": 2,
            "workers_active": 2,
            "last_share_at": _at(1789999940),
            "unpaid_coins": 0.00012345,
            "payout_scheme": "TIDES",
            "payout_kind": PayoutKind.PER_BLOCK,
            "payout_threshold_coins": 0.01048576,
            "next_payout_coins": 0.39958017,
        }
    ],
    "braiins": [
        {
            "algorithm": Algorithm.SHA256D,
            "coin": "bitcoin",
            "hashrate_hs": 27978e9,
            "hashrate_1h_hs": 28191e9,
            "hashrate_24h_hs": 28357e9,
            "workers_total": 2,
            "workers_active": 1,
            "last_share_at": _at(1542103204),
            "unpaid_coins": 0.00765122,
            "payout_scheme": "FPPS",
            "payout_kind": PayoutKind.DAILY,
        }
    ],
    "litecoinpool": [
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "litecoin",
            "merged_coins": ("dogecoin",),
            "hashrate_hs": 34123456.7 * 1e3,
            "workers_total": 2,
            "workers_active": 1,
            "last_share_at": _at(1790000000),
            "unpaid_coins": 0.11,
            "paid_coins": 12.3,
            "payout_scheme": "PPS",
            "payout_kind": PayoutKind.THRESHOLD,
        },
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "dogecoin",
            "unpaid_coins": 234.1,
            "paid_coins": 51000.0,
            "payout_scheme": "PPS",
            "payout_kind": PayoutKind.THRESHOLD,
        },
    ],
    "f2pool": [
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "litecoin",
            "hashrate_hs": 33.9e9,
            "hashrate_1h_hs": 34.01e9,
            "hashrate_24h_hs": 33.75e9,
            "workers_total": 2,
            "workers_active": 1,
            "last_share_at": _at(1790000000),
            "unpaid_coins": 0.08123456,
            "paid_coins": 12.5,
            "merged_coins": ("dogecoin",),
            "payout_scheme": "PPS+",
            "payout_kind": PayoutKind.DAILY,
            "payout_threshold_coins": 0.02,
        },
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "dogecoin",
            "unpaid_coins": 210.75,
            "paid_coins": 46000.5,
            "payout_scheme": "PPS+",
            "payout_kind": PayoutKind.DAILY,
            "payout_threshold_coins": 40.0,
        },
    ],
    "viabtc": [
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "litecoin",
            "hashrate_hs": 747667906887.0,
            "hashrate_1h_hs": 124611317814.0,
            "hashrate_24h_hs": 0.0,
            "workers_total": 2,
            "workers_active": 1,
            "last_share_at": _at(1545811200),
            "unpaid_coins": 0.31,
            "merged_coins": ("dogecoin",),
            "payout_scheme": "PPS+",
            "payout_kind": PayoutKind.DAILY,
        },
        {
            "algorithm": Algorithm.SCRYPT,
            "coin": "dogecoin",
            "unpaid_coins": 120.5,
            "payout_scheme": "PPS+",
            "payout_kind": PayoutKind.DAILY,
        },
    ],
}
COIN: dict[str, dict[str, Any]] = {"f2pool": {"coin": "litecoin"}, "viabtc": {"coin": "litecoin"}}


@pytest.mark.parametrize("pool", sorted(SNAPSHOTS))
def test_an_account_is_read_exactly(pool: str) -> None:
    stats = _told(pool, PoolStats, **COIN.get(pool, {}))
    assert [_figures(each) for each in stats] == EXPECTED[pool]
    assert {each.ts for each in stats} == {AT}
    assert [each.subject for each in stats] == [
        f"{pool}-main/{each['coin']}" for each in EXPECTED[pool]
    ]


def test_there_is_a_golden_account_of_every_pool() -> None:
    assert set(POOLS) == set(EXPECTED) == set(SNAPSHOTS)


Seen = tuple[str, float | None, float | None, str | None, datetime | None]
WORKERS: dict[str, Sequence[Seen]] = {
    "ocean": [
        ("bc1qexample.worker1", 101e12, 99.9e12, None, None),
        ("bc1qexample.worker2", 0.0, 51e12, None, None),
    ],
    "braiins": [
        ("username.worker1", 14977e9, 15351e9, "online", _at(1542103204)),
        ("username.worker2", 13001e9, 13006e9, "offline", _at(1542103200)),
    ],
    "litecoinpool": [
        ("exampleuser.1", 17061728.3 * 1e3, 17001234.5 * 1e3, "online", _at(1790000000)),
        ("exampleuser.2", 0.0, 8123456.1 * 1e3, "offline", _at(1789950000)),
    ],
    "f2pool": [
        ("l9001", 16.95e9, 16.88e9, "online", _at(1790000000)),
        ("l9002", 0.0, 8.2e9, "offline", _at(1789950000)),
    ],
    "viabtc": [
        ("1x1", 278542945703.0, 0.0, "online", _at(1545811200)),
        ("1x1", 0.0, 0.0, "offline", _at(1545808266)),
    ],
}


@pytest.mark.parametrize("pool", sorted(WORKERS))
def test_workers_are_read_exactly(pool: str) -> None:
    workers = _told(pool, PoolWorker, **COIN.get(pool, {}))
    seen = [
        (each.worker, each.hashrate_hs, each.hashrate_24h_hs, each.state, each.last_share_at)
        for each in workers
    ]
    assert seen == WORKERS[pool]
    assert {each.quality_flags for each in workers} == {("miner_unknown",)}
    assert len({each.event_id for each in workers}) == len(workers)
    assert {each.payout_scheme for each in workers} == {POOLS[pool].scheme}


def test_shares_that_are_texts_are_counts() -> None:
    first, _ = _told("litecoinpool", PoolWorker)
    assert (first.shares_total, first.stale_total, first.rejected_total) == (765502976, 209415, 802)
    assert first.merged_coins == ("dogecoin",)


def test_a_capture_of_2016_without_dogecoin_is_read_too() -> None:
    raw = message("litecoinpool", {"api": recorded("litecoinpool_api_2016.json")})
    told = normalise(raw, miner_of=nobody)
    stats = [each for each in told if isinstance(each, PoolStats)]
    assert [(each.coin, each.unpaid_coins) for each in stats] == [("litecoin", 0.000595109232)]
    assert stats[0].workers_active is None  # nobody says who is connected
    assert stats[0].quality_flags == ()
    assert [each.shares_total for each in told if isinstance(each, PoolWorker)] == [6176, 0, 0]


def test_older_documentation_tells_satoshi_where_the_pool_now_tells_bitcoin() -> None:
    answers = of_files(SNAPSHOTS["ocean"]) | {"statsnap": recorded("ocean_statsnap.json")}
    (stats,) = [
        each
        for each in normalise(message("ocean", answers), miner_of=nobody)
        if isinstance(each, PoolStats)
    ]
    assert (stats.unpaid_coins, stats.next_payout_coins) == (0.0005, 0.0015)


def test_a_hashrate_beyond_an_exahash_is_no_fault() -> None:
    answers = {"user_hashrate": {"result": {"hashrate_60s": "2012345678901234567"}}}
    (stats, *_) = normalise(message("ocean", answers), miner_of=nobody)
    assert isinstance(stats, PoolStats)
    assert stats.hashrate_hs == pytest.approx(2.012345678901234567e18)


def test_workers_are_joined_by_name_with_or_without_the_account() -> None:
    homes = {"worker1": ("site-a-r01-s01", "site-a"), "username.worker2": ("site-b-r02", "site-b")}
    raw = message("braiins", of_files(SNAPSHOTS["braiins"]))
    workers = [each for each in normalise(raw, miner_of=homes.get) if isinstance(each, PoolWorker)]
    assert [(each.subject, each.site_id) for each in workers] == [
        ("site-a-r01-s01", "site-a"),
        ("site-b-r02", "site-b"),
    ]


def test_pages_of_a_list_are_one_list() -> None:
    answers = of_files(SNAPSHOTS["viabtc"])
    page = recorded("viabtc_workers.json")
    page["data"]["data"] = [page["data"]["data"][0] | {"worker_name": "2x2", "worker_id": 371}]
    raw = message("viabtc", answers | {"workers#2": page}, coin="litecoin")
    workers = [each for each in normalise(raw, miner_of=nobody) if isinstance(each, PoolWorker)]
    assert [each.worker for each in workers] == ["1x1", "1x1", "2x2"]


def test_an_endpoint_that_failed_costs_its_own_figures() -> None:
    answers: dict[str, Any] = of_files(SNAPSHOTS["braiins"])
    answers["profile"] = body("", status=PollStatus.TIMEOUT)
    told = normalise(message("braiins", answers, status=PollStatus.PARTIAL), miner_of=nobody)
    (stats,) = [each for each in told if isinstance(each, PoolStats)]
    assert (stats.hashrate_hs, stats.unpaid_coins) == (None, None)
    assert stats.quality_flags == ("endpoint_missing:profile",)
    assert len([each for each in told if isinstance(each, PoolWorker)]) == 2
    assert not [each for each in told if isinstance(each, PoolBalance)]


def test_an_old_answer_is_marked_and_tells_no_worker_twice() -> None:
    fresh = _told("braiins", PoolWorker)
    later = {"received_at": AT + timedelta(minutes=5), "stale_endpoints": ("workers", "profile")}
    (stats,) = _told("braiins", PoolStats, **later)
    assert stats.stale
    assert "endpoint_stale:workers" in stats.quality_flags
    assert [each.event_id for each in _told("braiins", PoolWorker, **later)] == [
        each.event_id for each in fresh
    ]
    assert not _told("braiins", PoolBalance, **later)


def test_a_unit_that_nobody_knows_leaves_the_hashrate_unknown() -> None:
    answers = of_files(SNAPSHOTS["braiins"])
    answers["profile"]["btc"]["hash_rate_unit"] = "zh/s"
    raw = message("braiins", answers)
    (stats,) = [each for each in normalise(raw, miner_of=nobody) if isinstance(each, PoolStats)]
    assert stats.hashrate_hs is None
    assert "unit_unknown" in stats.quality_flags


@pytest.mark.parametrize(
    ("pool", "where", "value", "flag"),
    [
        ("ocean", ("user_hashrate", "result", "hashrate_60s"), "fast", "hashrate_hs"),
        ("ocean", ("statsnap", "result", "unpaid"), -1, "unpaid_coins"),
        ("braiins", ("profile", "btc", "current_balance"), "NaN", "unpaid_coins"),
        ("litecoinpool", ("api", "user", "hash_rate"), True, "hashrate_hs"),
        ("f2pool", ("info", "info", "h24_hash_rate"), 1e30, "hashrate_24h_hs"),
        ("viabtc", ("hashrate", "data", "active_workers"), 1.5, "workers_active"),
        ("viabtc", ("hashrate", "data", "active_workers"), 2**63 - 1, "workers_active"),
    ],
)
def test_a_bad_field_is_flagged_and_unknown(
    pool: str, where: tuple[str, ...], value: object, flag: str
) -> None:
    answers = of_files(SNAPSHOTS[pool])
    place = answers
    for key in where[:-1]:
        place = place[key]
    place[where[-1]] = value
    raw = message(pool, answers, **COIN.get(pool, {}))
    stats = next(each for each in normalise(raw, miner_of=nobody) if isinstance(each, PoolStats))
    assert f"field_invalid:{flag}" in stats.quality_flags
    assert getattr(stats, flag) is None


def test_an_operator_knows_the_scheme_better() -> None:
    stats, _ = _told("viabtc", PoolStats, payout_scheme="PPLNS", coin="litecoin")
    assert stats.payout_scheme == "PPLNS"


USUAL_SCHEME = {"braiins": "FPPS", "f2pool": "PPS+", "litecoinpool": "PPS"}
USUAL_SCHEME |= {"ocean": "TIDES", "viabtc": "PPS+"}


@pytest.mark.parametrize("pool", sorted(POOLS))
def test_every_record_of_every_pool_carries_a_scheme(pool: str) -> None:
    TypeAdapter(PayoutScheme).validate_python(POOLS[pool].scheme)
    assert POOLS[pool].scheme == USUAL_SCHEME[pool]
    told: list[PoolStats | PoolWorker] = [*_told(pool, PoolStats), *_told(pool, PoolWorker)]
    assert {each.payout_scheme for each in told} == {POOLS[pool].scheme}


@pytest.mark.parametrize(
    ("pool", "name", "empty"),
    [
        ("ocean", "user_hashrate_full", {"result": {"workers": []}}),
        ("braiins", "workers", {"btc": {"workers": []}}),
        ("litecoinpool", "api", {"user": {"hash_rate": 0}, "workers": []}),
        ("f2pool", "workers", {"workers": []}),
        ("f2pool", "workers", {"workers": None}),
        ("viabtc", "workers", {"code": 0, "data": {"data": [], "has_next": False}}),
    ],
)
def test_an_account_without_workers_is_no_fault(pool: str, name: str, empty: object) -> None:
    answers = of_files(SNAPSHOTS[pool]) | {name: empty}
    told = normalise(message(pool, answers, **COIN.get(pool, {})), miner_of=nobody)
    assert not any(isinstance(each, PoolWorker) for each in told)
    (stats, *_) = [each for each in told if isinstance(each, PoolStats)]
    assert "field_missing:workers" not in stats.quality_flags
    if pool in {"ocean", "litecoinpool", "f2pool"}:  # whose workers are counted in their list
        assert stats.workers_total == 0


@pytest.mark.parametrize("pool", sorted(POOLS))
def test_what_is_of_the_wrong_shape_is_unreadable(pool: str) -> None:
    contents: tuple[Any, ...] = ("<html>", [], {})
    for content in contents:
        with pytest.raises(UnreadableError):
            normalise(message(pool, dict.fromkeys(SNAPSHOTS[pool], content)), miner_of=nobody)


def test_what_failed_says_nothing() -> None:
    raw = message("ocean", {}, status=PollStatus.TIMEOUT)
    assert normalise(raw, miner_of=nobody) == ()
