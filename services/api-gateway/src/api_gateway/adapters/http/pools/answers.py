"""What the routes of pools answer: descriptions and examples."""

from typing import Any, Final

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from minestream_schemas.pool import (
    PayoutKind,
    PoolBalance,
    PoolRate,
    PoolReward,
    PoolStats,
    PoolWorker,
)

_OURS: Final = frozenset({"event_id", "raw_event_id", "subject"})
RateItem = answer_model("RateItem", PoolRate, leave_out=_OURS | {"account_id", "pool"}, age_s=float)
BalanceItem = answer_model(
    "BalanceItem", PoolBalance, leave_out=_OURS | {"account_id", "pool"}, age_s=float
)
WorkerItem = answer_model(
    "WorkerItem",
    PoolWorker,
    leave_out=_OURS,
    age_s=float,
    fresh=(bool, Field(description="young enough to say something of now")),
)

_FRESH = (bool, Field(description="young enough to say something of now"))
StatsItem = answer_model("StatsItem", PoolStats, leave_out=_OURS, age_s=float, fresh=_FRESH)
RewardItem = answer_model("RewardItem", PoolReward, leave_out=_OURS)


class WorkersOfAlgorithm(BaseModel):
    """An account's workers of one algorithm; hashrates of two algorithms are never added."""

    workers_total: int
    workers_fresh: int = Field(description="of whom the pool spoke lately (15 minutes)")
    workers_matched: int = Field(description="whose miner is known")
    hashrate_hs: float = Field(description="what the pool sees, H/s, of fresh workers")
    hashrate_said: int = Field(description="how many workers the hashrate is of")


class PoolAccount(BaseModel):
    """An account at a pool, and what the pool said last."""

    account_id: str
    pool: str
    ts: AwareDatetime = Field(description="when the pool said anything last")
    age_s: float
    workers_total: int
    workers_fresh: int
    workers_matched: int
    workers_unmatched: int = Field(description="their names are no miner's, or several miners'")
    algorithms: dict[str, WorkersOfAlgorithm]
    rates: list[RateItem] = Field(description="by algorithm")  # type: ignore[valid-type] # made from the contract
    balances: list[BalanceItem] = Field(description="by coin")  # type: ignore[valid-type] # made from the contract


class Pools(BaseModel):
    """All accounts that pools have spoken of."""

    items: list[PoolAccount]


class WorkerPage(BaseModel):
    """A page of workers."""

    items: list[WorkerItem]  # type: ignore[valid-type] # made from the contract
    next: str | None = Field(description="cursor of the next page; null: this was the last")


class AccountStats(BaseModel):
    """What pools said last of each account, coin by coin."""

    items: list[StatsItem]  # type: ignore[valid-type] # made from the contract


class RewardPage(BaseModel):
    """A page of credits and payouts, the newest first."""

    items: list[RewardItem]  # type: ignore[valid-type] # made from the contract
    next: str | None = Field(description="cursor of the next page; null: this was the last")


class PayoutItem(BaseModel):
    """When a pool pays an account in one coin; what it does not tell is null."""

    account_id: str
    pool: str
    coin: str | None
    payout_scheme: str | None = Field(description="how shares are paid")
    payout_kind: PayoutKind | None
    payout_threshold_coins: float | None
    next_payout_at: AwareDatetime | None
    next_payout_coins: float | None
    unpaid_coins: float | None
    last_payout_at: AwareDatetime | None = Field(description="within 90 days")
    last_payout_coins: float | None
    stale: bool = Field(description="an old answer, as the pool gives no new one")
    ts: AwareDatetime
    age_s: float


class Payouts(BaseModel):
    """When each account is paid."""

    items: list[PayoutItem]


STATS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "account_id": "f2pool-main",
            "pool": "f2pool",
            "algorithm": "scrypt",
            "coin": "litecoin",
            "merged_coins": [],
            "hashrate_hs": 34_123_456_700.0,
            "hashrate_1h_hs": None,
            "hashrate_24h_hs": 33_900_000_000.0,
            "hashrate_7d_hs": None,
            "workers_total": 2,
            "workers_active": 2,
            "last_share_at": "2026-01-31T11:59:40Z",
            "unpaid_coins": 0.11,
            "paid_coins": 12.3,
            "payout_scheme": "PPS+",
            "payout_kind": "daily",
            "payout_threshold_coins": 0.02,
            "next_payout_at": None,
            "next_payout_coins": None,
            "stale": False,
            "quality_flags": [],
            "ts": "2026-01-31T11:57:00Z",
            "age_s": 180.0,
            "fresh": True,
        }
    ]
}
REWARDS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "account_id": "braiins-main",
            "pool": "braiins",
            "kind": "credit",
            "coin": "bitcoin",
            "amount_coins": 0.00021038,
            "fee_coins": None,
            "period_s": 86_400.0,
            "payout_scheme": "FPPS",
            "reference": "2026-01-30",
            "quality_flags": [],
            "ts": "2026-01-30T00:00:00Z",
        }
    ],
    "next": None,
}
PAYOUTS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "account_id": "ocean-main",
            "pool": "ocean",
            "coin": "bitcoin",
            "payout_scheme": "TIDES",
            "payout_kind": "per_block",
            "payout_threshold_coins": 0.01048576,
            "next_payout_at": None,
            "next_payout_coins": 0.0105,
            "unpaid_coins": 0.0098,
            "last_payout_at": "2026-01-29T15:24:36Z",
            "last_payout_coins": 0.0112,
            "stale": False,
            "ts": "2026-01-31T11:57:00Z",
            "age_s": 180.0,
        }
    ]
}
RATE_EXAMPLE: Final[dict[str, Any]] = {
    "algorithm": "scrypt",
    "ts": "2026-01-31T11:59:30Z",
    "age_s": 30.0,
    "unit_hs": 1e6,
    "usd_per_hs_day": 4.5e-10,
    "btc_per_hs_day": 5.2e-15,
    "max_usd_per_hs_day": 5.1e-10,
    "max_btc_per_hs_day": 5.9e-15,
    "percentile_usd_per_hs_day": 4.4e-10,
    "percentile_btc_per_hs_day": 5.1e-15,
    "fee_ratio": 0.0499,
    "payout_scheme": "PPS",
    "received_at": "2026-01-31T11:59:33Z",
    "server_at": "2026-01-31T11:59:32Z",
    "server_id": 4,
    "quality_flags": [],
}
POOLS_EXAMPLE: Final = {
    "items": [
        {
            "account_id": "prohashing-main",
            "pool": "prohashing",
            "ts": "2026-01-31T11:59:48Z",
            "age_s": 12.0,
            "workers_total": 24,
            "workers_fresh": 23,
            "workers_matched": 22,
            "workers_unmatched": 2,
            "algorithms": {
                "scrypt": {
                    "workers_total": 24,
                    "workers_fresh": 23,
                    "workers_matched": 22,
                    "hashrate_hs": 361_100_000_000.0,
                    "hashrate_said": 23,
                }
            },
            "rates": [RATE_EXAMPLE],
            "balances": [
                {
                    "coin": "Litecoin",
                    "ts": "2026-01-31T11:59:00Z",
                    "age_s": 60.0,
                    "balance_coins": 1.204,
                    "unpaid_coins": 0.104,
                    "paid_coins": 311.2,
                }
            ],
        }
    ]
}
WORKERS_EXAMPLE: Final[dict[str, Any]] = {
    "items": [
        {
            "account_id": "prohashing-main",
            "pool": "prohashing",
            "worker": "l9-003",
            "worker_id": "8e0c0a0e-2f7a-4d0c-9a4d-0123456789ab",
            "miner_id": "site-a-r01-s03",
            "site_id": "site-a",
            "algorithm": "scrypt",
            "coin": "Dogecoin",
            "merged_coins": [],
            "payout_scheme": "PPLNS",
            "state": "online",
            "hashrate_hs": 15_700_000_000.0,
            "hashrate_1h_hs": None,
            "hashrate_24h_hs": None,
            "last_share_at": None,
            "difficulty": 1_048_576.0,
            "shares_total": 1_289_331,
            "shares_recent": 415,
            "stale_total": None,
            "rejected_total": None,
            "hardware": "Antminer L9",
            "quality_flags": [],
            "ts": "2026-01-31T11:59:48Z",
            "age_s": 12.0,
            "fresh": True,
        }
    ],
    "next": None,
}
