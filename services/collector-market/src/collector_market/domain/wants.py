"""What we want to know of markets and networks, whom to ask for it, and in which words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minestream_schemas.market import MarketEndpoint

CHART_DAYS: Final = 365
"""The longest that is free; over 90 days the chart has one price a day."""
SOONEST_AGAIN_S: Final = 300.0
"""What failed is asked again after its interval, or so long where the interval is longer."""

_NETWORK_SOURCES: Final = {
    "litecoin": ("litecoinspace", "litesolo"),
    "dogecoin": ("litesolo",),
    "bitcoin": ("mempool",),
}
_NETWORK_PATHS: Final = {
    "litecoinspace": "api/v1/mining/hashrate/3d",
    "mempool": "api/v1/mining/hashrate/3d",
    "litesolo": "api/v1/chains",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to one source.

    Args:
        source: its name.
        endpoint: what is asked.
        path: below the source's address.
        params: the query.
        coin_id: what it is about; None: several coins.
    """

    source: str
    endpoint: MarketEndpoint
    path: str
    params: tuple[tuple[str, str], ...] = ()
    coin_id: str | None = None

    @property
    def subject(self) -> str:
        """What stays in order: source, endpoint, coin."""
        coin = () if self.coin_id is None else (self.coin_id,)
        return "/".join((self.source, self.endpoint, *coin))


@dataclass(frozen=True, slots=True)
class Want:
    """Something to know, again and again.

    Args:
        name: in gaps and logs.
        every_s: seconds between two answers.
        askings: whom to ask; each further one only when those before it have failed.
        changes: must a live source say something else each time? (Prices do; a chain may stand.)
    """

    name: str
    every_s: float
    askings: tuple[Asking, ...]
    changes: bool

    @property
    def again_s(self) -> float:
        """How soon to ask again after a failure."""
        return min(self.every_s, SOONEST_AGAIN_S)


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often to ask for what, s."""

    price_s: float
    coins_s: float
    chart_s: float
    network_s: float


def wants_of(coins: Sequence[str], sources: Sequence[str], cadence: Cadence) -> tuple[Want, ...]:
    """Everything to know about some coins from some sources, the most urgent first.

    Args:
        coins: as CoinGecko names them.
        sources: who may be asked.
        cadence: how often.
    """
    wants: list[Want] = []
    if "coingecko" in sources:
        wants.append(_want("simple_price", cadence.price_s, _simple_price(coins)))
    wants += [
        _want(f"network/{coin}", cadence.network_s, *askings, changes=False)
        for coin in coins
        if (askings := [_network(name, coin) for name in _observers(coin) if name in sources])
    ]
    if "coingecko" in sources:
        wants.append(_want("coins_markets", cadence.coins_s, _coins_markets(coins)))
        wants += [
            _want(f"market_chart/{coin}", cadence.chart_s, _market_chart(coin)) for coin in coins
        ]
    return tuple(wants)


def _want(name: str, every_s: float, *askings: Asking, changes: bool = True) -> Want:
    return Want(f"market/{name}", every_s, askings, changes)


def _observers(coin: str) -> tuple[str, ...]:
    return _NETWORK_SOURCES.get(coin, ())


def _simple_price(coins: Sequence[str]) -> Asking:
    return Asking(
        "coingecko",
        MarketEndpoint.SIMPLE_PRICE,
        "simple/price",
        (
            ("ids", ",".join(coins)),
            ("vs_currencies", "usd,btc"),
            ("include_market_cap", "true"),
            ("include_24hr_vol", "true"),
            ("include_24hr_change", "true"),
            ("include_last_updated_at", "true"),
            ("precision", "full"),
        ),
    )


def _coins_markets(coins: Sequence[str]) -> Asking:
    return Asking(
        "coingecko",
        MarketEndpoint.COINS_MARKETS,
        "coins/markets",
        (
            ("vs_currency", "usd"),
            ("ids", ",".join(coins)),
            ("price_change_percentage", "1h,24h,7d"),
            ("precision", "full"),
        ),
    )


def _market_chart(coin: str) -> Asking:
    params = (("vs_currency", "usd"), ("days", str(CHART_DAYS)), ("precision", "full"))
    path = f"coins/{coin}/market_chart"
    return Asking("coingecko", MarketEndpoint.MARKET_CHART, path, params, coin)


def _network(source: str, coin: str) -> Asking:
    return Asking(source, MarketEndpoint.NETWORK, _NETWORK_PATHS[source], (), coin)


def wait_s(want: Want, *, began_s: float, now_s: float, answered: bool, held_s: float) -> float:
    """How long to wait before the next round.

    Args:
        want: what is asked for.
        began_s: when its first round began; regular rounds keep its beat.
        now_s: when this round has ended.
        answered: did anybody answer?
        held_s: for so long nobody may be asked.

    Returns:
        seconds.
    """
    beats = (now_s - began_s) // want.every_s + 1
    regular_s = began_s + beats * want.every_s - now_s
    if answered:
        return regular_s
    return max(min(regular_s, want.again_s), held_s)
