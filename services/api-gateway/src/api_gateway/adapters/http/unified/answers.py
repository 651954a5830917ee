"""What the route of the unified series answers: descriptions and examples."""

from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, Field


class UnifiedItem(BaseModel):
    """One step. Means are over what was said within it; null: nobody said. Nothing is filled in."""

    bucket_at: AwareDatetime = Field(description="when the step begins")
    readings: int = Field(description="of the miner, within the step")
    answered: int = Field(description="readings that say hashrate_hs")
    hashrate_mean_hs: float | None = Field(description="the miner's own, H/s")
    power_mean_w: float | None
    chip_temp_mean_c: float | None
    chip_temp_max_c: float | None
    pool_hashrate_mean_hs: float | None = Field(
        description="by the pool, at the pool's own times: the sum of its workers' means, H/s"
    )
    rate_mean_usd_per_hs_day: float | None = Field(description="what hashing paid")
    revenue_basis: Literal["pool_rate", "network", "mixed"] | None = Field(
        description="what revenue rests on; mixed: some readings on one, some on the other"
    )
    revenue_mean_usd_per_day: float | None = Field(
        description="per day, while it went on like this"
    )
    power_cost_mean_usd_per_day: float | None
    profit_mean_usd_per_day: float | None = Field(
        description="over readings that say both revenue and cost"
    )
    litecoin_price_usd: float | None = Field(
        description="as of the step's end: the newest by then, at most 2 h old"
    )
    dogecoin_price_usd: float | None
    bitcoin_price_usd: float | None


class Unified(BaseModel):
    """One time-aligned series of a miner, its pool and the market."""

    miner_id: str
    start: AwareDatetime = Field(alias="from", description="where the first step begins")
    end: AwareDatetime = Field(alias="to", description="where the last step ends")
    step_s: int
    items: list[UnifiedItem] = Field(description="every step, in order, known of or not")


_ITEM: Final = {
    "bucket_at": "2026-01-31T11:55:00Z",
    "readings": 10,
    "answered": 10,
    "hashrate_mean_hs": 16_020_000_000.0,
    "power_mean_w": 3360.0,
    "chip_temp_mean_c": 70.1,
    "chip_temp_max_c": 71.0,
    "pool_hashrate_mean_hs": 15_700_000_000.0,
    "rate_mean_usd_per_hs_day": 4.5e-10,
    "revenue_basis": "pool_rate",
    "revenue_mean_usd_per_day": 7.209,
    "power_cost_mean_usd_per_day": 4.032,
    "profit_mean_usd_per_day": 3.177,
    "litecoin_price_usd": 82.1,
    "dogecoin_price_usd": 0.151,
    "bitcoin_price_usd": 86_400.0,
}
UNIFIED_EXAMPLE: Final = {
    "miner_id": "site-a-r01-s03",
    "from": "2026-01-31T11:55:00Z",
    "to": "2026-01-31T12:05:00Z",
    "step_s": 300,
    "items": [
        _ITEM,
        {
            **dict.fromkeys(_ITEM),
            "bucket_at": "2026-01-31T12:00:00Z",
            "readings": 0,
            "answered": 0,
            "litecoin_price_usd": 82.1,
        },
    ],
}
