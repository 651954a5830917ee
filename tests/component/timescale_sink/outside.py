"""Events of the world beyond the farm: pools, markets, features."""

from datetime import datetime, timedelta
from typing import Any

from tests.component.timescale_sink.events import NOW

from minestream_schemas.event import Event, Topic
from minestream_schemas.feature import FEATURE, Feature, FeatureGroup
from minestream_schemas.ids import derived_id
from minestream_schemas.market import (
    INDICATORS,
    NETWORK,
    PRICE,
    CoinIndicators,
    CoinPrice,
    NetworkState,
)
from minestream_schemas.pool import (
    POOL_BALANCE,
    POOL_NOTICE,
    POOL_RATE,
    POOL_REWARD,
    POOL_STATS,
    POOL_WORKER,
    NoticeKind,
    PayoutKind,
    PoolBalance,
    PoolNotice,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
    RewardKind,
)
from minestream_schemas.units import Algorithm

ACCOUNT = {"account_id": "prohashing-main", "pool": "prohashing"}


def _ids(*parts: object) -> dict[str, Any]:
    raw_id = derived_id("test-raw", *parts)
    return {"event_id": derived_id("test", raw_id), "raw_event_id": raw_id}


def pool_worker(subject: str, at: datetime, worker: str = "l9-1", **more: Any) -> PoolWorker:
    fields: dict[str, Any] = {
        **_ids("worker", subject, worker, at.isoformat(), more.get("worker_id")),
        **ACCOUNT,
        "subject": subject,
        "ts": at,
        "worker": worker,
        "worker_id": "8e0c0a0e",
        "miner_id": subject,
        "site_id": "site-a",
        "algorithm": Algorithm.SCRYPT,
        "coin": "Dogecoin",
        "hashrate_hs": 1.5e10,
        "difficulty": 1048576.0,
        "shares_total": 1289331,
        "shares_recent": 415,
        "hardware": "Antminer L9",
        "merged_coins": ("Dogecoin",),
        "payout_scheme": "PPLNS",
        "state": "online",
        "hashrate_1h_hs": 1.51e10,
        "hashrate_24h_hs": 1.49e10,
        "last_share_at": at - timedelta(seconds=4),
        "stale_total": 12,
        "rejected_total": 3,
        "quality_flags": ("field_invalid:difficulty",),
    }
    return PoolWorker(**(fields | more))


def pool_rate(at: datetime, **more: Any) -> PoolRate:
    fields: dict[str, Any] = {
        **_ids("rate", at.isoformat(), more.get("received_at")),
        **ACCOUNT,
        "subject": "prohashing/scrypt",
        "ts": at,
        "algorithm": Algorithm.SCRYPT,
        "unit_hs": 1e6,
        "usd_per_hs_day": 4.5e-10,
        "btc_per_hs_day": 5.2e-15,
        "max_usd_per_hs_day": 5.1e-10,
        "percentile_usd_per_hs_day": 4.4e-10,
        "fee_ratio": 0.0499,
        "payout_scheme": "PPS",
        "received_at": at + timedelta(seconds=3),
        "server_at": at + timedelta(seconds=2),
        "server_id": 4,
        "quality_flags": ("odd",),
    }
    return PoolRate(**(fields | more))


def pool_balance(at: datetime, coin: str = "Litecoin", **more: Any) -> PoolBalance:
    fields: dict[str, Any] = {
        **_ids("balance", coin, at.isoformat()),
        **ACCOUNT,
        "subject": f"prohashing-main/{coin}",
        "ts": at,
        "coin": coin,
        "balance_coins": 1.204,
        "unpaid_coins": 0.104,
        "paid_coins": 311.2,
    }
    return PoolBalance(**(fields | more))


def pool_stats(at: datetime, coin: str = "bitcoin", **more: Any) -> PoolStats:
    fields: dict[str, Any] = {
        **_ids("stats", coin, at.isoformat()),
        "account_id": "braiins-main",
        "pool": "braiins",
        "subject": f"braiins-main/{coin}",
        "ts": at,
        "algorithm": Algorithm.SHA256D,
        "coin": coin,
        "merged_coins": ("rootstock",),
        "hashrate_hs": 2.7978e13,
        "hashrate_1h_hs": 2.8191e13,
        "hashrate_24h_hs": 2.8357e13,
        "hashrate_7d_hs": 2.8e13,
        "workers_total": 6,
        "workers_active": 5,
        "last_share_at": at - timedelta(seconds=9),
        "unpaid_coins": 0.00765122,
        "paid_coins": 0.0314,
        "payout_scheme": "FPPS",
        "payout_kind": PayoutKind.DAILY,
        "payout_threshold_coins": 0.005,
        "next_payout_at": at + timedelta(days=1),
        "next_payout_coins": 0.0105,
        "stale": True,
        "quality_flags": ("endpoint_stale:profile",),
    }
    return PoolStats(**(fields | more))


def pool_reward(at: datetime, reference: str = "2026-11-20", **more: Any) -> PoolReward:
    fields: dict[str, Any] = {
        **_ids("reward", reference, at.isoformat()),
        "account_id": "braiins-main",
        "pool": "braiins",
        "subject": "braiins-main/bitcoin",
        "ts": at,
        "kind": RewardKind.CREDIT,
        "coin": "bitcoin",
        "amount_coins": 5.2e-5,
        "fee_coins": 1.3e-6,
        "period_s": 86_400.0,
        "payout_scheme": "FPPS",
        "reference": reference,
        "quality_flags": ("odd",),
    }
    return PoolReward(**(fields | more))


def pool_notice(at: datetime, **more: Any) -> PoolNotice:
    fields: dict[str, Any] = {
        **_ids("notice", at.isoformat()),
        **ACCOUNT,
        "subject": "prohashing-main",
        "ts": at,
        "kind": NoticeKind.FOUND_BLOCK,
        "algorithm": Algorithm.SCRYPT,
        "coin": "Litecoin",
        "worker": "l9-003",
        "miner_id": "site-a-r01-s03",
        "amount_coins": 6.25,
        "reference": "2834511",
        "text": "block found",
        "quality_flags": ("odd",),
    }
    return PoolNotice(**(fields | more))


def price(coin_id: str, at: datetime, usd: float = 82.1, **more: Any) -> CoinPrice:
    fields: dict[str, Any] = {
        **_ids("price", coin_id, at.isoformat(), more.get("fetched_at")),
        "ts": at,
        "coin_id": coin_id,
        "symbol": coin_id[:3].upper(),
        "source": "coingecko",
        "fetched_at": at + timedelta(seconds=19),
        "price_usd": usd,
        "price_btc": 0.00095,
        "market_cap_usd": 6.2e9,
        "volume_24h_usd": 4.1e8,
        "change_1h_ratio": 0.0011,
        "change_24h_ratio": 0.0125,
        "change_7d_ratio": -0.031,
        "quality_flags": ("odd",),
    }
    return CoinPrice(**(fields | more))


def indicators(coin_id: str, at: datetime, **more: Any) -> CoinIndicators:
    fields: dict[str, Any] = {
        **_ids("indicators", coin_id, at.isoformat()),
        "ts": at,
        "coin_id": coin_id,
        "source": "coingecko",
        "step_s": 86_400.0,
        "points": 201,
        "rsi_14": 54.2,
        "ma_50_usd": 84.0,
        "ma_200_usd": 96.5,
        "volatility_30d_ratio": 0.62,
        "quality_flags": ("odd",),
    }
    return CoinIndicators(**(fields | more))


def network(coin_id: str, at: datetime, **more: Any) -> NetworkState:
    fields: dict[str, Any] = {
        **_ids("network", coin_id, at.isoformat()),
        "ts": at,
        "coin_id": coin_id,
        "symbol": coin_id[:3].upper(),
        "algorithm": Algorithm.SCRYPT,
        "source": "litecoinspace",
        "difficulty": 97_512_345.6,
        "hashrate_hs": 2.79e15,
        "block_reward_coins": 6.25,
        "block_time_s": 150.0,
        "height": 3_024_117,
        "quality_flags": ("odd",),
    }
    return NetworkState(**(fields | more))


def feature(entity_id: str, at: datetime, **more: Any) -> Feature:
    source_id = derived_id("test-source", entity_id, at.isoformat())
    fields: dict[str, Any] = {
        "event_id": derived_id("feature", source_id),
        "source_event_id": source_id,
        "group": FeatureGroup.MINER_TELEMETRY,
        "entity_id": entity_id,
        "site_id": "site-a",
        "ts": at,
        "row_id": f"{entity_id}|{int(at.timestamp() * 1000)}",
        "definition": 2,
        "numbers": {"hashrate_th_s": 0.016, "power_consumption_w": 3360.0},
        "words": {"model": "Antminer L9"},
    }
    return Feature(**(fields | more))


def one_of_each(at: datetime = NOW) -> dict[str, tuple[Topic, Event]]:
    """An event of each kind, by its table."""
    return {
        "pool_worker": (POOL_WORKER, pool_worker("site-a-r01-s01", at)),
        "pool_rate": (POOL_RATE, pool_rate(at)),
        "pool_balance": (POOL_BALANCE, pool_balance(at)),
        "pool_stats": (POOL_STATS, pool_stats(at)),
        "pool_reward": (POOL_REWARD, pool_reward(at)),
        "pool_notice": (POOL_NOTICE, pool_notice(at)),
        "price": (PRICE, price("litecoin", at)),
        "indicators": (INDICATORS, indicators("litecoin", at)),
        "network": (NETWORK, network("litecoin", at)),
        "feature": (FEATURE, feature("site-a-r01-s01", at)),
    }
