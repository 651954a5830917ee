"""What markets and networks say: verbatim, and as prices, indicators and difficulty."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic
from minestream_schemas.ids import EventId
from minestream_schemas.pool import Subject
from minestream_schemas.raw import MAX_EVENT_BYTES, PollStatus
from minestream_schemas.units import Algorithm

CoinId = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9-]{1,62}$",
        examples=["litecoin"],
        description="as CoinGecko names it",
    ),
]
Usd = Annotated[float, Field(ge=0, description="USD")]


class MarketEndpoint(StrEnum):
    """What was asked of a market or network source."""

    SIMPLE_PRICE = "simple_price"
    COINS_MARKETS = "coins_markets"
    MARKET_CHART = "market_chart"
    QUOTES = "quotes"
    """CoinMarketCap's prices of our coins."""
    LISTINGS = "listings"
    """CoinMarketCap's list of the largest coins."""
    GLOBAL = "global"
    """Figures of the whole market."""
    NETWORK = "network"
    """Hashrate and difficulty of a chain; the source says in which shape."""


class RawMarket(Event):
    """One answer of one source, as it came; of what failed the ``status``, and no body."""

    event_id: EventId
    subject: Subject = Field(
        examples=["coingecko/simple_price", "litecoinspace/network/litecoin"],
        description="source, endpoint and, where it is of one coin, the coin: the record's key",
    )
    collector_id: str = Field(description="who asked: the service and its instance")
    source: str = Field(examples=["coingecko", "litecoinspace", "mempool", "litesolo"])
    endpoint: MarketEndpoint
    coin_id: CoinId | None = Field(default=None, description="None: of several coins")
    fetched_at: Instant
    latency_ms: float = Field(ge=0)
    status: PollStatus
    http_status: int | None = Field(default=None, ge=100, le=599)
    error: str | None = None
    body: str | None = Field(default=None, description="JSON text; of garbage the first 4 KiB")
    server_at: Instant | None = Field(default=None, description="the HTTP Date header")


class CoinPrice(Event):
    """A coin's price at an instant, by one source."""

    event_id: EventId = Field(description="derived from raw_event_id and the coin")
    raw_event_id: EventId
    ts: Instant = Field(description="when the source last changed it, else when it was fetched")
    coin_id: CoinId
    symbol: str | None = Field(default=None, examples=["LTC"])
    source: str
    fetched_at: Instant
    price_usd: float = Field(gt=0)
    price_btc: float | None = Field(default=None, gt=0)
    market_cap_usd: Usd | None = None
    volume_24h_usd: Usd | None = None
    change_1h_ratio: float | None = Field(default=None, description="0.01: one percent up")
    change_24h_ratio: float | None = None
    change_7d_ratio: float | None = None
    quality_flags: tuple[str, ...] = ()


class CoinIndicators(Event):
    """Technical indicators of a coin, from a chart of its past prices."""

    event_id: EventId = Field(description="derived from raw_event_id and the coin")
    raw_event_id: EventId
    ts: Instant = Field(description="of the chart's last price")
    coin_id: CoinId
    source: str
    step_s: float = Field(gt=0, description="between two prices of the chart, in the median")
    points: int = Field(ge=1)
    rsi_14: float | None = Field(default=None, ge=0, le=100, description="Wilder's, over days")
    ma_50_usd: Usd | None = Field(default=None, description="mean of 50 days")
    ma_200_usd: Usd | None = Field(default=None, description="mean of 200 days")
    volatility_30d_ratio: float | None = Field(
        default=None, ge=0, description="of daily log returns, a standard deviation per year"
    )
    quality_flags: tuple[str, ...] = ()


class NetworkState(Event):
    """A chain's difficulty and hashrate at an instant, by one source."""

    event_id: EventId = Field(description="derived from raw_event_id and the coin")
    raw_event_id: EventId
    ts: Instant = Field(description="when it was fetched")
    coin_id: CoinId
    symbol: str | None = Field(default=None, examples=["DOGE"])
    algorithm: Algorithm
    source: str
    difficulty: float = Field(gt=0)
    hashrate_hs: float | None = Field(default=None, gt=0)
    block_reward_coins: float = Field(gt=0)
    block_time_s: float = Field(gt=0)
    height: int | None = Field(default=None, ge=0)
    quality_flags: tuple[str, ...] = ()


RAW_MARKET = Topic(
    name="minestream.raw.market.v1",
    event=RawMarket,
    description="Every answer of every market and network source, verbatim.",
    key="subject",
    retention=timedelta(days=7),
    max_message_bytes=MAX_EVENT_BYTES,
    producers=frozenset({"collector-market"}),
    consumers=frozenset({"processor", "archiver"}),
)

PRICE = Topic(
    name="minestream.market.price.v1",
    event=CoinPrice,
    description="Prices of coins.",
    key="coin_id",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor", "timescale-sink"}),
)

INDICATORS = Topic(
    name="minestream.market.indicators.v1",
    event=CoinIndicators,
    description="Technical indicators of coins.",
    key="coin_id",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor", "timescale-sink"}),
)

NETWORK = Topic(
    name="minestream.market.network.v1",
    event=NetworkState,
    description="Difficulty, hashrate and reward of chains.",
    key="coin_id",
    partitions=1,
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor", "timescale-sink"}),
)
