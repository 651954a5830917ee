"""A ledger in the words of Ocean and Braiins: shapes and types as recorded or documented."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from minestream_emulators.pools.ledger import WINDOWS_S, Ledger

SATOSHI: Final = 1e8
_GIGA: Final = 1e9
_THRESHOLD: Final = 0.01048576
USER: Final = "minestream"
ADDRESS: Final = "bc1qminestreamemulated0000000000000000000"


def hash_of(*parts: object) -> str:
    """What looks like a transaction or a block."""
    return sha256("/".join(map(str, parts)).encode()).hexdigest()


def btc(coins: float) -> str:
    """An amount with eight decimals."""
    return f"{coins:.8f}"


def _iso(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


# -- Ocean ------------------------------------------------------------------------------------


def _windows(means: dict[float, float]) -> dict[str, str]:
    return {f"hashrate_{window_s:g}s": str(round(mean)) for window_s, mean in means.items()}


def ocean_hashrate(ledger: Ledger) -> dict[str, Any]:
    """``/user_hashrate``."""
    totals = {window_s: ledger.total_hs(window_s) for window_s in WINDOWS_S}
    active = sum(seen.online for seen in ledger.workers)
    return {
        "result": {
            "snap_ts": str(round(ledger.at_s)),
            **_windows(totals),
            "active_worker_count": active,
        }
    }


def ocean_workers(ledger: Ledger) -> dict[str, Any]:
    """``/user_hashrate_full``: each worker a list of one object."""
    workers = {f"{ADDRESS}.{seen.name}": [_windows(seen.means_hs)] for seen in ledger.workers}
    return {"result": {"snap_ts": str(round(ledger.at_s)), "workers": workers}}


def ocean_statsnap(ledger: Ledger) -> dict[str, Any]:
    """``/statsnap``."""
    newest = max((seen.last_share_s for seen in ledger.workers), default=0.0)
    total = ledger.unpaid + ledger.total_hs(86_400.0) * 1e-20
    return {
        "result": {
            "snap_ts": str(round(ledger.at_s)),
            "hashrate_60s": str(round(ledger.total_hs(60.0))),
            "hashrate_300s": str(round(ledger.total_hs(300.0))),
            "lastest_share_ts": str(round(newest)),
            "unpaid": btc(ledger.unpaid),
            "estimated_payout_next_block": btc(total if total >= _THRESHOLD else 0.0),
        }
    }


def ocean_earnpay(ledger: Ledger, begin_s: float, end_s: float) -> dict[str, Any]:
    """``/earnpay``: a block a day, paid out the next morning."""
    days = list(ledger.days(begin_s, end_s))
    return {
        "result": {
            "start_ts": str(round(begin_s)),
            "end_ts": str(round(end_s)),
            "earnings": [
                {
                    "block_hash": hash_of("block", day.number),
                    "ts": _iso(day.at_s + 36_000.0),
                    "shares_in_window": 128_515_457_417_216,
                    "fees_colected_satoshis": round(day.coins * 0.01 * SATOSHI),
                    "satoshis_net_earned": round(day.coins * SATOSHI),
                }
                for day in reversed(days)
            ],
            "payouts": [
                {
                    "ts": _iso(day.paid_s),
                    "on_chain_txid": hash_of("ocean", day.number),
                    "total_satoshis_net_paid": round(day.coins * SATOSHI),
                    "is_generation_txn": True,
                }
                for day in reversed(days)
                if day.paid_s <= ledger.at_s
            ],
        }
    }


# -- Braiins ----------------------------------------------------------------------------------


def _braiins_rates(means: dict[float, float]) -> dict[str, Any]:
    return {
        "hash_rate_unit": "Gh/s",
        "hash_rate_5m": round(means[300.0] / _GIGA),
        "hash_rate_60m": round(means[3600.0] / _GIGA),
        "hash_rate_24h": round(means[86_400.0] / _GIGA),
    }


def braiins_profile(ledger: Ledger) -> dict[str, Any]:
    """``/accounts/profile``."""
    online = sum(seen.online for seen in ledger.workers)
    totals = {window_s: ledger.total_hs(window_s) for window_s in WINDOWS_S}
    return {
        "username": USER,
        "btc": {
            "all_time_reward": btc(ledger.paid + ledger.unpaid),
            **_braiins_rates(totals),
            "low_workers": 0,
            "off_workers": len(ledger.workers) - online,
            "ok_workers": online,
            "dis_workers": 0,
            "current_balance": btc(ledger.unpaid),
            "today_reward": btc(ledger.unpaid),
            "estimated_reward": btc(ledger.unpaid),
        },
    }


def braiins_workers(ledger: Ledger) -> dict[str, Any]:
    """``/accounts/workers``."""
    return {
        "btc": {
            "workers": {
                f"{USER}.{seen.name}": {
                    "state": "ok" if seen.online else "off",
                    "last_share": round(seen.last_share_s),
                    **_braiins_rates(seen.means_hs),
                    "hash_rate_scoring": round(seen.means_hs[3600.0] / _GIGA),
                    "shares_24h": round(seen.valid) % 100_000,
                }
                for seen in ledger.workers
            }
        }
    }


def braiins_rewards(ledger: Ledger, begin_s: float, end_s: float) -> dict[str, Any]:
    """``/accounts/rewards``."""
    days = [
        {
            "date": round(day.at_s),
            "total_reward": btc(day.coins),
            "mining_reward": btc(day.coins),
            "bos_plus_reward": btc(0.0),
            "referral_bonus": btc(0.0),
            "referral_reward": btc(0.0),
            "calculation_date": round(day.paid_s),
        }
        for day in ledger.days(begin_s, end_s)
    ]
    return {"btc": {"daily_rewards": days}}


def braiins_payouts(ledger: Ledger, begin_s: float, end_s: float) -> dict[str, Any]:
    """``/accounts/payouts``."""
    onchain = [
        {
            "financial_account_name": "Bitcoin Account",
            "requested_at_ts": round(day.paid_s),
            "resolved_at_ts": round(day.paid_s) if day.paid_s <= ledger.at_s else None,
            "status": "confirmed" if day.paid_s <= ledger.at_s else "queued",
            "amount_sats": round(day.coins * SATOSHI),
            "fee_sats": 0,
            "destination": ADDRESS,
            "tx_id": hash_of("braiins", day.number),
            "trigger_type": "triggered",
        }
        for day in ledger.days(begin_s, end_s)
    ]
    return {"onchain": onchain, "lightning": []}
