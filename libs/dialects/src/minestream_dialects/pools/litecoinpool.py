"""LitecoinPool: one call with the key in its query; hashrates in kH/s, Dogecoin mined along.

Source: a response of 2016 as Telegraf keeps it, and a public client's types with the Dogecoin
fields. kH/s is proved by its own numbers: network hash_rate = difficulty x 2^32 / block time.
It tells sums and no history: single credits and payouts are not to be had from it.
"""

from typing import Final, Literal

from minestream_dialects.fields import Flags, text
from minestream_dialects.merged import merged_with
from minestream_dialects.pools.coded import refusal_in_words
from minestream_dialects.pools.port import (
    HASHRATE_TTL_S,
    Account,
    AccountStats,
    Call,
    Cycle,
    Key,
    PayoutSchedule,
    Pool,
    Refusal,
    Snapshot,
    Span,
    WorkerStats,
)
from minestream_dialects.pools.values import Fields, by_name, latest
from minestream_schemas.pool import PayoutKind
from minestream_schemas.units import Algorithm

_KILO: Final = 1e3
_MINED: Final = "litecoin"
_MERGED: Final = "dogecoin"


class LitecoinPoolAccount(Account):
    """A user with an API key."""

    pool: Literal["litecoinpool"]
    coin: Literal["litecoin"] = "litecoin"
    key: Key


class LitecoinPool(Pool[LitecoinPoolAccount]):
    """www.litecoinpool.org."""

    name = "litecoinpool"
    url = "https://www.litecoinpool.org"
    scheme = "PPS"
    apart_s = 60.0
    account = LitecoinPoolAccount

    def calls(self, account: LitecoinPoolAccount, _: Span) -> tuple[Call, ...]:
        """The one call; there is no history to ask for."""
        key = {"api_key": account.key}
        return (Call(name="api", path="api", ttl_s=HASHRATE_TTL_S, params=key),)

    def refusal(self, answer: object) -> Refusal | None:
        """An error in place of a user, whatever the HTTP status is."""
        said = text(answer.get("error")) if type(answer) is dict and "user" not in answer else None
        return None if said is None else refusal_in_words(said)

    def snapshot(self, cycle: Cycle) -> Snapshot:
        """Litecoin with its hashrates; Dogecoin with what it brought, if the pool tells it."""
        workers = _workers(cycle)
        mined = AccountStats(
            coin=_MINED, algorithm=Algorithm.SCRYPT, merged_coins=merged_with(_MINED)
        )
        user = Fields(cycle.said("api"), mined.flags, cycle.raw).at("user")
        mined.hashrate_hs = user.hashrate("hash_rate", "hashrate_hs", times=_KILO)
        mined.unpaid_coins = user.coins("unpaid_rewards", "unpaid_coins")
        mined.paid_coins = user.coins("paid_rewards", "paid_coins")
        mined.payout = PayoutSchedule(PayoutKind.THRESHOLD)
        if workers is not None:
            states = [worker.state for worker in workers]
            mined.workers_total = len(workers)
            mined.workers_active = None if None in states else states.count("online")
            mined.last_share_at = latest([worker.last_share_at for worker in workers])
        if user["unpaid_rewards_doge"] is None:
            return Snapshot((mined,), workers or ())
        merged = AccountStats(coin=_MERGED, algorithm=Algorithm.SCRYPT)
        along = Fields(cycle.said("api"), merged.flags, cycle.raw).at("user")
        merged.unpaid_coins = along.coins("unpaid_rewards_doge", "unpaid_coins")
        merged.paid_coins = along.coins("paid_rewards_doge", "paid_coins")
        merged.payout = PayoutSchedule(PayoutKind.THRESHOLD)
        return Snapshot((mined, merged), workers or ())


def _workers(cycle: Cycle) -> tuple[WorkerStats, ...] | None:
    said = by_name(Fields(cycle.said("api"), cycle.flags, cycle.raw)["workers"], cycle.flags)
    workers = []
    for known_as, entry in said or ():
        flags = Flags()
        fields = Fields(entry, flags, cycle.raw)
        connected = entry.get("connected")
        worker = WorkerStats(
            name=known_as,
            said_at=cycle.fetched_at["api"],
            algorithm=Algorithm.SCRYPT,
            coin=_MINED,
            merged_coins=merged_with(_MINED),
            state={True: "online", False: "offline"}[connected]
            if type(connected) is bool
            else None,
            hashrate_hs=fields.hashrate("hash_rate", "hashrate_hs", times=_KILO),
            hashrate_24h_hs=fields.hashrate("hash_rate_24h", "hashrate_24h_hs", times=_KILO),
            last_share_at=fields.instant("last_share_time", "last_share_at", required=False),
            shares_total=fields.count("valid_shares", "shares_total"),
            stale_total=fields.count("stale_shares", "stale_total"),
            rejected_total=fields.count("invalid_shares", "rejected_total"),
            flags=flags,
        )
        workers.append(worker)
    return None if said is None else tuple(workers)


POOL = LitecoinPool()
