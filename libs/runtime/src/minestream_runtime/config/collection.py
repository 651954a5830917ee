"""``data_collection_config.yaml``: miners, Prohashing, markets."""

import re
from collections.abc import Iterator
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator

from minestream_runtime.config.marks import (
    Note,
    Outcome,
    Part,
    Ruled,
    Sets,
    Setting,
    by_comma,
    lowered,
)
from minestream_runtime.config.miners import Listed

Seconds = Annotated[float, Field(gt=0)]
Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "debug", "info", "warning", "error"]
_PLACE: Final = re.compile(r"(?P<rack>.*?\d+)[ _-]+(?:position|slot|pos)[ _-]+(?P<slot>\d+)")
_NETWORK_SOURCES: Final = ("litecoinspace", "mempool", "litesolo", "minerstat")


class General(Part):
    """``general``."""

    environment: Annotated[
        Literal["development", "test", "production"],
        Ruled("environments are apart by MINESTREAM_TOPIC_NAMESPACE and by deployment"),
    ] = "production"
    log_level: Annotated[Level, Sets("LOG_LEVEL", lowered)] = "INFO"
    data_directory: Annotated[
        str, Ruled("each service has its own folder: MINESTREAM_STATE_DIR, MINESTREAM_LAKE_FOLDER")
    ] = ""


class Miner(Part):
    """One of ``miners``; together they are the inventory."""

    id: str = Field(min_length=1)
    ip: str = Field(min_length=1)
    username: str | None = None
    password: SecretStr | None = None
    model: str | None = None
    location: str | None = None
    polling_interval_seconds: Seconds | None = None

    def listed(self) -> Listed:
        """The miner as an inventory has it."""
        place = _PLACE.fullmatch((self.location or "").casefold())
        return Listed(
            name=self.id,
            host=self.ip,
            username=self.username,
            password=self.password,
            model=_model(self.model),
            rack=place["rack"] if place else self.location,
            slot=int(place["slot"]) if place else None,
            interval_s=self.polling_interval_seconds,
        )


def _model(text: str | None) -> str | None:
    """``ANTMINER_S19`` as ``Antminer S19``."""
    if text is None or "_" not in text:
        return text
    maker, _, kind = text.partition("_")
    return f"{maker.capitalize()} {kind.replace('_', ' ')}"


class Wamp(Part):
    """``prohashing.wamp``."""

    enabled: bool = True
    url: Annotated[str, Sets("POOL_WAMP_URL")] = "wss://prohashing.com:3333/ws"
    realm: Annotated[str, Sets("POOL_REALM")] = "realm1"
    subscriptions: Annotated[
        tuple[Literal["com.prohashing.profitability", "com.prohashing.worker"], ...],
        Ruled("the seed profile's topics; others by MINESTREAM_POOL_TOPICS"),
    ] = ()


class HttpIntervals(Part):
    """``prohashing.http.polling_intervals``."""

    status: Annotated[Seconds, Sets("POOL_STATUS_EVERY_S")] = 300
    profitability: Annotated[Seconds, Sets("POOL_PROFITABILITY_EVERY_S")] = 900


class Http(Part):
    """``prohashing.http``."""

    enabled: Annotated[bool, Ruled("asked whenever the feed is down")] = True
    base_url: Annotated[str, Sets("POOL_HTTP_URL")] = "https://prohashing.com/api/v1"
    polling_intervals: HttpIntervals = HttpIntervals()


class Prohashing(Part):
    """``prohashing``."""

    api_key: Annotated[SecretStr | None, Sets("POOL_API_KEY")] = None
    wamp: Wamp = Wamp()
    http: Http = Http()

    @model_validator(mode="after")
    def _is_asked_by_both_ways_or_none(self) -> Self:
        if self.http.enabled and not self.wamp.enabled:
            raise ValueError(
                "wamp is off and http on: HTTP is asked when the feed is down, not in its place; "
                "enable both or neither"
            )
        return self

    def joined(self) -> Iterator[Setting]:
        """The profile: the document's own names, unless the address is the pool's real one."""
        if not (self.wamp.enabled or self.http.enabled):
            profile = "none"
        else:
            profile = "live" if "live.prohashing.com" in self.wamp.url else "seed"
        yield Setting("POOL_PROFILE", profile, ("wamp",))


class GeckoIntervals(Part):
    """``market_data.coingecko.polling_intervals``."""

    simple_price: Annotated[Seconds, Sets("MARKET_PRICE_EVERY_S")] = 300
    market_data: Annotated[Seconds, Sets("MARKET_COINS_EVERY_S")] = 900
    historical: Annotated[Seconds, Sets("MARKET_CHART_EVERY_S")] = 3600


class Gecko(Part):
    """``market_data.coingecko``."""

    enabled: bool = True
    coins: Annotated[tuple[str, ...], Field(min_length=1), Sets("MARKET_COINS", by_comma)] = ()
    vs_currencies: Annotated[
        tuple[Literal["usd", "btc"], ...], Ruled("prices are kept in USD and BTC")
    ] = ()
    polling_intervals: GeckoIntervals = GeckoIntervals()


class CmcIntervals(Part):
    """``market_data.coinmarketcap.polling_intervals``."""

    listings: Annotated[Seconds, Sets("CMC_LISTINGS_EVERY_S")] = 900
    global_metrics: Annotated[Seconds, Sets("CMC_GLOBAL_EVERY_S")] = 3600


class Cmc(Part):
    """``market_data.coinmarketcap``."""

    enabled: bool = True
    api_key: SecretStr | None = None
    tier: Annotated[
        Literal["free"], Ruled("10,000 credits a month; more by MINESTREAM_CMC_CREDITS_PER_MONTH")
    ] = "free"
    polling_intervals: CmcIntervals = CmcIntervals()

    def joined(self) -> Iterator[Outcome]:
        """The key, unless it is not to be used: whoever has one is asked."""
        if self.api_key is None:
            return
        if self.enabled:
            yield Setting("CMC_KEY", self.api_key.get_secret_value(), ("api_key",), secret=True)
        else:
            yield Note(("api_key",), "not used: enabled is false")


class Market(Part):
    """``market_data``."""

    coingecko: Gecko = Gecko(enabled=False)
    coinmarketcap: Cmc = Cmc(enabled=False)

    def joined(self) -> Iterator[Setting]:
        """Which sources are asked; chains are asked for their difficulty in any case."""
        wanted = {"coingecko": self.coingecko.enabled, "coinmarketcap": self.coinmarketcap.enabled}
        asked = [name for name, enabled in wanted.items() if enabled]
        sources = (*asked, *_NETWORK_SOURCES)
        yield Setting("MARKET_SOURCES", by_comma(sources), ())


class Collection(Part):
    """The file."""

    general: General = General()
    miners: tuple[Miner, ...] = ()
    prohashing: Prohashing | None = None
    market_data: Market | None = None

    def listed(self) -> tuple[Listed, ...]:
        """Its miners."""
        return tuple(miner.listed() for miner in self.miners)
