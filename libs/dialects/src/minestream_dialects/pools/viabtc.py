"""ViaBTC: a key in a header, every number a text, H/s, lists in pages.

Source: its documentation (``{"code": 0, "data", "message"}``). The days of its history are UTC only
where that is asked for. What a coin that is mined along brings stands in a history of its own, by
two public clients of 2025 and 2026.
"""

from typing import Any, Final, Literal

from minestream_dialects.fields import Flags, text
from minestream_dialects.merged import merged_with
from minestream_dialects.numbers import plain
from minestream_dialects.pools.coded import refusal_of
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
    summed,
    utc,
)
from minestream_schemas.pool import PayoutKind, PoolMessage, RewardKind
from minestream_schemas.units import Algorithm

_TICKERS: Final = {
    "bitcoin": "BTC",
    "bitcoin-cash": "BCH",
    "litecoin": "LTC",
    "dogecoin": "DOGE",
}
_ALGORITHMS: Final = {"litecoin": Algorithm.SCRYPT}
_STATES: Final = {"active": "online", "unactive": "offline"}
_DAY_S: Final = 86_400.0
_SCHEMES: Final = {"pps_profit": "PPS+", "pplns_profit": "PPLNS", "solo_profit": "SOLO"}
_PAGE: Final = "500"
_PAYMENTS: Final = "wallet/payment/history"
_OF_KEY: Final = frozenset({12001, 12002, 12003, 12004})
"""Its codes of a wrong key, signature or time, and of an address that may not use the key."""


class ViaBtcAccount(Account):
    """An account or sub-account with an API key."""

    pool: Literal["viabtc"]
    coin: Literal["bitcoin", "bitcoin-cash", "litecoin"] = "bitcoin"
    key: Key


class ViaBtc(Pool[ViaBtcAccount]):
    """www.viabtc.com."""

    name = "viabtc"
    url = "https://www.viabtc.com/res/openapi/v1"
    scheme = "PPS+"
    apart_s = 1.0
    account = ViaBtcAccount

    def calls(self, account: ViaBtcAccount, span: Span) -> tuple[Call, ...]:
        """Hashrates, workers, balances; what each day brought of each coin, and payments."""
        coin = {"coin": _TICKERS[account.coin]}
        span_of = {
            "start_date": span.begin.date().isoformat(),
            "end_date": span.end.date().isoformat(),
            "utc": "true",
        }
        days = coin | span_of
        snapshot, rewards = PoolMessage.SNAPSHOT, PoolMessage.REWARDS
        payouts = PoolMessage.PAYOUTS
        asked: tuple[tuple[str, str, float, PoolMessage, dict[str, str]], ...] = (
            ("hashrate", "hashrate", HASHRATE_TTL_S, snapshot, coin),
            ("workers", "hashrate/worker", STATS_TTL_S, snapshot, {**coin, "limit": _PAGE}),
            ("account", "account", STATS_TTL_S, snapshot, {}),
            ("profit", "profit/history", REWARDS_TTL_S, rewards, days),
            ("payments", _PAYMENTS, REWARDS_TTL_S, payouts, days),
        )
        for merged in merged_with(account.coin):
            days = {"coin": _TICKERS[merged], **span_of}
            asked += (
                (f"profit-{merged}", "reward/history", REWARDS_TTL_S, rewards, days),
                (f"payments-{merged}", _PAYMENTS, REWARDS_TTL_S, payouts, days),
            )
        return tuple(
            Call(
                name=name,
                path=path,
                ttl_s=ttl_s,
                message=message,
                params=params,
                headers={"X-API-KEY": account.key},
                paged=name not in {"hashrate", "account"},
            )
            for name, path, ttl_s, message, params in asked
        )

    def refusal(self, answer: object) -> Refusal | None:
        """Read ``{"code": …, "message": …}``; code 0 is well."""
        return refusal_of(answer, "message", must_say=True, of_key=_OF_KEY)

    def more(self, answer: object) -> bool:
        """Lists say it beside their items, inside ``data`` or at the top."""
        data = answer.get("data") if type(answer) is dict else None
        places = (answer, data)
        return any(type(place) is dict and place.get("has_next") is True for place in places)

    def snapshot(self, cycle: Cycle) -> Snapshot:
        """The coin that is mined with its workers by name, and what is mined along."""
        coin = cycle.coin("bitcoin")
        stats = AccountStats(coin=coin, algorithm=_algorithm(coin), merged_coins=merged_with(coin))
        workers = _workers(cycle, coin)
        stats.last_share_at = latest([worker.last_share_at for worker in workers])
        if cycle.said("hashrate") is not None:
            data = Fields(cycle.said("hashrate"), stats.flags, cycle.raw).at("data")
            stats.hashrate_hs = data.hashrate("hashrate_10min", "hashrate_hs")
            stats.hashrate_1h_hs = data.hashrate("hashrate_1hour", "hashrate_1h_hs")
            stats.hashrate_24h_hs = data.hashrate("hashrate_24hour", "hashrate_24h_hs")
            stats.workers_active = data.count("active_workers", "workers_active")
            silent = data.count("unactive_workers", "workers_total")
            stats.workers_total = summed([stats.workers_active, silent])
        if cycle.said("account") is not None:
            stats.unpaid_coins = _balance(cycle, coin, stats.flags)
            if stats.unpaid_coins is None:
                stats.flags.missing("unpaid_coins")
        stats.payout = PayoutSchedule(PayoutKind.DAILY)
        return Snapshot((stats, *_merged(cycle, coin)), workers)

    def rewards(self, cycle: Cycle) -> tuple[MiningReward, ...]:
        """A credit for each day that is over, and payments."""
        coin = cycle.coin("bitcoin")
        found = [_daily(each, cycle, coin) for each in _items(cycle, "profit")]
        found += [_payment(each, cycle, coin) for each in _items(cycle, "payments")]
        for merged in merged_with(coin):
            found += [_daily(each, cycle, merged) for each in _items(cycle, f"profit-{merged}")]
            found += [_payment(each, cycle, merged) for each in _items(cycle, f"payments-{merged}")]
        return tuple(each for each in found if each is not None)


def _algorithm(coin: str) -> Algorithm:
    return _ALGORITHMS.get(coin, Algorithm.SHA256D)


def _items(cycle: Cycle, name: str) -> list[dict[str, Any]]:
    """The items of all pages of a list: under ``data``, or under ``data.data``."""
    found = []
    for page in cycle.answers.get(name, ()):
        data = page.get("data") if type(page) is dict else None
        found += objects(data.get("data") if type(data) is dict else data)
    return found


def _balance(cycle: Cycle, coin: str, flags: Flags) -> float | None:
    data = Fields(cycle.said("account"), flags, cycle.raw).at("data")
    for entry in objects(data["balance"]):
        if entry.get("coin") == _TICKERS.get(coin):
            return Fields(entry, flags, cycle.raw).coins("amount", "unpaid_coins")
    return None


def _merged(cycle: Cycle, coin: str) -> tuple[AccountStats, ...]:
    """What is owed of coins that are mined along, as far as there is a balance of them."""
    found = []
    for merged in merged_with(coin):
        stats = AccountStats(coin=merged, algorithm=_algorithm(coin))
        stats.unpaid_coins = _balance(cycle, merged, stats.flags)
        stats.payout = PayoutSchedule(PayoutKind.DAILY)
        if stats.unpaid_coins is not None:
            found.append(stats)
    return tuple(found)


def _workers(cycle: Cycle, coin: str) -> tuple[WorkerStats, ...]:
    workers = []
    for entry in _items(cycle, "workers"):
        flags = Flags()
        fields = Fields(entry, flags, cycle.raw)
        known_as = name_of(entry.get("worker_name"))
        if known_as is None:
            cycle.flags.invalid("workers")
            continue
        state = text(entry.get("worker_status"))
        worker = WorkerStats(
            name=known_as,
            said_at=cycle.fetched_at["workers"],
            algorithm=_algorithm(coin),
            coin=coin,
            merged_coins=merged_with(coin),
            worker_id=short(entry.get("worker_id")),
            state=_STATES.get(state or "", state),
            hashrate_hs=fields.hashrate("hashrate_10min", "hashrate_hs"),
            hashrate_1h_hs=fields.hashrate("hashrate_1hour", "hashrate_1h_hs"),
            hashrate_24h_hs=fields.hashrate("hashrate_24hour", "hashrate_24h_hs"),
            last_share_at=fields.instant("last_active", "last_share_at"),
            flags=flags,
        )
        workers.append(worker)
    return tuple(workers)


def _daily(entry: dict[str, Any], cycle: Cycle, coin: str) -> MiningReward | None:
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    day, at = fields.day("date"), utc(entry.get("date"))
    amount = fields.coins("total_profit", "amount_coins")
    if day is None or at is None or amount is None:
        cycle.flags.invalid("profit")
        return None
    paid = [scheme for key, scheme in _SCHEMES.items() if plain(entry.get(key))]
    return MiningReward(
        kind=RewardKind.CREDIT,
        coin=coin,
        at=at,
        amount_coins=amount,
        identity=day.isoformat(),
        period_s=_DAY_S,
        reference=day.isoformat(),
        scheme=paid[0] if len(paid) == 1 else None,
        flags=flags,
    )


def _payment(entry: dict[str, Any], cycle: Cycle, coin: str) -> MiningReward | None:
    flags = Flags()
    fields = Fields(entry, flags, cycle.raw)
    at, number = utc(entry.get("create_time")), short(entry.get("id"))
    amount = fields.coins("amount", "amount_coins")
    if at is None or amount is None or number is None:
        cycle.flags.invalid("payments")
        return None
    return MiningReward(
        kind=RewardKind.PAYOUT,
        coin=coin,
        at=at,
        amount_coins=amount,
        identity=number,
        reference=short(entry.get("tx")) or number,
        flags=flags,
    )


POOL = ViaBtc()
