"""Braiins Pool: a token in a header, FPPS since November 2023: paid daily, no threshold told.

Source: its documentation (numbers; balances as texts; the unit of hashrates beside them), with the
payouts as its monitoring page describes them. Before FPPS the names were others: they are not read.
"""

from typing import Any, Final, Literal

from minestream_dialects.fields import Flags, text
from minestream_dialects.pools.port import (
    HASHRATE_TTL_S,
    REWARDS_TTL_S,
    STATS_TTL_S,
    Account,
    AccountStats,
    Call,
    Cycle,
    Key,
    MiningReward,
    PayoutSchedule,
    Pool,
    Snapshot,
    Span,
    WorkerStats,
)
from minestream_dialects.pools.values import (
    SATOSHI,
    Fields,
    by_name,
    latest,
    objects,
    short,
    summed,
    utc,
)
from minestream_schemas.pool import PayoutKind, PoolMessage, RewardKind
from minestream_schemas.telemetry import QualityFlag
from minestream_schemas.units import Algorithm, hashes_per_s

_COIN: Final = "bitcoin"
_DAY_S: Final = 86_400.0
_STATES: Final = {"ok": "online", "low": "low", "off": "offline", "dis": "disabled"}


class BraiinsAccount(Account):
    """An access profile with web APIs allowed."""

    pool: Literal["braiins"]
    coin: Literal["bitcoin"] = "bitcoin"
    key: Key


class Braiins(Pool[BraiinsAccount]):
    """pool.braiins.com."""

    name = "braiins"
    url = "https://pool.braiins.com"
    scheme = "FPPS"
    apart_s = 5.0
    account = BraiinsAccount

    def calls(self, account: BraiinsAccount, span: Span) -> tuple[Call, ...]:
        """Profile and workers; the days' rewards, and payouts."""
        token = {"Pool-Auth-Token": account.key}
        days = {"from": span.begin.date().isoformat(), "to": span.end.date().isoformat()}
        return (
            Call(
                name="profile",
                path="accounts/profile/json/btc",
                ttl_s=HASHRATE_TTL_S,
                headers=token,
            ),
            Call(
                name="workers", path="accounts/workers/json/btc", ttl_s=STATS_TTL_S, headers=token
            ),
            Call(
                name="rewards",
                path="accounts/rewards/json/btc",
                ttl_s=REWARDS_TTL_S,
                message=PoolMessage.REWARDS,
                params=days,
                headers=token,
            ),
            Call(
                name="payouts",
                path="accounts/payouts/json/btc",
                ttl_s=REWARDS_TTL_S,
                message=PoolMessage.PAYOUTS,
                params=days,
                headers=token,
            ),
        )

    def snapshot(self, cycle: Cycle) -> Snapshot:
        """One coin, and its workers by name."""
        stats = AccountStats(coin=_COIN, algorithm=Algorithm.SHA256D)
        stats.payout = PayoutSchedule(PayoutKind.DAILY)
        workers = _workers(cycle)
        stats.last_share_at = latest([worker.last_share_at for worker in workers])
        if cycle.said("profile") is not None:
            fields = _btc(cycle, "profile", stats.flags)
            unit_hs = _unit_hs(fields)
            stats.hashrate_hs = fields.hashrate("hash_rate_5m", "hashrate_hs", times=unit_hs)
            stats.hashrate_1h_hs = fields.hashrate("hash_rate_60m", "hashrate_1h_hs", times=unit_hs)
            stats.hashrate_24h_hs = fields.hashrate(
                "hash_rate_24h", "hashrate_24h_hs", times=unit_hs
            )
            by_state = {
                state: fields.count(f"{state}_workers", "workers_total") for state in _STATES
            }
            stats.workers_total = summed(list(by_state.values()))
            stats.workers_active = summed([by_state["ok"], by_state["low"]])
            stats.unpaid_coins = fields.coins("current_balance", "unpaid_coins")
        return Snapshot((stats,), workers)

    def rewards(self, cycle: Cycle) -> tuple[MiningReward, ...]:
        """A credit for each day that is over, and payouts that went through."""
        days = objects(_btc(cycle, "rewards", cycle.flags)["daily_rewards"])
        found = [_daily(each, cycle) for each in days]
        said = cycle.said("payouts")
        for way in ("onchain", "lightning"):
            payouts = objects(said.get(way) if type(said) is dict else None)
            found += [_payout(each, way, cycle) for each in payouts]
        return tuple(each for each in found if each is not None)


def _btc(cycle: Cycle, name: str, flags: Flags) -> Fields:
    return Fields(cycle.said(name), flags, cycle.raw).at("btc")


def _unit_hs(fields: Fields) -> float | None:
    try:
        return hashes_per_s(fields["hash_rate_unit"])
    except (TypeError, ValueError):
        fields.flags.add(QualityFlag.UNIT_UNKNOWN)
        return None


def _workers(cycle: Cycle) -> tuple[WorkerStats, ...]:
    if cycle.said("workers") is None:
        return ()
    said = _btc(cycle, "workers", cycle.flags)["workers"]
    workers = []
    for known_as, entry in by_name(said, cycle.flags) or ():
        flags = Flags()
        fields = Fields(entry, flags, cycle.raw)
        unit_hs = _unit_hs(fields)
        state = text(entry.get("state"))
        worker = WorkerStats(
            name=known_as,
            said_at=cycle.fetched_at["workers"],
            algorithm=Algorithm.SHA256D,
            coin=_COIN,
            state=_STATES.get(state or "", state),
            hashrate_hs=fields.hashrate("hash_rate_5m", "hashrate_hs", times=unit_hs),
            hashrate_1h_hs=fields.hashrate("hash_rate_60m", "hashrate_1h_hs", times=unit_hs),
            hashrate_24h_hs=fields.hashrate("hash_rate_24h", "hashrate_24h_hs", times=unit_hs),
            last_share_at=fields.instant("last_share", "last_share_at"),
            shares_recent=fields.count("shares_24h", "shares_recent", required=False),
            flags=flags,
        )
        workers.append(worker)
    return tuple(workers)


def _daily(entry: dict[str, Any], cycle: Cycle) -> MiningReward | None:
    """What a day brought; one that is not calculated yet says null."""
    if "total_reward" in entry and entry["total_reward"] is None:
        return None
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    day, at = fields.day("date"), utc(entry.get("date"))
    amount = fields.coins("total_reward", "amount_coins")
    if day is None or at is None or amount is None:
        cycle.flags.invalid("daily_rewards")
        return None
    return MiningReward(
        kind=RewardKind.CREDIT,
        coin=_COIN,
        at=at,
        amount_coins=amount,
        identity=day.isoformat(),
        period_s=_DAY_S,
        reference=day.isoformat(),
        flags=flags,
    )


def _payout(entry: dict[str, Any], way: str, cycle: Cycle) -> MiningReward | None:
    """A payout that is confirmed; one that waits or failed is no income."""
    if text(entry.get("status")) != "confirmed":
        return None
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    at = utc(entry.get("resolved_at_ts")) or utc(entry.get("requested_at_ts"))
    amount = fields.coins("amount_sats", "amount_coins", per=SATOSHI)
    if at is None or amount is None:
        cycle.flags.invalid("payouts")
        return None
    transaction = short(entry.get("tx_id"))
    # one transaction may pay several addresses of the account, and several of its purses
    whose = [text(entry.get(key)) or "" for key in ("financial_account_name", "destination")]
    return MiningReward(
        kind=RewardKind.PAYOUT,
        coin=_COIN,
        at=at,
        amount_coins=amount,
        identity=" ".join((transaction or f"{way} {at.isoformat()}", *whose)),
        fee_coins=fields.coins("fee_sats", "fee_coins", per=SATOSHI, required=False),
        reference=transaction or way,
        flags=flags,
    )


POOL = Braiins()
