"""What the route of the market answers: descriptions and examples."""

from typing import Final

from pydantic import BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from minestream_schemas.market import CoinIndicators, CoinPrice, NetworkState

LEFT_OUT: Final = frozenset({"event_id", "raw_event_id", "coin_id", "symbol"})
PriceItem = answer_model("PriceItem", CoinPrice, leave_out=LEFT_OUT, age_s=float)
IndicatorsItem = answer_model("IndicatorsItem", CoinIndicators, leave_out=LEFT_OUT, age_s=float)
NetworkItem = answer_model("NetworkItem", NetworkState, leave_out=LEFT_OUT, age_s=float)


class CoinItem(BaseModel):
    """A coin, and what was said of it last; null: nothing."""

    coin_id: str = Field(description="as CoinGecko names it")
    symbol: str | None
    price: PriceItem | None = Field(description="age_s counts from ts")  # type: ignore[valid-type] # made from the contract
    indicators: IndicatorsItem | None  # type: ignore[valid-type] # made from the contract
    network: NetworkItem | None  # type: ignore[valid-type] # made from the contract


class Market(BaseModel):
    """All coins that are known of."""

    items: list[CoinItem]


MARKET_EXAMPLE: Final = {
    "items": [
        {
            "coin_id": "litecoin",
            "symbol": "LTC",
            "price": {
                "ts": "2026-01-31T11:59:41Z",
                "age_s": 19.0,
                "source": "coingecko",
                "fetched_at": "2026-01-31T12:00:00Z",
                "price_usd": 82.1,
                "price_btc": 0.00095,
                "market_cap_usd": 6.2e9,
                "volume_24h_usd": 4.1e8,
                "change_1h_ratio": 0.0011,
                "change_24h_ratio": 0.0125,
                "change_7d_ratio": -0.031,
                "quality_flags": [],
            },
            "indicators": {
                "ts": "2026-01-31T00:00:00Z",
                "age_s": 43_200.0,
                "source": "coingecko",
                "step_s": 86_400.0,
                "points": 201,
                "rsi_14": 54.2,
                "ma_50_usd": 84.0,
                "ma_200_usd": 96.5,
                "volatility_30d_ratio": 0.62,
                "quality_flags": [],
            },
            "network": {
                "ts": "2026-01-31T11:58:00Z",
                "age_s": 120.0,
                "algorithm": "scrypt",
                "source": "litecoinspace",
                "difficulty": 97_512_345.6,
                "hashrate_hs": 2.79e15,
                "block_reward_coins": 6.25,
                "block_time_s": 150.0,
                "height": 3_024_117,
                "quality_flags": [],
            },
        },
        {
            "coin_id": "bitcoin",
            "symbol": None,
            "price": None,
            "indicators": None,
            "network": None,
        },
    ]
}
