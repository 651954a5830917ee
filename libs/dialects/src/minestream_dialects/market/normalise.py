"""From one answer of one source to events: chooses who can read it.

Pure, and total but for one error.
"""

from collections.abc import Callable
from typing import Final

from minestream_dialects.bodies import decode
from minestream_dialects.market import coingecko, coinmarketcap, network
from minestream_dialects.market.answer import Answer
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.market import (
    CoinIndicators,
    CoinPrice,
    MarketEndpoint,
    NetworkState,
    RawMarket,
)
from minestream_schemas.raw import EndpointBody, PollStatus
from minestream_schemas.telemetry import QualityFlag

MarketEvent = CoinPrice | CoinIndicators | NetworkState
Read = Callable[[Answer], tuple[MarketEvent, ...]]

_READERS: Final[dict[tuple[str, MarketEndpoint], Read]] = {
    ("coingecko", MarketEndpoint.SIMPLE_PRICE): coingecko.simple_price,
    ("coingecko", MarketEndpoint.COINS_MARKETS): coingecko.coins_markets,
    ("coingecko", MarketEndpoint.MARKET_CHART): coingecko.market_chart,
    ("coinmarketcap", MarketEndpoint.QUOTES): coinmarketcap.quotes,
    ("coinmarketcap", MarketEndpoint.LISTINGS): coinmarketcap.quotes,
    ("coinmarketcap", MarketEndpoint.GLOBAL): coinmarketcap.totals,
    ("litecoinspace", MarketEndpoint.NETWORK): network.hashrate_3d,
    ("mempool", MarketEndpoint.NETWORK): network.hashrate_3d,
    ("litesolo", MarketEndpoint.NETWORK): network.chains,
    ("minerstat", MarketEndpoint.NETWORK): network.coins,
}


def normalise_market(raw: RawMarket) -> tuple[MarketEvent, ...]:
    """Read one answer.

    A field that is missing or impossible becomes None with a flag. A coin without a possible price
    (or a chain without a possible difficulty) gives no event; the others of the same answer say so
    with the flag ``field_invalid:<coin>.price_usd``.

    Args:
        raw: one answer, any body; one that failed says nothing.

    Returns:
        its events, in the order of the answer; the same answer gives the same events.

    Raises:
        UnreadableError: nothing of it can be read; the text says why.
    """
    if raw.status is not PollStatus.OK:
        return ()
    read = _READERS.get((raw.source, raw.endpoint))
    if read is None:
        raise UnreadableError(f"nobody reads {raw.endpoint.value} of {raw.source}")
    body = EndpointBody(status=raw.status, fetched_at=raw.fetched_at, body=raw.body)
    decoded = decode(body)
    if decoded.problem is not None:
        raise UnreadableError(decoded.problem)
    flags = (QualityFlag.REPAIRED.value,) if decoded.repaired else ()
    return read(Answer(raw, decoded.value, flags))
