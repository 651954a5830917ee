"""F2Pool, API v2: questions are POSTed, the token is a header, errors come with HTTP 200.

Source: its documentation (H/s; amounts as numbers; ``{"code", "msg"}`` for an error), and what
public clients recorded: an empty list is null, a bill's type may say how shares were paid. A token
may have leave for some calls only. Each coin has a balance and bills of its own, and Litecoin's
miners earn Dogecoin too.
"""

from typing import Any, Final, Literal

from pydantic import Field

from minestream_dialects.fields import Flags, text
from minestream_dialects.merged import merged_with
from minestream_dialects.numbers import plain
from minestream_dialects.pools.coded import refusal_of
from minestream_dialects.pools.port import (
    HASHRATE_TTL_S,
    REWARDS_TTL_S,
    SCHEDULE_TTL_S,
    STATS_TTL_S,
    Account,
    AccountStats,
    Call,
    Cycle,
    Key,
    MiningReward,
    PayoutSchedule,
    Pool,
    Refusal,
    Snapshot,
    Span,
    WorkerStats,
)
from minestream_dialects.pools.values import (
    Fields,
    latest,
    name_of,
    objects,
    short,
    utc,
)
from minestream_schemas.pool import PayoutKind, PoolMessage, RewardKind
from minestream_schemas.units import Algorithm

_ALGORITHMS: Final = {"litecoin": Algorithm.SCRYPT}
_STATES: Final = {0: "online", 1: "offline", 2: "expired"}
_DAY_S: Final = 86_400.0
_REVENUE: Final = "revenue_"
_SCHEMES: Final = frozenset({"FPPS", "PPS", "PPLNS", "SOLO"})


class F2PoolAccount(Account):
    """A mining account that the token may read."""

    pool: Literal["f2pool"]
    coin: Literal["bitcoin", "bitcoin-cash", "litecoin"] = "bitcoin"
    key: Key
    user: str = Field(
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="the mining account's name: letters, digits, dots, dashes, underscores",
        examples=["farm-1"],
    )


class F2Pool(Pool[F2PoolAccount]):
    """api.f2pool.com/v2."""

    name = "f2pool"
    url = "https://api.f2pool.com/v2"
    scheme = "PPS+"
    apart_s = 1.0
    account = F2PoolAccount

    def calls(self, account: F2PoolAccount, span: Span) -> tuple[Call, ...]:
        """Hashrates, workers, wallets; of each coin that is earned the balance, and all bills."""
        whose: dict[str, object] = {"mining_user_name": account.user}
        mined = whose | {"currency": account.coin}
        days = {
            "type": "revenue,dividend,reward,payout",
            "start_time": int(span.begin.timestamp()),
            "end_time": int(span.end.timestamp()),
        }
        bills = "assets/transactions/list"
        asked: tuple[tuple[str, str, float, dict[str, object]], ...] = (
            ("info", "hash_rate/info", HASHRATE_TTL_S, mined),
            ("workers", "hash_rate/worker/list", STATS_TTL_S, mined),
            ("balance", "assets/balance", STATS_TTL_S, mined),
            ("user", "mining_user/get", SCHEDULE_TTL_S, whose),
            ("transactions", bills, REWARDS_TTL_S, mined | days),
        )
        for merged in merged_with(account.coin):
            along = whose | {"currency": merged}
            asked += (
                (f"balance-{merged}", "assets/balance", STATS_TTL_S, along),
                (f"transactions-{merged}", bills, REWARDS_TTL_S, along | days),
            )
        return tuple(
            Call(
                name=name,
                path=path,
                ttl_s=ttl_s,
                message=PoolMessage.REWARDS if path == bills else PoolMessage.SNAPSHOT,
                headers={"F2P-API-SECRET": account.key},
                content=content,
            )
            for name, path, ttl_s, content in asked
        )

    def refusal(self, answer: object) -> Refusal | None:
        """Read ``{"code": …, "msg": …}``; which codes there are its documentation does not say."""
        return refusal_of(answer, "msg")

    def snapshot(self, cycle: Cycle) -> Snapshot:
        """The coin that is mined with its workers by name, and what is mined along."""
        coin = cycle.coin("bitcoin")
        stats = AccountStats(coin=coin, algorithm=_algorithm(coin), merged_coins=merged_with(coin))
        workers = _workers(cycle, coin)
        if _are_told(cycle.said("workers")):
            stats.workers_total = len(workers)
            stats.workers_active = sum(worker.state == "online" for worker in workers)
            stats.last_share_at = latest([worker.last_share_at for worker in workers])
        if cycle.said("info") is not None:
            info = Fields(cycle.said("info"), stats.flags, cycle.raw).at("info")
            stats.hashrate_hs = info.hashrate("hash_rate", "hashrate_hs")
            stats.hashrate_1h_hs = info.hashrate("h1_hash_rate", "hashrate_1h_hs")
            stats.hashrate_24h_hs = info.hashrate("h24_hash_rate", "hashrate_24h_hs")
        _owed(cycle, "balance", stats)
        return Snapshot((stats, *_merged(cycle, coin)), workers)

    def rewards(self, cycle: Cycle) -> tuple[MiningReward, ...]:
        """A credit for each day of mining and for what others gave, and payouts."""
        mined = cycle.coin("bitcoin")
        earned = {"transactions": mined}
        earned |= {f"transactions-{merged}": merged for merged in merged_with(mined)}
        found = [
            _transaction(each, cycle, coin)
            for name, coin in earned.items()
            for each in objects(Fields(cycle.said(name), cycle.flags, cycle.raw)["transactions"])
        ]
        return tuple(each for each in found if each is not None)


def _algorithm(coin: str) -> Algorithm:
    return _ALGORITHMS.get(coin, Algorithm.SHA256D)


def _are_told(said: object) -> bool:
    """Does it say which workers there are? An empty list it writes as null."""
    workers = said.get("workers", "") if type(said) is dict else ""
    return workers is None or type(workers) is list


def _owed(cycle: Cycle, name: str, stats: AccountStats) -> None:
    if cycle.said(name) is not None:
        balance = Fields(cycle.said(name), stats.flags, cycle.raw).at("balance_info")
        stats.unpaid_coins = balance.coins("balance", "unpaid_coins")
        stats.paid_coins = balance.coins("paid", "paid_coins")
    stats.payout = PayoutSchedule(PayoutKind.DAILY, _threshold(cycle, stats.coin, stats.flags))


def _merged(cycle: Cycle, coin: str) -> tuple[AccountStats, ...]:
    """What is owed of coins that are mined along, as far as it is told."""
    found = []
    for merged in merged_with(coin):
        stats = AccountStats(coin=merged, algorithm=_algorithm(coin))
        _owed(cycle, f"balance-{merged}", stats)
        if cycle.said(f"balance-{merged}") is not None:
            found.append(stats)
    return tuple(found)


def _threshold(cycle: Cycle, coin: str, flags: Flags) -> float | None:
    wallets = objects(Fields(cycle.said("user"), flags, cycle.raw)["wallets"])
    for wallet in wallets:
        if wallet.get("currency") == coin:
            fields = Fields(wallet, flags, cycle.raw)
            return fields.coins("threshold", "payout_threshold_coins", required=False)
    return None


def _workers(cycle: Cycle, coin: str) -> tuple[WorkerStats, ...]:
    said = Fields(cycle.said("workers"), cycle.flags, cycle.raw)["workers"]
    workers = []
    for entry in objects(said):
        flags = Flags()
        fields = Fields(entry, flags, cycle.raw)
        rates = fields.at("hash_rate_info")
        known_as = name_of(rates["name"])
        if known_as is None:
            cycle.flags.invalid("workers")
            continue
        # 0 is left out by some encoders: who does not say is online
        state = fields.count("status", "state", required=False) or 0
        worker = WorkerStats(
            name=known_as,
            said_at=cycle.fetched_at["workers"],
            algorithm=_algorithm(coin),
            coin=coin,
            merged_coins=merged_with(coin),
            state=_STATES.get(state),
            hashrate_hs=rates.hashrate("hash_rate", "hashrate_hs"),
            hashrate_1h_hs=rates.hashrate("h1_hash_rate", "hashrate_1h_hs"),
            hashrate_24h_hs=rates.hashrate("h24_hash_rate", "hashrate_24h_hs"),
            last_share_at=fields.instant("last_share_at", "last_share_at"),
            flags=flags,
        )
        workers.append(worker)
    return tuple(workers)


def _transaction(entry: dict[str, Any], cycle: Cycle, coin: str) -> MiningReward | None:
    changed = plain(entry.get("changed_balance"))
    number = short(entry.get("id"))
    if changed is None or number is None or changed == 0:
        cycle.flags.invalid("transactions")
        return None
    flags = Flags()
    income = changed > 0
    if not income and not _is_payout(entry):
        return None  # given to another account, or spent at the pool
    extra = Fields(entry, flags, cycle.raw).at("mining_extra" if income else "payout_extra")
    # of a payout that waits there is no paid_time yet: who dates it by that tells it twice
    at = (utc(extra["mining_date"]) if income else None) or utc(entry.get("created_at"))
    amount = Fields({"amount": abs(changed)}, flags, cycle.raw).coins("amount", "amount_coins")
    if at is None or amount is None:
        cycle.flags.invalid("transactions")
        return None
    day = at.date().isoformat()
    return MiningReward(
        kind=RewardKind.CREDIT if income else RewardKind.PAYOUT,
        coin=coin,
        at=at,
        amount_coins=amount,
        identity=number,
        fee_coins=None if income else extra.coins("tip", "fee_coins", required=False),
        period_s=_DAY_S if income and extra["mining_date"] is not None else None,
        reference=day if income else short(extra["tx_id"]) or number,
        scheme=_scheme(entry),
        flags=flags,
    )


def _scheme(entry: dict[str, Any]) -> str | None:
    """How the shares were paid, of a type like ``revenue_fpps``."""
    kind = text(entry.get("type")) or ""
    named = kind.removeprefix(_REVENUE).upper()
    return named if kind.startswith(_REVENUE) and named in _SCHEMES else None


def _is_payout(entry: dict[str, Any]) -> bool:
    return type(entry.get("payout_extra")) is dict or "payout" in (text(entry.get("type")) or "")


POOL = F2Pool()
