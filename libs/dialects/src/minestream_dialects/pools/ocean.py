"""Ocean: found by address, no key; hashrates and shares as texts, income in satoshi.

Source: responses that public clients recorded in August and September 2026 (numbers as texts,
instants of income without a zone, ``lastest_share_ts``, ``fees_colected_satoshis``), and the older
documentation (numbers, ``unpaid`` in satoshi): both are read. Of an address that nobody mines to
the answer is ``{"error": "No such user or user has no active workers"}``, or a result of null.
"""

import re
from dataclasses import replace
from typing import Any, Final, Literal

from pydantic import Field

from minestream_dialects.fields import Flags, text
from minestream_dialects.numbers import plain
from minestream_dialects.pools.coded import refusal_in_words
from minestream_dialects.pools.port import (
    HASHRATE_TTL_S,
    REWARDS_TTL_S,
    STATS_TTL_S,
    Account,
    AccountStats,
    Call,
    Cycle,
    MiningReward,
    PayoutSchedule,
    Pool,
    Refusal,
    Snapshot,
    Span,
    WorkerStats,
)
from minestream_dialects.pools.values import SATOSHI, Fields, by_name, objects, short, utc
from minestream_schemas.pool import PayoutKind, PoolMessage, RewardKind
from minestream_schemas.raw import PollStatus
from minestream_schemas.units import Algorithm

_COIN: Final = "bitcoin"
_UNKNOWN: Final = "nothing is known of this address: it is wrong, or nothing was mined to it yet"
_NOBODY: Final = re.compile(r"no such user|no active workers", re.IGNORECASE)
_THRESHOLD_COINS: Final = 2**20 / SATOSHI
"""On-chain payouts begin there; what is less stays unpaid until a block after it is more."""


class OceanAccount(Account):
    """An address that shares are mined to."""

    pool: Literal["ocean"]
    coin: Literal["bitcoin"] = "bitcoin"
    address: str = Field(
        pattern=r"^[A-Za-z0-9]{14,90}$",
        description="the Bitcoin address that is mined to, letters and digits alone",
        examples=["bc1qxy2kgdygjrsqtzq2n0yrf2493p83kkfjhx0wlh"],
    )


class Ocean(Pool[OceanAccount]):
    """api.ocean.xyz."""

    name = "ocean"
    url = "https://api.ocean.xyz/v1"
    scheme = "TIDES"
    apart_s = 1.0
    account = OceanAccount

    def calls(self, account: OceanAccount, span: Span) -> tuple[Call, ...]:
        """Hashrates, workers and what is unpaid; income since an instant."""
        address = account.address
        begin, end = int(span.begin.timestamp()), int(span.end.timestamp())
        return (
            Call(name="user_hashrate", path=f"user_hashrate/{address}", ttl_s=HASHRATE_TTL_S),
            Call(name="statsnap", path=f"statsnap/{address}", ttl_s=STATS_TTL_S),
            Call(
                name="user_hashrate_full", path=f"user_hashrate_full/{address}", ttl_s=STATS_TTL_S
            ),
            Call(
                name="earnpay",
                path=f"earnpay/{address}/{begin}/{end}",
                ttl_s=REWARDS_TTL_S,
                message=PoolMessage.REWARDS,
            ),
        )

    def refusal(self, answer: object) -> Refusal | None:
        """An error, or null in place of a result.

        Without an active worker it says what it says of an address that nobody knows.
        """
        if type(answer) is not dict:
            return None
        if (said := text(answer.get("error"))) is not None:
            return replace(refusal_in_words(said), ends=_NOBODY.search(said) is not None)
        if "result" in answer and answer["result"] is None:
            return Refusal(PollStatus.ERROR, _UNKNOWN, ends=True)
        return None

    def snapshot(self, cycle: Cycle) -> Snapshot:
        """One coin, and its workers by name."""
        stats = AccountStats(coin=_COIN, algorithm=Algorithm.SHA256D)
        workers = _workers(cycle)
        if cycle.said("user_hashrate") is not None:
            fields = _result(cycle, "user_hashrate", stats.flags)
            stats.hashrate_hs = fields.hashrate("hashrate_60s", "hashrate_hs")
            stats.hashrate_1h_hs = fields.hashrate("hashrate_3600s", "hashrate_1h_hs")
            stats.hashrate_24h_hs = fields.hashrate("hashrate_86400s", "hashrate_24h_hs")
            stats.workers_active = fields.count("active_worker_count", "workers_active")
        stats.workers_total = None if workers is None else len(workers)
        if cycle.said("statsnap") is not None:
            fields = _result(cycle, "statsnap", stats.flags)
            stats.last_share_at = fields.instant("lastest_share_ts", "last_share_at")
            stats.unpaid_coins = _bitcoin(fields, "unpaid", "unpaid_coins")
            stats.payout = PayoutSchedule(
                PayoutKind.PER_BLOCK,
                threshold_coins=_THRESHOLD_COINS,
                next_coins=_bitcoin(fields, "estimated_payout_next_block", "next_payout_coins"),
            )
        return Snapshot((stats,), workers or ())

    def rewards(self, cycle: Cycle) -> tuple[MiningReward, ...]:
        """A credit for each block, and what was paid out on chain or by Lightning."""
        fields = _result(cycle, "earnpay", cycle.flags)
        credits_ = [_credit(each, cycle) for each in objects(fields["earnings"])]
        payouts = [_payout(each, cycle) for each in objects(fields["payouts"])]
        return tuple(each for each in (*credits_, *payouts) if each is not None)


def _result(cycle: Cycle, name: str, flags: Flags) -> Fields:
    """What stands in the envelope; a cached copy may come without it."""
    said = cycle.said(name)
    inner = said.get("result", said) if type(said) is dict else said
    return Fields(inner, flags, cycle.raw)


def _bitcoin(fields: Fields, key: str, name: str) -> float | None:
    """Satoshi where it is a whole number, bitcoin where it has a decimal point."""
    value = fields[key]
    whole = type(value) is int or (type(value) is str and value.strip().isdecimal())
    return fields.coins(key, name, per=SATOSHI if whole else 1.0)


def _workers(cycle: Cycle) -> tuple[WorkerStats, ...] | None:
    if cycle.said("user_hashrate_full") is None:
        return None
    said = by_name(_result(cycle, "user_hashrate_full", cycle.flags)["workers"], cycle.flags)
    workers = []
    for known_as, entry in said or ():
        flags = Flags()
        fields = Fields(entry, flags, cycle.raw)
        worker = WorkerStats(
            name=known_as,
            said_at=cycle.fetched_at["user_hashrate_full"],
            algorithm=Algorithm.SHA256D,
            coin=_COIN,
            hashrate_hs=fields.hashrate("hashrate_60s", "hashrate_hs"),
            hashrate_1h_hs=fields.hashrate("hashrate_3600s", "hashrate_1h_hs"),
            hashrate_24h_hs=fields.hashrate("hashrate_86400s", "hashrate_24h_hs"),
            flags=flags,
        )
        workers.append(worker)
    return None if said is None else tuple(workers)


def _credit(entry: dict[str, Any], cycle: Cycle) -> MiningReward | None:
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    block, at = short(entry.get("block_hash")), utc(entry.get("ts"))
    amount = fields.coins("satoshis_net_earned", "amount_coins", per=SATOSHI)
    if block is None or at is None or amount is None:
        cycle.flags.invalid("earnings")
        return None
    spelled = "fees_colected_satoshis"
    key = spelled if plain(entry.get(spelled)) is not None else "fees_collected_satoshis"
    return MiningReward(
        kind=RewardKind.CREDIT,
        coin=_COIN,
        at=at,
        amount_coins=amount,
        identity=block,
        fee_coins=fields.coins(key, "fee_coins", per=SATOSHI),
        reference=block,
        flags=flags,
    )


def _payout(entry: dict[str, Any], cycle: Cycle) -> MiningReward | None:
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    at, transaction = utc(entry.get("ts")), short(entry.get("on_chain_txid"))
    amount = fields.coins("total_satoshis_net_paid", "amount_coins", per=SATOSHI)
    if at is None or amount is None:
        cycle.flags.invalid("payouts")
        return None
    return MiningReward(
        kind=RewardKind.PAYOUT,
        coin=_COIN,
        at=at,
        amount_coins=amount,
        # by Lightning there is no transaction: an account is paid once at an instant
        identity=transaction or f"lightning {at.isoformat()}",
        reference=transaction or "lightning",
        flags=flags,
    )


POOL = Ocean()
