"""What Prohashing says, by all its ways, in our names and units."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.unit.dialects.pool_messages import AT, RAW_ID, message, recorded

from minestream_dialects.merged import merged_with
from minestream_dialects.prohashing import normalise_pool, units_with
from minestream_dialects.prohashing.workers import by_short_name
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import (
    PayoutKind,
    PoolBalance,
    PoolMessage,
    PoolRate,
    PoolWorker,
    RawPool,
)
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

MINERS = {"rack-1-l9-01": ("site-a-r01-s01", "site-a")}


def told(raw: RawPool, **options: Any) -> tuple[Any, ...]:
    return normalise_pool(raw, miner_of=MINERS.get, **options)


def worker(fields: dict[str, Any], **more: Any) -> PoolWorker:
    (found,) = told(message(PoolMessage.WORKER, fields, **more))
    assert isinstance(found, PoolWorker)
    return found


near = partial(pytest.approx, rel=1e-9, abs=0)  # approx's own 1e-12 is more than a rate


def rates(raw: RawPool, **options: Any) -> dict[Algorithm, PoolRate]:
    return {rate.algorithm: rate for rate in told(raw, **options)}


@pytest.fixture
def record() -> dict[str, Any]:
    """A worker's whole record."""
    first: dict[str, Any] = recorded("wamp_f_all_miner_updates_assembled.json")[0]
    return first


def test_a_workers_record_becomes_its_miners_worker(record: dict[str, Any]) -> None:
    found = worker(record)
    assert found.raw_event_id == RAW_ID
    assert (found.miner_id, found.site_id) == ("site-a-r01-s01", "site-a")
    assert found.subject == "site-a-r01-s01"
    assert found.worker == "rack-1-l9-01"
    assert found.worker_id == "8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab"
    assert found.algorithm is Algorithm.SCRYPT
    assert found.coin == "Litecoin"
    assert found.hashrate_hs == 17_021_345_678.0
    assert found.difficulty == 1_048_576.0
    assert (found.shares_recent, found.shares_total) == (412, 1_289_331)
    assert found.hardware == "Antminer L9"
    assert found.ts == AT
    assert found.quality_flags == ()


def test_a_change_is_read_from_the_whole_record_after_it(record: dict[str, Any]) -> None:
    change = recorded("wamp_miner_update_diffs_event_assembled.json")[0]
    found = worker(change, snapshot=False, merged=json.dumps(record | change))
    assert found.worker == "rack-1-l9-01"
    assert (found.hashrate_hs, found.coin) == (17_150_000_000.0, "Dogecoin")
    assert found.shares_recent == 415


def test_a_change_of_a_worker_that_nobody_knows_yet_says_nothing() -> None:
    change = recorded("wamp_miner_update_diffs_event_assembled.json")[0]
    assert told(message(PoolMessage.WORKER, change, snapshot=False)) == ()


def test_a_worker_whose_name_no_miner_has_is_told_and_flagged(record: dict[str, Any]) -> None:
    found = worker(record | {"miner_name": "somebody"})
    assert found.miner_id is None
    assert found.subject == "prohashing-main/somebody"
    assert found.quality_flags == ("miner_unknown",)


def test_what_stands_before_the_last_dot_is_left_out_only_if_the_full_name_is_unknown(
    record: dict[str, Any],
) -> None:
    assert worker(record | {"miner_name": "user.x.rack-1-l9-01"}).miner_id == "site-a-r01-s01"
    both = {"a.b": ("site-a-r01-s07", "site-a"), "b": ("site-a-r01-s08", "site-a")}
    raw = message(PoolMessage.WORKER, record | {"miner_name": "a.b"})
    assert [each.subject for each in normalise_pool(raw, miner_of=both.get)] == ["site-a-r01-s07"]


@pytest.mark.parametrize(
    ("field", "value", "ours"),
    [
        ("hashrate", -1.0, "hashrate_hs"),
        ("hashrate", "fast", "hashrate_hs"),
        ("hashrate", 1e400, "hashrate_hs"),
        ("hashrate", True, "hashrate_hs"),
        ("difficulty", [], "difficulty"),
        ("all_time_share_count", 0.5, "shares_total"),
        ("share_count", -3, "shares_recent"),
    ],
)
def test_a_bad_field_of_a_worker_costs_itself_alone(
    record: dict[str, Any], field: str, value: object, ours: str
) -> None:
    found = worker(record | {field: value})
    assert getattr(found, ours) is None
    assert found.quality_flags == (f"field_invalid:{ours}",)
    assert found.miner_id == "site-a-r01-s01"


def test_a_silent_field_is_missing_and_zero_is_zero(record: dict[str, Any]) -> None:
    del record["hashrate"]
    assert worker(record).quality_flags == ("field_missing:hashrate_hs",)
    assert worker(record | {"hashrate": 0}).hashrate_hs == 0.0


def test_one_of_the_http_apis_miners_is_a_worker_too() -> None:
    fields = recorded("api_v1_walletEx_assembled.json")["data"]["miners"][0]
    found = worker(fields, dialect="prohashing-http")
    assert (found.worker, found.worker_id) == ("rack-1-l9-01", None)
    assert found.miner_id == "site-a-r01-s01"
    assert (found.hashrate_hs, found.difficulty) == (17_021_345_678.0, 1_048_576.0)
    assert (found.algorithm, found.coin) == (Algorithm.SCRYPT, "Litecoin")


@pytest.mark.parametrize(
    ("dialect", "file"),
    [
        ("prohashing-wamp", "wamp_f_all_profitability_updates.json"),
        ("prohashing-proxy", "http_proxy_profitability.json"),
    ],
)
def test_each_algorithms_rate_is_per_hash_and_day(dialect: str, file: str) -> None:
    found = rates(message(PoolMessage.PROFITABILITY, recorded(file), dialect=dialect))
    assert set(found) == {Algorithm.SCRYPT, Algorithm.SHA256D}
    scrypt = found[Algorithm.SCRYPT]
    assert scrypt.subject == "prohashing/scrypt"
    assert scrypt.unit_hs == 1e6
    assert scrypt.usd_per_hs_day == near(2.5041009705167e-9)
    assert scrypt.btc_per_hs_day == near(6.8628068694276e-13)
    assert scrypt.max_usd_per_hs_day == near(5.2676028280028e-9)
    assert scrypt.max_btc_per_hs_day == near(1.4445957481592e-12)
    assert scrypt.percentile_usd_per_hs_day == near(2.3765266674273e-9)
    assert scrypt.percentile_btc_per_hs_day == near(6.5173886514719e-13)
    assert scrypt.ts == datetime(2019, 1, 15, 0, 4, 40, 495900, UTC)
    assert scrypt.server_at == datetime(2019, 1, 15, 0, 4, 43, 343800, UTC)
    assert (scrypt.server_id, scrypt.received_at, scrypt.fee_ratio) == (4, AT, None)
    assert found[Algorithm.SHA256D].usd_per_hs_day == near(1.3292067065643e-13)


def test_an_l9_of_17_gigahashes_earned_42_dollars_a_day_in_january_2019() -> None:
    """The published example: USD per MH/s and day, not per TH/s times 86,400."""
    raw = message(PoolMessage.PROFITABILITY, recorded("wamp_f_all_profitability_updates.json"))
    rate = rates(raw)[Algorithm.SCRYPT].usd_per_hs_day
    assert rate is not None
    assert 17e9 * rate == pytest.approx(42.57, abs=0.01)


@pytest.mark.parametrize("key", ["1", "scrypt"])
def test_the_unit_of_a_rate_is_a_table_by_id_or_name(key: str) -> None:
    raw = message(PoolMessage.PROFITABILITY, recorded("wamp_f_all_profitability_updates.json"))
    found = rates(raw, units_hs={key: 1e9})
    assert found[Algorithm.SCRYPT].unit_hs == 1e9
    assert found[Algorithm.SCRYPT].usd_per_hs_day == near(2.5041009705167e-12)
    assert found[Algorithm.SHA256D].unit_hs == 1e6


@pytest.mark.parametrize("key", ["1", "scrypt", "Scrypt", " SCRYPT "])
def test_a_unit_that_an_operator_tells_counts_however_the_algorithm_is_called(key: str) -> None:
    raw = message(PoolMessage.PROFITABILITY, recorded("wamp_f_all_profitability_updates.json"))
    found = rates(raw, units_hs=units_with({key: 1e9}))
    assert found[Algorithm.SCRYPT].unit_hs == 1e9
    assert found[Algorithm.SHA256D].unit_hs == 1e6
    assert rates(raw, units_hs=units_with({})) == rates(raw)


def test_a_negative_rate_is_dropped_with_a_flag_and_the_others_stand() -> None:
    content = {"1": {"usd": -0.1, "btc": "5.2e-9", "data_timestamp": AT.timestamp()}}
    rate = rates(message(PoolMessage.PROFITABILITY, content))[Algorithm.SCRYPT]
    assert rate.usd_per_hs_day is None
    assert rate.btc_per_hs_day == near(5.2e-15)
    assert rate.quality_flags == ("field_invalid:usd_per_hs_day",)


def test_a_rate_of_the_future_is_of_now_and_flagged() -> None:
    later = (AT + timedelta(hours=1)).timestamp()
    content = {"1": {"usd": 1e-4, "btc": 1e-9, "data_timestamp": later}}
    rate = rates(message(PoolMessage.PROFITABILITY, content))[Algorithm.SCRYPT]
    assert (rate.ts, rate.quality_flags) == (AT, ("clock_skew",))


def test_milliseconds_are_no_instant() -> None:
    content = {"1": {"usd": 1e-4, "btc": 1e-9, "data_timestamp": AT.timestamp() * 1000}}
    rate = rates(message(PoolMessage.PROFITABILITY, content))[Algorithm.SCRYPT]
    assert (rate.ts, rate.quality_flags) == (AT, ("field_invalid:ts",))


def test_status_tells_fees_and_an_estimate_in_bitcoin() -> None:
    found = rates(
        message(
            PoolMessage.STATUS,
            recorded("api_v1_status_assembled.json"),
            dialect="prohashing-http",
        )
    )
    scrypt, sha256d = found[Algorithm.SCRYPT], found[Algorithm.SHA256D]
    assert (scrypt.fee_ratio, sha256d.fee_ratio) == (0.0499, 0.0199)
    assert scrypt.btc_per_hs_day == near(3.12e-14)
    assert sha256d.btc_per_hs_day == near(4.8e-19)
    assert (scrypt.unit_hs, sha256d.unit_hs) == (1e6, 1e12)
    assert (scrypt.usd_per_hs_day, scrypt.ts, scrypt.quality_flags) == (None, AT, ())


@pytest.mark.parametrize("factor", [None, 0, -1, "x"])
def test_an_estimate_without_its_unit_is_none_and_the_fee_stands(factor: object) -> None:
    entry = {"pps_fee": "0.0499", "mbtc_mh_factor": factor, "estimate_current": "0.1"}
    raw = message(
        PoolMessage.STATUS, {"code": 200, "data": {"scrypt": entry}}, dialect="prohashing-http"
    )
    rate = rates(raw)[Algorithm.SCRYPT]
    assert (rate.btc_per_hs_day, rate.fee_ratio) == (None, 0.0499)
    assert rate.quality_flags[0].endswith(":unit_hs")


def test_a_fee_above_all_of_it_is_none() -> None:
    entry = {"pps_fee": 4.99, "mbtc_mh_factor": 1e6}
    raw = message(PoolMessage.STATUS, {"data": {"scrypt": entry}}, dialect="prohashing-http")
    rate = rates(raw)[Algorithm.SCRYPT]
    assert (rate.fee_ratio, rate.quality_flags) == (None, ("field_invalid:fee_ratio",))


def test_balances_of_the_feed_are_whole_coins() -> None:
    raw = message(PoolMessage.BALANCES, recorded("wamp_f_all_balance_updates_assembled.json"))
    found = told(raw)
    assert [(b.coin, b.balance_coins, b.unpaid_coins, b.subject) for b in found] == [
        ("Litecoin", 0.01234567, None, "prohashing-main/Litecoin"),
        ("Dogecoin", 41.2, None, "prohashing-main/Dogecoin"),
    ]


def test_the_wallet_tells_what_is_unpaid_and_what_was_paid() -> None:
    raw = message(
        PoolMessage.WALLET,
        recorded("api_v1_wallet_assembled.json"),
        dialect="prohashing-http",
    )
    found, stats = told(raw.model_copy(update={"payout_scheme": "PPLNS"}))
    assert isinstance(found, PoolBalance)
    assert found.coin == "Litecoin"
    assert (found.balance_coins, found.unpaid_coins, found.paid_coins) == (0.0123, 0.0456, 1.1889)
    assert (stats.unpaid_coins, stats.paid_coins, stats.payout_scheme) == (0.0456, 1.1889, "PPLNS")
    assert (stats.payout_kind, stats.payout_threshold_coins) == (PayoutKind.THRESHOLD, 0.01)
    assert "dogecoin" in stats.merged_coins


@pytest.mark.parametrize(
    ("name", "home"),
    [
        ("farm.rack.01", "of-rack-01"),
        ("farm.rack.02", "of-02"),
        ("a.b.rack.01", "of-rack-01"),
        ("farm", None),
        ("rack.01.", None),
        (".01", None),
        ("farm..01", None),
    ],
)
def test_a_worker_with_dots_is_found_by_the_longest_name_that_is_known(
    name: str, home: str | None
) -> None:
    homes = {"rack.01": ("of-rack-01", "s"), "01": ("of-01", "s"), "02": ("of-02", "s")}
    assert by_short_name(name, homes.get) == (None if home is None else (home, "s"))


@pytest.mark.parametrize("empty", [{}, []])
def test_an_account_that_is_owed_nothing_yet_is_no_fault(empty: object) -> None:
    raw = message(PoolMessage.WALLET, {"data": {"balances": empty}}, dialect="prohashing-http")
    assert told(raw) == ()
    assert told(message(PoolMessage.BALANCES, empty)) == ()


def test_a_found_block_is_a_notice_of_the_coin_its_worth_and_its_finder() -> None:
    raw = message(PoolMessage.FOUND_BLOCK, recorded("wamp_found_block_event_assembled.json"))
    (block,) = told(raw)
    assert (block.kind, block.coin, block.algorithm) == ("found_block", "Litecoin", "scrypt")
    assert (block.worker, block.miner_id) == ("rack-1-l9-01", "site-a-r01-s01")
    assert (block.amount_coins, block.reference, block.ts) == (6.2512, "2950001", AT)
    assert told(raw)[0].event_id == block.event_id


def test_a_failure_is_a_notice_in_the_pools_own_words() -> None:
    about = {"miner_name": "rack-1-l9-01", "reason": "no shares for 10 minutes"}
    (failure,) = told(message(PoolMessage.MINING_FAILURE, about))
    assert (failure.kind, failure.text) == ("mining_failure", "no shares for 10 minutes")
    assert failure.miner_id == "site-a-r01-s01"
    (plain,) = told(message(PoolMessage.MINING_FAILURE, ["wrong password"]))
    assert (plain.text, plain.worker) == ("wrong password", None)


@pytest.mark.parametrize(
    ("password", "configured", "scheme"),
    [
        ("a=scrypt,n=w,m=pplns", None, "PPLNS"),
        ("a=scrypt,n=w,m=pplns", "PPS", "PPLNS"),
        ("a=scrypt,n=w", "PPLNS", "PPS"),
        ("x", "PPLNS", "PPLNS"),
        ("x", None, None),
    ],
)
def test_the_payout_scheme_is_the_workers_own_choice_else_the_accounts(
    password: str, configured: str | None, scheme: str | None
) -> None:
    fields = {"ID": "w", "algo": "scrypt", "accepted": 1, "password": password}
    found = worker(fields, dialect="prohashing-http", payout_scheme=configured)
    assert found.payout_scheme == scheme


def test_the_fee_is_that_of_the_accounts_scheme() -> None:
    fees = {}
    for scheme in (None, "PPS", "PPLNS"):
        raw = message(
            PoolMessage.STATUS,
            recorded("api_v1_status_assembled.json"),
            dialect="prohashing-http",
            payout_scheme=scheme,
        )
        rate = rates(raw)[Algorithm.SCRYPT]
        fees[scheme] = (rate.fee_ratio, rate.payout_scheme)
    assert fees == {None: (0.0499, "PPS"), "PPS": (0.0499, "PPS"), "PPLNS": (0.0199, "PPLNS")}


def test_what_is_mined_along_with_a_coin_is_told() -> None:
    assert merged_with("Litecoin") == ("dogecoin",)
    assert merged_with("Dogecoin") == ("litecoin",)
    for unsure in ("Monero", "Bellscoin", "Bitcoin", None):
        assert merged_with(unsure) == ()


def test_a_negative_balance_is_left_out_and_the_others_stand() -> None:
    found = told(message(PoolMessage.BALANCES, {"Litecoin": -1, "Dogecoin": "2.5"}))
    assert [(each.coin, each.balance_coins) for each in found] == [("Dogecoin", 2.5)]


@pytest.mark.parametrize(
    ("about", "dialect", "content"),
    [
        (PoolMessage.WORKER, "prohashing-wamp", "<html>down</html>"),
        (PoolMessage.WORKER, "prohashing-wamp", [1]),
        (PoolMessage.WORKER, "prohashing-wamp", {"uuid": "u"}),
        (PoolMessage.WORKER, "prohashing-http", {"algo": "scrypt"}),
        (PoolMessage.PROFITABILITY, "prohashing-wamp", "[]"),
        (PoolMessage.PROFITABILITY, "prohashing-proxy", {"1": "high"}),
        (PoolMessage.BALANCES, "prohashing-wamp", {"Litecoin": None}),
        (PoolMessage.FOUND_BLOCK, "prohashing-wamp", [{"coin_name": 7}]),
        (PoolMessage.MINING_FAILURE, "prohashing-wamp", [{"worker_name": "w"}, 5]),
        (PoolMessage.WALLET, "prohashing-http", {"code": 400, "data": None}),
        (PoolMessage.WALLET, "prohashing-http", {"data": {"balances": [1]}}),
        (PoolMessage.STATUS, "prohashing-http", {"data": {"scrypt": 3}}),
        (PoolMessage.STATUS, "prohashing-http", "null"),
    ],
)
def test_a_body_of_the_wrong_shape_is_unreadable_and_not_quoted(
    about: PoolMessage, dialect: str, content: object
) -> None:
    with pytest.raises(UnreadableError) as refused:
        told(message(about, content, dialect=dialect))
    assert "html" not in str(refused.value)


def test_an_ok_message_without_body_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match="no body"):
        told(message(PoolMessage.BALANCES, None, body=None))


@pytest.mark.parametrize("status", sorted(set(PollStatus) - {PollStatus.OK}))
@pytest.mark.parametrize("about", sorted(PoolMessage))
def test_a_message_that_failed_says_nothing(about: PoolMessage, status: PollStatus) -> None:
    assert told(message(about, None, body=None, status=status)) == ()


@pytest.mark.parametrize(
    ("about", "dialect", "file"),
    [
        (PoolMessage.GENERAL, "prohashing-wamp", "wamp_f_all_general_updates_assembled.json"),
        (PoolMessage.STATUS, "prohashing-proxy", "http_proxy_status.json"),
    ],
)
def test_what_nobody_needs_in_our_names_stays_raw(
    about: PoolMessage, dialect: str, file: str
) -> None:
    assert told(message(about, recorded(file), dialect=dialect)) == ()
