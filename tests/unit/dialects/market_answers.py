"""Answers of markets and networks, from recorded bodies or made by a test."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from minestream_schemas.market import MarketEndpoint, RawMarket
from minestream_schemas.raw import PollStatus

BODIES = Path(__file__).parents[2] / "fixtures" / "market"
AT = datetime(2026, 11, 21, 14, 30, tzinfo=UTC)
_ASKED = {
    "simple_price": ("coingecko", MarketEndpoint.SIMPLE_PRICE, None),
    "coins_markets": ("coingecko", MarketEndpoint.COINS_MARKETS, None),
    "market_chart": ("coingecko", MarketEndpoint.MARKET_CHART, "bitcoin"),
    "litecoinspace": ("litecoinspace", MarketEndpoint.NETWORK, "litecoin"),
    "mempool": ("mempool", MarketEndpoint.NETWORK, "bitcoin"),
    "quotes": ("coinmarketcap", MarketEndpoint.QUOTES, None),
    "listings": ("coinmarketcap", MarketEndpoint.LISTINGS, None),
    "global": ("coinmarketcap", MarketEndpoint.GLOBAL, None),
    "minerstat": ("minerstat", MarketEndpoint.NETWORK, None),
    "litesolo": ("litesolo", MarketEndpoint.NETWORK, None),
}
KINDS = tuple(_ASKED)


def recorded(name: str) -> str:
    """A recorded body."""
    return (BODIES / f"{name}.json").read_text(encoding="utf-8")


def answer(kind: str, body: Any, /, **more: Any) -> RawMarket:
    """An answer; a body that is no text is written as JSON (NaN as some write it)."""
    source, endpoint, coin_id = _ASKED[kind]
    fields: dict[str, Any] = {
        "event_id": UUID("019aa6d6-d300-7c11-8e2a-5d0f6b7a8c94"),
        "subject": f"{source}/{endpoint}",
        "collector_id": "collector-market-0",
        "source": source,
        "endpoint": endpoint,
        "coin_id": coin_id,
        "fetched_at": AT,
        "latency_ms": 100.0,
        "status": PollStatus.OK,
        "http_status": 200,
        "body": body if isinstance(body, str) else json.dumps(body),
    }
    return RawMarket(**{**fields, **more})
