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
    POOL_RATE,
    POOL_WORKER,
    PoolBalance,
    PoolRate,
    PoolWorker,
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
        "price": (PRICE, price("litecoin", at)),
        "indicators": (INDICATORS, indicators("litecoin", at)),
        "network": (NETWORK, network("litecoin", at)),
        "feature": (FEATURE, feature("site-a-r01-s01", at)),
    }
