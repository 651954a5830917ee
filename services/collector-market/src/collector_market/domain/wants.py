"""What we want to know of markets and networks, whom to ask for it, and in which words. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from minestream_dialects.market.coins import COINS
from minestream_schemas.market import MarketEndpoint

CHART_DAYS: Final = 365
"""The longest that is free; over 90 days the chart has one price a day."""
SOONEST_AGAIN_S: Final = 300.0
"""What failed is asked again after its interval, or so long where the interval is longer."""

COINGECKO: Final = "coingecko"
COINMARKETCAP: Final = "coinmarketcap"
_NETWORK_SOURCES: Final = {
    "litecoin": ("litecoinspace", "litesolo", "minerstat"),
    "dogecoin": ("litesolo", "minerstat"),
    "bitcoin": ("mempool", "minerstat"),
}
_NETWORK_ASKED: Final = {
    "litecoinspace": ("api/v1/mining/hashrate/3d", ()),
    "mempool": ("api/v1/mining/hashrate/3d", ()),
    "litesolo": ("api/v1/chains", ()),
    "minerstat": ("v2/coins", (("list", "BTC,LTC,DOGE"),)),
}
_COINS_PER_CREDIT: Final = 100
_LISTED: Final = 200
"""Coins of a listing that cost one credit."""
_MONTH_S: Final = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class Asking:
    """One question to one source.

    Args:
        source: its name.
        endpoint: what is asked.
        path: below the source's address.
        params: the query.
        coin_id: what it is about; None: several coins.
        cost: credits of the source's quota.
        coins: whose figures an answer has, unless the source knows some by another name.
        urgent: it may use what a quota keeps: at the end of a scarce month charts and lists stop
            before prices do.
    """

    source: str
    endpoint: MarketEndpoint
    path: str
    params: tuple[tuple[str, str], ...] = ()
    coin_id: str | None = None
    cost: int = 1
    coins: tuple[str, ...] = ()
    urgent: bool = False

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
    listings_s: float
    totals_s: float


def wants_of(coins: Sequence[str], sources: Sequence[str], cadence: Cadence) -> tuple[Want, ...]:
    """Everything to know about some coins from some sources, the most urgent first.

    Args:
        coins: as CoinGecko names them.
        sources: who may be asked; of two markets the first is asked for prices, and the other
            when it fails.
        cadence: how often.
    """
    asked_by = {COINGECKO: _simple_price, COINMARKETCAP: _quotes}
    prices = [asked_by[name](coins) for name in sources if name in asked_by]
    wants: list[Want] = []
    if prices:
        wants.append(_want("simple_price", cadence.price_s, *prices))
    wants += [
        _want(f"network/{coin}", cadence.network_s, *askings, changes=False)
        for coin in coins
        if (askings := [_network(name, coin) for name in _observers(coin) if name in sources])
    ]
    if COINGECKO in sources:
        wants.append(_want("coins_markets", cadence.coins_s, _coins_markets(coins)))
        wants += [
            _want(f"market_chart/{coin}", cadence.chart_s, _market_chart(coin)) for coin in coins
        ]
    if COINMARKETCAP in sources:
        wants.append(_want("listings", cadence.listings_s, _listings()))
        wants.append(_want("global", cadence.totals_s, _totals()))
    return tuple(wants)


def credits_per_month(wants: Sequence[Want], source: str, *, urgent: bool = False) -> int:
    """What a month of asking costs at a source, when nothing fails and nobody is replaced.

    Args:
        wants: all.
        source: its name.
        urgent: count only what is.
    """
    first = ((want, want.askings[0]) for want in wants)
    return sum(
        round(_MONTH_S / want.every_s) * asking.cost
        for want, asking in first
        if asking.source == source and (asking.urgent or not urgent)
    )


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
        coins=tuple(coins),
        urgent=True,
    )


def _quotes(coins: Sequence[str]) -> Asking:
    """By number where all are known, else by slug, which is CoinGecko's name for most coins."""
    numbers = [COINS[coin].cmc_id for coin in coins if coin in COINS]
    known = len(numbers) == len(coins)
    asked = ("id", ",".join(map(str, numbers))) if known else ("slug", ",".join(coins))
    return Asking(
        COINMARKETCAP,
        MarketEndpoint.QUOTES,
        "v3/cryptocurrency/quotes/latest",
        (asked, ("convert", "USD"), ("skip_invalid", "true")),
        cost=-(-len(coins) // _COINS_PER_CREDIT),
        coins=tuple(coins),
        urgent=True,
    )


def _listings() -> Asking:
    params = (("limit", str(_LISTED)), ("convert", "USD"))
    path = "v3/cryptocurrency/listings/latest"
    return Asking(COINMARKETCAP, MarketEndpoint.LISTINGS, path, params)


def _totals() -> Asking:
    path = "v1/global-metrics/quotes/latest"
    return Asking(COINMARKETCAP, MarketEndpoint.GLOBAL, path, (("convert", "USD"),))


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
        coins=tuple(coins),
    )


def _market_chart(coin: str) -> Asking:
    params = (("vs_currency", "usd"), ("days", str(CHART_DAYS)), ("precision", "full"))
    path = f"coins/{coin}/market_chart"
    return Asking("coingecko", MarketEndpoint.MARKET_CHART, path, params, coin)


def _network(source: str, coin: str) -> Asking:
    path, params = _NETWORK_ASKED[source]
    return Asking(source, MarketEndpoint.NETWORK, path, params, coin)


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
