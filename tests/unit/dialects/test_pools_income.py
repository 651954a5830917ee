"""What each pool's recorded income means, by hand; told again it is the same."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.unit.dialects.pool_snapshots import (
    AT,
    REWARDS,
    message,
    nobody,
    of_files,
    recorded,
)

from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.pools.port import Span
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import PoolMessage, PoolReward, RewardKind


def _rewards(pool: str, **fields: Any) -> list[PoolReward]:
    raw = message(pool, of_files(REWARDS[pool]), PoolMessage.REWARDS, **fields)
    told = normalise(raw, miner_of=nobody)
    return [each for each in told if isinstance(each, PoolReward)]


REWARDED: dict[str, list[tuple[Any, ...]]] = {
    "ocean": [
        (RewardKind.CREDIT, "2026-09-03T15:24:24", 0.39858017, 0.00402606, None, "TIDES"),
        (RewardKind.CREDIT, "2026-09-03T15:04:27", 0.39838589, 0.0040241, None, "TIDES"),
        (RewardKind.PAYOUT, "2026-09-03T15:24:36", 0.39858017, None, None, "TIDES"),
        (RewardKind.PAYOUT, "2026-08-08T03:33:34", 0.04946566, None, None, "TIDES"),
    ],
    "braiins": [
        (RewardKind.CREDIT, "2021-08-02T00:00:00", 0.36361081, None, 86400.0, "FPPS"),
        (RewardKind.PAYOUT, "2026-09-22T01:00:00", 0.0125, 1.5e-5, None, "FPPS"),
        (RewardKind.PAYOUT, "2026-09-21T00:00:05", 0.00021, 0.0, None, "FPPS"),
    ],
    "f2pool": [
        (RewardKind.CREDIT, "2026-09-20T00:00:00", 0.0412, None, 86400.0, "PPS+"),
        (RewardKind.PAYOUT, "2026-09-21T01:10:00", 0.5, 0.0001, None, "PPS+"),
    ],
    "viabtc": [
        (RewardKind.CREDIT, "2018-10-05T00:00:00", 0.00002148, None, 86400.0, "PPS+"),
        (RewardKind.CREDIT, "2018-10-06T00:00:00", 0.0001, None, 86400.0, "PPLNS"),
        (RewardKind.PAYOUT, "2018-07-04T11:45:56", 0.001, None, None, "PPS+"),
    ],
}


@pytest.mark.parametrize("pool", sorted(REWARDED))
def test_rewards_are_read_exactly(pool: str) -> None:
    seen = [
        (
            each.kind,
            each.ts.replace(tzinfo=None).isoformat(),
            each.amount_coins,
            each.fee_coins,
            each.period_s,
            each.payout_scheme,
        )
        for each in _rewards(pool, received_at=AT + timedelta(days=1))
    ]
    assert seen == REWARDED[pool]


@pytest.mark.parametrize("pool", sorted(REWARDED))
def test_a_reward_told_again_is_the_same_event(pool: str) -> None:
    later = AT + timedelta(days=3)
    again = UUID(int=7)
    first = _rewards(pool, received_at=later)
    second = _rewards(pool, received_at=later, event_id=again)
    assert [each.event_id for each in first] == [each.event_id for each in second]
    assert [each.ts for each in first] == [each.ts for each in second]
    assert len({each.event_id for each in first}) == len(first)


def test_a_day_is_told_when_it_is_over() -> None:
    during = datetime(2018, 10, 6, 23, 59, 59, tzinfo=UTC)
    days = [each for each in _rewards("viabtc", received_at=during) if each.period_s]
    assert [each.reference for each in days] == ["2018-10-05"]
    days = [
        each
        for each in _rewards("viabtc", received_at=during + timedelta(seconds=1))
        if each.period_s
    ]
    assert [each.reference for each in days] == ["2018-10-05", "2018-10-06"]


def test_a_payout_that_waits_is_none() -> None:
    references = [each.reference for each in _rewards("braiins") if each.kind is RewardKind.PAYOUT]
    assert references == ["cd" * 32, "lightning"]


def test_one_transaction_that_pays_two_addresses_is_two_payouts() -> None:
    payouts = recorded("braiins_payouts_assembled.json")
    paid = payouts["onchain"][0]
    others = ({"destination": "bc1qother"}, {"financial_account_name": "Savings"})
    payouts["onchain"] += [paid | other for other in others]
    raw = message("braiins", {"payouts": payouts}, PoolMessage.PAYOUTS)
    told = [each for each in normalise(raw, miner_of=nobody) if isinstance(each, PoolReward)]
    assert [each.reference for each in told] == ["cd" * 32] * 3 + ["lightning"]
    assert len({each.event_id for each in told}) == 4


def _bills(*bills: dict[str, Any]) -> list[PoolReward]:
    answers = {"transactions": {"transactions": list(bills)}}
    raw = message("f2pool", answers, PoolMessage.REWARDS, received_at=AT + timedelta(days=3))
    return [each for each in normalise(raw, miner_of=nobody) if isinstance(each, PoolReward)]


def test_a_payout_that_is_sent_later_is_the_same_payout_at_the_same_instant() -> None:
    bill = recorded("f2pool_transactions_assembled.json")["transactions"][1]
    extra = bill["payout_extra"]
    waits = {**bill, "payout_extra": {**extra, "paid_time": 0, "tx_id": ""}}
    late = {**bill, "payout_extra": {**extra, "paid_time": bill["created_at"] + 7200}}
    (before,), (after,) = _bills(waits), _bills(late)
    assert (before.event_id, before.ts) == (after.event_id, after.ts)
    assert (before.reference, after.reference) == ("902", "ef" * 32)


def test_what_others_gave_is_income_and_what_was_given_away_is_no_payout() -> None:
    (credit,) = _bills(
        {"id": 1, "type": "dividend", "changed_balance": 0.25, "created_at": 1789950600},
        {"id": 2, "type": "dividend", "changed_balance": -0.5, "created_at": 1789950600},
        {"id": 3, "type": "flash_exchange", "changed_balance": -1.5, "created_at": 1789950600},
    )
    assert (credit.kind, credit.amount_coins, credit.period_s) == (RewardKind.CREDIT, 0.25, None)
    assert "dividend" in str(
        [
            call.content
            for call in POOLS["f2pool"].calls(
                POOLS["f2pool"].account.model_validate(
                    {"account_id": "f2", "pool": "f2pool", "user": "farm", "key": "secret"}
                ),
                Span(AT, AT),
            )
        ]
    )


def test_a_bill_says_how_its_shares_were_paid_where_its_type_does() -> None:
    bill = {"changed_balance": 0.25, "created_at": 1789950600}
    kinds = ("revenue_fpps", "revenue_pplns", "revenue", "revenue_gift", "fpps")
    bills = [bill | {"id": number, "type": kind} for number, kind in enumerate(kinds, 1)]
    assert [each.payout_scheme for each in _bills(*bills)] == ["FPPS", "PPLNS", *["PPS+"] * 3]


def test_litecoins_miners_at_f2pool_earn_dogecoin_and_its_bills_are_asked_for() -> None:
    told = _rewards("f2pool", received_at=AT + timedelta(days=1), coin="litecoin")
    assert [(each.coin, each.kind, each.amount_coins, each.reference) for each in told] == [
        ("litecoin", RewardKind.CREDIT, 0.0412, "2026-09-20"),
        ("litecoin", RewardKind.PAYOUT, 0.5, "ef" * 32),
        ("dogecoin", RewardKind.CREDIT, 151.2, "2026-09-20"),
        ("dogecoin", RewardKind.PAYOUT, 140.0, "da" * 32),
    ]
    asked = {}
    for coin in ("litecoin", "bitcoin"):
        said = {"account_id": "f2", "pool": "f2pool", "user": "farm", "key": "secret", "coin": coin}
        owner = POOLS["f2pool"].account.model_validate(said)
        asked[coin] = [
            (call.name, call.content["currency"], call.message)
            for call in POOLS["f2pool"].calls(owner, Span(AT, AT))
            if call.content is not None and call.path.startswith("assets/")
        ]
    assert asked["litecoin"] == [
        ("balance", "litecoin", PoolMessage.SNAPSHOT),
        ("transactions", "litecoin", PoolMessage.REWARDS),
        ("balance-dogecoin", "dogecoin", PoolMessage.SNAPSHOT),
        ("transactions-dogecoin", "dogecoin", PoolMessage.REWARDS),
    ]
    assert [name for name, *_ in asked["bitcoin"]] == ["balance", "transactions"]


def test_what_is_mined_along_is_income_of_its_own_coin() -> None:
    told = _rewards("viabtc", received_at=AT + timedelta(days=1), coin="litecoin")
    assert [(each.coin, each.amount_coins) for each in told] == [
        ("litecoin", 0.00002148),
        ("litecoin", 0.0001),
        ("litecoin", 0.001),
        ("dogecoin", 366.07702259),
    ]
    assert told[-1].subject == "viabtc-main/dogecoin"
    calls = POOLS["viabtc"].calls(
        POOLS["viabtc"].account.model_validate(
            {"account_id": "via", "pool": "viabtc", "key": "secret", "coin": "litecoin"}
        ),
        Span(AT, AT),
    )
    asked = [(call.path, call.params["coin"]) for call in calls if "history" in call.path]
    assert asked == [
        ("profit/history", "LTC"),
        ("wallet/payment/history", "LTC"),
        ("reward/history", "DOGE"),
        ("wallet/payment/history", "DOGE"),
    ]


def test_an_account_without_income_is_no_fault_whatever_came_with_it() -> None:
    answers = {"rewards": {"btc": {"daily_rewards": []}}, "payouts": '{"onchain": [],}'}
    raw = message("braiins", answers, PoolMessage.REWARDS, stale_endpoints=("rewards",))
    assert normalise(raw, miner_of=nobody) == ()


def test_a_day_that_braiins_has_not_calculated_yet_is_no_fault() -> None:
    today = {"date": AT.timestamp(), "total_reward": None, "bos_plus_reward": None}
    raw = message("braiins", {"rewards": {"btc": {"daily_rewards": [today]}}}, PoolMessage.REWARDS)
    assert normalise(raw, miner_of=nobody) == ()


def test_income_of_which_nothing_can_be_read_is_a_fault() -> None:
    answers = {"rewards": {"btc": {"daily_rewards": [{"date": "soon", "total_reward": "1"}]}}}
    raw = message("braiins", answers, PoolMessage.REWARDS)
    with pytest.raises(UnreadableError, match="field_invalid:daily_rewards"):
        normalise(raw, miner_of=nobody)
