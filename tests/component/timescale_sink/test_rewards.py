"""What pools credited and paid, as rows: each once, whoever told it, and as it was told last."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.component.conftest import Ask, Eventually, Tell
from tests.component.timescale_sink.events import NOW
from tests.component.timescale_sink.outside import pool_balance, pool_reward, pool_stats

from minestream_schemas.ids import derived_id, event_id_at
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_REWARD,
    POOL_STATS,
    PoolReward,
    RewardKind,
)


@pytest.mark.usefixtures("running")
async def test_a_reward_told_again_by_another_message_is_the_same_row(
    tell: Tell, eventually: Eventually, ask: Ask
) -> None:
    first = pool_reward(NOW - timedelta(days=3))
    again = first.model_copy(update={"raw_event_id": derived_id("test-raw", "another")})
    await tell(POOL_REWARD, first, again, pool_reward(NOW - timedelta(days=2), "2026-11-21"))
    await tell(POOL_STATS, pool_stats(NOW))
    await eventually(
        "SELECT count(*) AS n FROM telemetry_v1.pool_stats", until=lambda rows: rows[0]["n"] == 1
    )
    rows = await eventually(
        "SELECT reference FROM telemetry_v1.pool_reward ORDER BY ts",
        until=lambda rows: len(rows) >= 2,
    )
    assert [row["reference"] for row in rows] == ["2026-11-20", "2026-11-21"]
    assert len(await ask("TABLE telemetry.dead_letter")) == 0


@pytest.mark.usefixtures("running")
async def test_each_rise_of_what_was_paid_in_all_is_a_payout(
    tell: Tell, eventually: Eventually
) -> None:
    paid = (1.0, 1.0, None, 1.25, 1.25, 1.5)
    told = [
        pool_balance(NOW - timedelta(hours=len(paid) - place), paid_coins=total)
        for place, total in enumerate(paid)
    ]
    await tell(POOL_BALANCE, *told)
    rows = await eventually(
        "SELECT ts, kind, coin, amount_coins, quality_flags FROM telemetry_v1.pool_reward "
        "ORDER BY ts",
        until=lambda rows: len(rows) >= 2,
    )
    assert [(row["ts"], row["amount_coins"]) for row in rows] == [
        (told[3].ts, 0.25),
        (told[5].ts, 0.25),
    ]
    assert {(row["kind"], row["quality_flags"][0]) for row in rows} == {
        ("payout", "seen_in_balance")
    }


@pytest.mark.usefixtures("running")
async def test_payouts_seen_in_a_balance_stand_where_the_pool_told_none_of_its_own(
    tell: Tell, eventually: Eventually
) -> None:
    def at(days: float) -> datetime:
        return NOW - timedelta(days=days)

    paid = {40: 1.0, 39: 1.1, 30: 1.6, 29.5: 0.0, 29: 1.6, 20: 2.1, 10: 2.3}
    told = [pool_balance(at(days), paid_coins=total) for days, total in paid.items()]
    own = {
        "subject": told[0].subject,
        "account_id": told[0].account_id,
        "kind": RewardKind.PAYOUT,
        "period_s": None,
    }
    await tell(
        POOL_REWARD,
        # the balance fell at once, the bill was dated a day later
        pool_reward(at(29), "tx-1", amount_coins=0.5, fee_coins=0.0, **own),
        pool_reward(at(21), "tx-2", amount_coins=0.25, **own),
        pool_reward(at(21.5), "tx-3", amount_coins=0.25, **own),
    )
    await tell(POOL_BALANCE, *told)
    rows = await eventually(
        "SELECT ts, amount_coins, reference FROM telemetry_v1.pool_reward "
        "WHERE (SELECT count(*) FROM telemetry_v1.pool_balance) = 7 ORDER BY ts",
        until=lambda rows: len(rows) >= 3,
    )
    assert [(row["ts"], row["amount_coins"], row["reference"]) for row in rows] == [
        (at(39), 0.1, None),  # before the pool's own list begins
        (at(29), 0.5, "tx-1"),
        (at(21.5), 0.25, "tx-3"),
        (at(21), 0.25, "tx-2"),
        (at(10), 0.2, None),  # after it has ended
    ]


PAID_FROM, PAID_AT = NOW - timedelta(days=10), NOW - timedelta(days=9)
OWN_OR_ANOTHER: dict[str, tuple[datetime, float, float | None, bool]] = {
    # when the pool dates a payout of its own, how much, its fee: is it the one that was seen?
    "half-a-day-after": (PAID_AT + timedelta(hours=11.9), 0.3, None, True),
    "more-after": (PAID_AT + timedelta(hours=12.1), 0.3, None, False),
    "half-a-day-before": (PAID_FROM - timedelta(hours=11.9), 0.3, None, True),
    "more-before": (PAID_FROM - timedelta(hours=12.1), 0.3, None, False),
    "the-same-days-after": (PAID_AT + timedelta(hours=71), 0.5, None, True),
    "the-same-later": (PAID_AT + timedelta(hours=73), 0.5, None, False),
    "the-same-days-before": (PAID_FROM - timedelta(hours=71), 0.5, None, True),
    "the-same-earlier": (PAID_FROM - timedelta(hours=73), 0.5, None, False),
    "rounded": (PAID_AT + timedelta(days=1), 0.500_000_4, None, True),
    "not-rounded": (PAID_AT + timedelta(days=1), 0.500_001, None, False),
    "less-its-fee": (PAID_AT + timedelta(days=1), 0.49, 0.01, True),
    "with-its-fee": (PAID_AT + timedelta(days=1), 0.51, 0.01, True),
    "less-more-than-its-fee": (PAID_AT + timedelta(days=1), 0.489, 0.01, False),
    "less-and-no-fee-told": (PAID_AT + timedelta(days=1), 0.49, None, False),
    "earned-and-not-paid": (PAID_AT, 0.5, None, False),
}


@pytest.mark.usefixtures("running")
async def test_a_pools_own_payout_is_the_one_that_was_seen_by_its_day_or_by_its_sum_within_its_fee(
    tell: Tell, eventually: Eventually
) -> None:
    own, seen = [], []
    for account, (at, amount, fee, _) in OWN_OR_ANOTHER.items():
        who = {"account_id": account, "subject": f"{account}/Litecoin"}
        sums = {"amount_coins": amount, "fee_coins": fee, "period_s": None}
        kind = RewardKind.CREDIT if account.startswith("earned") else RewardKind.PAYOUT
        own.append(pool_reward(at, f"tx-{account}", kind=kind, **sums, **who))
        for day, total in ((PAID_FROM, 1.0), (PAID_AT, 1.5)):
            number = derived_id("test-own", account, str(total))
            seen.append(pool_balance(day, paid_coins=total, event_id=number, **who))
    await tell(POOL_REWARD, *own)
    await tell(POOL_BALANCE, *seen)
    await eventually(
        "SELECT (SELECT count(*) FROM telemetry_v1.pool_balance) AS told, "
        "(SELECT count(*) FROM telemetry.pool_reward) AS own",
        until=lambda rows: rows[0] == {"told": 2 * len(OWN_OR_ANOTHER), "own": len(OWN_OR_ANOTHER)},
    )
    rows = await eventually(
        "SELECT account_id, reference, amount_coins FROM telemetry_v1.pool_reward"
    )
    stands = {row["account_id"]: row["amount_coins"] for row in rows if row["reference"] is None}
    assert stands == {
        account: 0.5 for account, (_, _, _, same) in OWN_OR_ANOTHER.items() if not same
    }
    assert len(rows) - len(stands) == len(OWN_OR_ANOTHER), "what a pool tells itself always stands"


@pytest.mark.usefixtures("running")
async def test_a_paid_sum_that_fell_for_good_is_counted_from_where_it_fell_to(
    tell: Tell, eventually: Eventually
) -> None:
    cases = {
        "anew": ((10.0, 0.0, 0.0, 1.0, 9.0, 10.5, 11.0), [1.0, 8.0, 1.5, 0.5]),
        "hiccups": ((10.0, 0.0, 0.0, 10.0, 0.0, 10.5), [0.5]),
        "steps": ((10.0, 4.0, 1.0, 1.0, 12.0), [2.0]),
        "both": ((10.0, 0.0, 1.0, 0.5, 1.25), [1.0, 0.25]),
        "fall": ((0.0, 0.0, 0.5, 0.0), [0.5]),
        "wobble": ((0.1 + 0.2, 0.0, 0.3, 0.5), [0.2]),
    }
    told = [
        pool_balance(
            NOW - timedelta(hours=len(paid) - place),
            paid_coins=total,
            account_id=account,
            subject=f"{account}/Litecoin",
            event_id=derived_id("test", account, str(place)),
        )
        for account, (paid, _) in cases.items()
        for place, total in enumerate(paid)
    ]
    await tell(POOL_BALANCE, *told)
    await eventually(
        "SELECT count(*) AS n FROM telemetry_v1.pool_balance",
        until=lambda rows: rows[0]["n"] == len(told),
    )
    rows = await eventually(
        "SELECT account_id, amount_coins FROM telemetry_v1.pool_reward ORDER BY ts",
        until=lambda rows: len(rows) >= 1,
    )
    found = {
        account: [row["amount_coins"] for row in rows if row["account_id"] == account]
        for account in cases
    }
    assert found == {account: payouts for account, (_, payouts) in cases.items()}


@pytest.mark.usefixtures("running")
async def test_the_last_telling_of_a_reward_counts_and_counts_once(
    tell: Tell, eventually: Eventually
) -> None:
    def told_at(hours: float, reward: PoolReward, **more: Any) -> PoolReward:
        told = event_id_at(int((NOW - timedelta(hours=hours)).timestamp() * 1000), 1)
        return reward.model_copy(update={"raw_event_id": told, **more})

    day = pool_reward(NOW - timedelta(days=3), amount_coins=0.0)
    paid = pool_reward(NOW - timedelta(days=2), "tx", kind=RewardKind.PAYOUT, period_s=None)
    await tell(POOL_REWARD, told_at(9, day), told_at(6, day, amount_coins=0.4), told_at(9, paid))
    await tell(
        POOL_REWARD,
        told_at(7, day, amount_coins=0.3),  # late, but older
        told_at(6, paid, ts=paid.ts + timedelta(minutes=5), reference="tx-2"),
    )
    rows = await eventually(
        "SELECT kind, amount_coins, reference FROM telemetry_v1.pool_reward ORDER BY ts",
        until=lambda rows: any(row["reference"] == "tx-2" for row in rows),
    )
    assert [(row["kind"], row["amount_coins"], row["reference"]) for row in rows] == [
        ("credit", 0.4, "2026-11-20"),
        ("payout", paid.amount_coins, "tx-2"),
    ]
