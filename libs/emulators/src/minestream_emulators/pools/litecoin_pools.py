"""A ledger in the words of LitecoinPool, F2Pool and ViaBTC: shapes as recorded or documented."""

from collections.abc import Mapping
from typing import Any, Final

from minestream_emulators.pools.bitcoin_pools import USER, btc, hash_of
from minestream_emulators.pools.ledger import WINDOWS_S, Day, Ledger, Seen

_KILO: Final = 1e3
_DOGE_PER_LTC: Final = 3800.0
_LITECOIN: Final = "litecoin"
_F2POOL_TIMES: Final = {_LITECOIN: 1.0, "dogecoin": _DOGE_PER_LTC}


# -- LitecoinPool -----------------------------------------------------------------------------


def litecoinpool(ledger: Ledger) -> dict[str, Any]:
    """``/api``: hashrates in kH/s, shares as texts."""
    return {
        "user": {
            "hash_rate": round(ledger.total_hs(300.0) / _KILO, 1),
            "expected_24h_rewards": ledger.unpaid,
            "total_rewards": ledger.paid + ledger.unpaid,
            "paid_rewards": ledger.paid,
            "unpaid_rewards": ledger.unpaid,
            "past_24h_rewards": ledger.unpaid,
            "paid_rewards_doge": ledger.paid * _DOGE_PER_LTC,
            "unpaid_rewards_doge": ledger.unpaid * _DOGE_PER_LTC,
            "total_work": "151077177713885184",
            "blocks_found": 12,
        },
        "workers": {f"{USER}.{seen.name}": _litecoinpool_worker(seen) for seen in ledger.workers},
        "pool": {"hash_rate": 389_000_000_000, "active_users": 9914, "pps_ratio": 1.25},
        "network": {"hash_rate": 3_120_000_000_000, "block_number": 2_950_001},
        "market": {"ltc_usd": 82.1, "doge_usd": 0.0999},
    }


def _litecoinpool_worker(seen: Seen) -> dict[str, Any]:
    return {
        "connected": seen.online,
        "hash_rate": round(seen.means_hs[300.0] / _KILO, 1),
        "hash_rate_24h": round(seen.means_hs[86_400.0] / _KILO, 1),
        "valid_shares": str(round(seen.valid)),
        "stale_shares": str(round(seen.stale)),
        "invalid_shares": "0",
        "last_share_time": round(seen.last_share_s),
        "reset_time": 1_512_630_506,
    }


# -- F2Pool -----------------------------------------------------------------------------------


def _f2pool_rates(name: str, means: dict[float, float]) -> dict[str, Any]:
    return {
        "name": name,
        "hash_rate": means[600.0],
        "h1_hash_rate": means[3600.0],
        "h24_hash_rate": means[86_400.0],
        "h1_stale_hash_rate": means[3600.0] * 1e-3,
        "h24_stale_hash_rate": means[86_400.0] * 1e-3,
        "h24_delay_hash_rate": 0,
        "local_hash_rate": 0,
        "h24_local_hash_rate": 0,
    }


def f2pool_info(ledger: Ledger) -> dict[str, Any]:
    """``/v2/hash_rate/info``."""
    totals = {window_s: ledger.total_hs(window_s) for window_s in WINDOWS_S}
    return {"info": _f2pool_rates(USER, totals), "currency": "litecoin"}


def f2pool_workers(ledger: Ledger) -> dict[str, Any]:
    """``/v2/hash_rate/worker/list``."""
    workers = [
        {
            "hash_rate_info": _f2pool_rates(seen.name, seen.means_hs),
            "last_share_at": round(seen.last_share_s),
            "status": 0 if seen.online else 1,
            "host": "198.51.100.7",
        }
        for seen in ledger.workers
    ]
    return {"workers": workers or None}


def f2pool_refusal(asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """What it says, with HTTP 200, of an account that a token may not read, or of no coin."""
    name = asked.get("mining_user_name")
    if name != USER:
        return {"code": 5010, "msg": f'permission denied: permission denied name="{name}"'}
    currency = asked.get("currency", _LITECOIN)
    if currency not in _F2POOL_TIMES:
        return {"code": 5001, "msg": f'params error: currency="{currency}"'}
    return None


def f2pool_balance(ledger: Ledger, coin: str) -> dict[str, Any]:
    """``/v2/assets/balance``."""
    times = _F2POOL_TIMES[coin]
    return {
        "balance_info": {
            "balance": ledger.unpaid * times,
            "paid": ledger.paid * times,
            "total_income": (ledger.paid + ledger.unpaid) * times,
            "status": 0,
            "yesterday_income": 0.0,
            "estimated_today_income": ledger.unpaid * times,
            "immature_balance": 0,
        }
    }


def f2pool_user() -> dict[str, Any]:
    """``/v2/mining_user/get``."""
    wallets = [
        {"currency": _LITECOIN, "address": "ltc1qminestream", "threshold": "0.02"},
        {"currency": "dogecoin", "address": "Dminestream", "threshold": "40"},
    ]
    return {"mining_user_name": USER, "pages": [], "wallets": wallets, "description": ""}


def f2pool_transactions(ledger: Ledger, begin_s: float, end_s: float, coin: str) -> dict[str, Any]:
    """``/v2/assets/transactions/list``; an empty list is null."""
    bills: list[dict[str, Any]] = []
    for day in ledger.days(begin_s, end_s):
        bills.append(_f2pool_revenue(day, coin))
        if day.paid_s <= ledger.at_s:
            bills.append(_f2pool_payout(day, coin))
    return {"transactions": bills or None}


def _f2pool_revenue(day: Day, coin: str) -> dict[str, Any]:
    return {
        "id": 4 * day.number + 2 * (coin != _LITECOIN),
        "type": "revenue",
        "changed_balance": day.coins * _F2POOL_TIMES[coin],
        "created_at": round(day.paid_s),
        "mining_extra": {"mining_date": round(day.at_s), "settle_date": round(day.at_s + 86_400)},
        "payout_extra": None,
    }


def _f2pool_payout(day: Day, coin: str) -> dict[str, Any]:
    coins = day.coins * _F2POOL_TIMES[coin]
    return {
        "id": 4 * day.number + 2 * (coin != _LITECOIN) + 1,
        "type": "payout",
        "changed_balance": -coins,
        "created_at": round(day.paid_s),
        "mining_extra": None,
        "payout_extra": {
            "value": coins,
            "address": "ltc1qminestream",
            "tx_id": hash_of("f2pool", coin, day.number),
            "paid_time": round(day.paid_s),
            "wallet_type": "mainnet",
            "tip": 0.0,
        },
    }


# -- ViaBTC -----------------------------------------------------------------------------------


def _viabtc(data: object) -> dict[str, Any]:
    return {"code": 0, "data": data, "message": "OK"}


def paged(items: list[dict[str, Any]], page: int, limit: int) -> dict[str, Any]:
    """A page of a list, with what ViaBTC says beside it."""
    first = (page - 1) * limit
    pages = max(-(-len(items) // limit), 1)
    return {
        "count": len(items[first : first + limit]),
        "curr_page": page,
        "data": items[first : first + limit],
        "has_next": page < pages,
        "total": len(items),
        "total_page": pages,
    }


def _viabtc_rates(means: dict[float, float]) -> dict[str, str]:
    return {
        "hashrate_10min": str(round(means[600.0])),
        "hashrate_1hour": str(round(means[3600.0])),
        "hashrate_24hour": str(round(means[86_400.0])),
    }


def viabtc_hashrate(ledger: Ledger) -> dict[str, Any]:
    """``/hashrate``."""
    online = sum(seen.online for seen in ledger.workers)
    totals = {window_s: ledger.total_hs(window_s) for window_s in WINDOWS_S}
    silent = len(ledger.workers) - online
    told = {"active_workers": online, "unactive_workers": silent, "coin": "LTC"}
    return _viabtc({**told, **_viabtc_rates(totals)})


def viabtc_workers(ledger: Ledger, page: int, limit: int) -> dict[str, Any]:
    """``/hashrate/worker``."""
    workers: list[dict[str, Any]] = [
        {
            "coin": "LTC",
            "group_id": None,
            "group_name": None,
            **_viabtc_rates(seen.means_hs),
            "last_active": round(seen.last_share_s),
            "reject_rate": "0.001",
            "worker_id": 1000 + seen.number,
            "worker_name": seen.name,
            "worker_status": "active" if seen.online else "unactive",
        }
        for seen in ledger.workers
    ]
    return _viabtc(paged(workers, page, limit))


def viabtc_account(ledger: Ledger) -> dict[str, Any]:
    """``/account``."""
    owed = {"LTC": ledger.unpaid, "DOGE": ledger.unpaid * _DOGE_PER_LTC, "BTC": 0.0}
    balance = [{"coin": coin, "amount": btc(amount)} for coin, amount in owed.items()]
    account = {"id": 45, "parent_user_id": None, "account": USER}
    return _viabtc({"account": account, "observer": [], "withdraw_address": [], "balance": balance})


def viabtc_profit(ledger: Ledger, begin_s: float, end_s: float) -> list[dict[str, Any]]:
    """Items of ``/profit/history``."""
    return [
        {
            "coin": "LTC",
            "date": day.day.isoformat(),
            "pplns_profit": btc(day.coins),
            "pps_profit": "0",
            "solo_profit": "0",
            "total_profit": btc(day.coins),
        }
        for day in ledger.days(begin_s, end_s)
    ]


def viabtc_rewards(ledger: Ledger, begin_s: float, end_s: float) -> list[dict[str, Any]]:
    """Items of ``/reward/history``: what is mined along."""
    return [
        {
            "coin": "DOGE",
            "date": day.day.isoformat(),
            "total_profit": btc(day.coins * _DOGE_PER_LTC),
        }
        for day in ledger.days(begin_s, end_s)
    ]


def viabtc_payments(
    ledger: Ledger, begin_s: float, end_s: float, coin: str
) -> list[dict[str, Any]]:
    """Items of ``/wallet/payment/history``."""
    times = _DOGE_PER_LTC if coin == "DOGE" else 1.0
    return [
        {
            "id": day.number * 2 + (coin == "DOGE"),
            "coin": coin,
            "amount": btc(day.coins * times),
            "address": "ltc1qminestream",
            "tx": hash_of("viabtc", coin, day.number),
            "create_time": round(day.paid_s),
        }
        for day in ledger.days(begin_s, end_s)
        if day.paid_s <= ledger.at_s
    ]
