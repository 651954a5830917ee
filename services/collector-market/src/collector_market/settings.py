"""What the collector is told by its environment."""

import re
from typing import Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from minestream_dialects.market.coins import COIN_ID
from minestream_runtime.outlet.settings import OutletSettings
from minestream_runtime.settings import leads_somewhere
from minestream_runtime.usage import Per, Quota

SERVICE: Final = "collector-market"
SOURCES: Final = (
    "coingecko",
    "coinmarketcap",
    "litecoinspace",
    "mempool",
    "litesolo",
    "minerstat",
)
_BY_DEFAULT: Final = ("coingecko", "litecoinspace", "mempool", "litesolo", "minerstat")
_FLOORS_S: Final = {
    "market_price_every_s": 60.0,
    "market_coins_every_s": 60.0,
    "market_chart_every_s": 600.0,
    "market_network_every_s": 60.0,
    "cmc_listings_every_s": 60.0,
    "cmc_global_every_s": 60.0,
    "market_stale_after_s": 60.0,
    "market_refused_pause_s": 60.0,
}
DEMO_FLOOR_S: Final = 1.0
_ROOTS: Final = {
    "none": "https://api.coingecko.com/api/v3",
    "demo": "https://api.coingecko.com/api/v3",
    "pro": "https://pro-api.coingecko.com/api/v3",
}
_KEY_HEADERS: Final = {"demo": "x-cg-demo-api-key", "pro": "x-cg-pro-api-key"}
_CREDITS: Final = {"none": None, "demo": 10_000, "pro": None}
_CALLS_PER_MIN: Final = {"none": 10, "demo": 30, "pro": 50}


class MarketSettings(OutletSettings):
    """Whom to ask, how often, and within which limits."""

    coingecko_url: str | None = Field(
        default=None, description="None: the public address of the plan"
    )
    coingecko_key: SecretStr | None = Field(default=None, description="of the plan; none without")
    coingecko_plan: Literal["none", "demo", "pro"] = Field(
        default="none", description="none: without a key, limited by address"
    )
    coingecko_calls_per_min: int | None = Field(
        default=None, ge=1, le=1000, description="None: 10, 30 or 50 by plan"
    )
    coingecko_credits_per_month: int | None = Field(
        default=None, ge=1, description="None: 10,000 with a demo key, else none are counted"
    )
    cmc_url: str = "https://pro-api.coinmarketcap.com"
    cmc_key: SecretStr | None = Field(
        default=None, description="of CoinMarketCap; without it that is not asked"
    )
    cmc_calls_per_min: int = Field(default=30, ge=1, le=1000)
    cmc_credits_per_month: int = Field(default=10_000, ge=1, description="what the plan has")
    cmc_listings_every_s: float = Field(default=900.0, le=86_400, description="the largest coins")
    cmc_global_every_s: float = Field(default=3600.0, le=86_400, description="the whole market")
    litecoinspace_url: str = "https://litecoinspace.org"
    mempool_url: str = "https://mempool.space"
    litesolo_url: str = "https://litesolo.org"
    minerstat_url: str = "https://api.minerstat.com"
    network_calls_per_min: int = Field(
        default=10, ge=1, le=1000, description="of each network source"
    )
    market_sources: str = Field(
        default=",".join(_BY_DEFAULT),
        description="by comma; of two markets the first is asked; none: the service idles",
    )
    market_coins: str = Field(
        default="litecoin,dogecoin,bitcoin", description="by comma, as CoinGecko names them"
    )
    market_price_every_s: float = Field(default=300.0, le=86_400, description="simple price")
    market_coins_every_s: float = Field(default=900.0, le=86_400, description="coins' markets")
    market_chart_every_s: float = Field(default=3600.0, le=86_400, description="each coin's chart")
    market_network_every_s: float = Field(default=300.0, le=86_400, description="each chain")
    market_deadline_s: float = Field(
        default=10.0, gt=0, le=60, description="for one whole answer: connect, headers, body"
    )
    market_missed: int = Field(
        default=3, ge=1, le=100, description="so many intervals without an answer are a gap"
    )
    market_stale_after_s: float = Field(
        default=900.0, le=86_400, description="a market that says the same for so long is stale"
    )
    market_refused_pause_s: float = Field(
        default=900.0, le=86_400, description="after 401 or 403; twice as long each time, to 6 h"
    )
    demo: bool = Field(
        default=False,
        description="for demonstrations and tests only, never for real sources: "
        "lowers the shortest intervals to 1 s",
    )

    @field_validator(
        "coingecko_url",
        "cmc_url",
        "litecoinspace_url",
        "mempool_url",
        "litesolo_url",
        "minerstat_url",
    )
    @classmethod
    def _is_a_source(cls, url: str | None) -> str | None:
        if url is not None and not (leads_somewhere(url) and _is_plain(url)):
            raise ValueError("no address: https://host[:port][/path] is wanted, without user")
        return url

    @field_validator("coingecko_key", "cmc_key")
    @classmethod
    def _can_be_sent(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not re.fullmatch(r"[!-~]{1,256}", key.get_secret_value()):
            raise ValueError("no key: up to 256 printable characters without spaces are wanted")
        return key

    @field_validator("market_sources")
    @classmethod
    def _are_sources(cls, text: str) -> str:
        if text.strip() != "none" and (unknown := set(_listed(text)) - set(SOURCES)):
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; there are {_names()}")
        return text

    @field_validator("market_coins")
    @classmethod
    def _are_coins(cls, text: str) -> str:
        coins = _listed(text)
        if not coins or len(coins) > 50 or not all(map(COIN_ID.fullmatch, coins)):  # noqa: PLR2004 - one page
            raise ValueError("1 to 50 names as CoinGecko has them, by comma: litecoin,dogecoin")
        return text

    @model_validator(mode="after")
    def _above_floors(self) -> Self:
        for name, floor_s in _FLOORS_S.items():
            least_s = DEMO_FLOOR_S if self.demo else floor_s
            if not getattr(self, name) >= least_s:
                allowed = "" if self.demo else " (MINESTREAM_DEMO=1 allows 1 s, for demonstrations)"
                raise ValueError(f"MINESTREAM_{name.upper()}: at least {least_s:g} s{allowed}")
        return self

    @model_validator(mode="after")
    def _plan_and_key_fit(self) -> Self:
        if (self.coingecko_plan == "none") != (self.coingecko_key is None):
            raise ValueError(
                "MINESTREAM_COINGECKO_PLAN is demo or pro with MINESTREAM_COINGECKO_KEY, "
                "and none without"
            )
        return self

    @property
    def collector_id(self) -> str:
        """Who we are, in events."""
        return f"{SERVICE}-{self.instance}"

    @property
    def sources(self) -> tuple[str, ...]:
        """Whom to ask: CoinMarketCap only with a key, and with one in any case."""
        if self.market_sources.strip() == "none":
            return ()
        named = _listed(self.market_sources)
        if self.cmc_key is None:
            return tuple(name for name in named if name != "coinmarketcap")
        return named if "coinmarketcap" in named else (*named, "coinmarketcap")

    @property
    def coins(self) -> tuple[str, ...]:
        """What to ask about."""
        return _listed(self.market_coins)

    def url_of(self, source: str) -> str:
        """Where a source is."""
        if source == "coingecko":
            return self.coingecko_url or _ROOTS[self.coingecko_plan]
        if source == "coinmarketcap":
            return self.cmc_url
        return str(getattr(self, f"{source}_url"))

    def calls_per_min_of(self, source: str) -> int:
        """How many calls a minute a source sees at most."""
        if source == "coingecko":
            return self.coingecko_calls_per_min or _CALLS_PER_MIN[self.coingecko_plan]
        if source == "coinmarketcap":
            return self.cmc_calls_per_min
        return self.network_calls_per_min

    def headers_of(self, source: str) -> dict[str, SecretStr]:
        """What a source wants to see of us; holds the key."""
        if source == "coingecko" and self.coingecko_key is not None:
            return {_KEY_HEADERS[self.coingecko_plan]: self.coingecko_key}
        if source == "coinmarketcap" and self.cmc_key is not None:
            return {"X-CMC_PRO_API_KEY": self.cmc_key}
        return {}

    def quotas_of(self, source: str, *, for_prices: int = 0) -> tuple[Quota, ...]:
        """What its plan allows in a month.

        Args:
            source: its name.
            for_prices: credits that they cost in a month. They are kept, a tenth at least (another
                market may fail) and nine tenths at most.
        """
        most = self.cmc_credits_per_month if source == "coinmarketcap" else None
        if source == "coingecko":
            most = self.coingecko_credits_per_month or _CREDITS[self.coingecko_plan]
        if most is None:
            return ()
        tenth = most // 10
        return (Quota(Per.MONTH, most, kept=min(max(for_prices, tenth), 9 * tenth)),)


def _listed(text: str) -> tuple[str, ...]:
    """The words of a list by comma, each once."""
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _names() -> str:
    return f"{', '.join(SOURCES)}, or none"


def _is_plain(url: str) -> bool:
    """Has it neither a user nor a query?"""
    parts = urlsplit(url)
    return parts.username is None and not parts.query
