"""What the topics of inventory, rates, prices and networks have said, ready to be asked."""

import re
from collections import defaultdict
from typing import Final, NamedTuple, TypeVar

from minestream_schemas.pool import PoolWorker
from minestream_schemas.units import Algorithm
from processor.domain.asof import History, Known, Span
from processor.domain.miner_state import SECOND_US, Worth
from processor.domain.money import (
    COINS,
    NETWORK,
    POOL_RATE,
    Chain,
    Quote,
    finite,
    network_rate,
    pool_rate,
)
from processor.domain.pool_state import PoolSaid

T = TypeVar("T")

_HOUR_US: Final = 3600 * SECOND_US
SPAN: Final = Span(fine_us=_HOUR_US, coarse_us=60 * SECOND_US, kept_us=7 * 24 * _HOUR_US)
_HOST: Final = re.compile(
    r"(?:[a-z+]+://)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z][A-Za-z0-9-]+)(?::|/|$)"
)
"""A name with a dot, that is no address."""
_ANOTHER: Final = ""
"""No pool's name: one that we follow no rate of."""
_BUCKETS: Final = 4096
"""Of each coin, whose first price is remembered."""


class Limits(NamedTuple):
    """How old a thing may be at the instant of which it is told, µs, and how long a bucket is."""

    worker_us: int = 900 * SECOND_US
    rate_us: int = 600 * SECOND_US
    price_us: int = 7200 * SECOND_US
    bucket_us: int = 300 * SECOND_US


class Network(NamedTuple):
    """A chain's difficulty, and what a block brings."""

    difficulty: float
    reward_coins: float


class Indicators(NamedTuple):
    """Technical indicators of a coin."""

    rsi_14: float | None = None
    ma_50_usd: float | None = None
    ma_200_usd: float | None = None
    volatility_30d_ratio: float | None = None


AMBIGUOUS: Final = "worker_ambiguous"
"""A quality flag: several miners of the inventory have the worker's name."""

Home = tuple[str, str]
"""A miner and its site."""


class Workers:
    """Which miner a worker's name belongs to, as the inventory says."""

    def __init__(self) -> None:
        self._names: dict[str, tuple[str, ...]] = {}
        self._sites: dict[str, str] = {}
        self._miners: defaultdict[str, set[str]] = defaultdict(set)
        self.removed: set[str] = set()
        """Miners that the inventory has let go, as far back as it tells."""

    def enter(self, miner_id: str, site_id: str, names: tuple[str, ...]) -> None:
        """A miner's entry is new or has changed."""
        self._forget(miner_id)
        self.removed.discard(miner_id)
        self._sites[miner_id] = site_id
        self._names[miner_id] = names
        for name in names:
            self._miners[name].add(miner_id)

    def remove(self, miner_id: str) -> None:
        """A miner is no more in the inventory."""
        self._forget(miner_id)
        self.removed.add(miner_id)

    def _forget(self, miner_id: str) -> None:
        self._sites.pop(miner_id, None)
        for name in self._names.pop(miner_id, ()):
            self._miners[name].discard(miner_id)
            if not self._miners[name]:
                del self._miners[name]

    def __contains__(self, miner_id: str) -> bool:
        return miner_id in self._sites

    def __len__(self) -> int:
        return len(self._sites)

    def ambiguous(self, worker: str) -> bool:
        """Do several miners have that name? Then it is none's: nobody guesses."""
        return len(self._miners.get(worker, ())) > 1

    def home_of(self, worker: str) -> Home | None:
        """The miner of that very name and its site; None: nobody has it, or several do."""
        found = self._miners.get(worker, ())
        if len(found) != 1:
            return None
        (miner_id,) = found
        return miner_id, self._sites[miner_id]

    def checked(self, worker: PoolWorker) -> PoolWorker:
        """A worker without the miner that its short name led to, where its whole name is several's.

        Args:
            worker: as the dialect reads it: an unknown whole name is cut to what follows its dot.
        """
        if worker.miner_id is None or not self.ambiguous(worker.worker):
            return worker
        return worker.model_copy(
            update={
                "subject": f"{worker.account_id}/{worker.worker}",
                "miner_id": None,
                "site_id": None,
                "quality_flags": (*worker.quality_flags, AMBIGUOUS),
            }
        )


class References:
    """Everything that readings are held against, by event time."""

    def __init__(self, limits: Limits, span: Span = SPAN) -> None:
        self._limits = limits
        self._span = span
        self.workers = Workers()
        self._rates: dict[Algorithm, dict[str, History[float]]] = {}
        self._fees: dict[Algorithm, dict[str, History[float]]] = {}
        self._prices: dict[str, History[float]] = {}
        self._networks: dict[str, History[Network]] = {}
        self._indicators: dict[str, History[Indicators]] = {}
        self._firsts: defaultdict[str, dict[int, int]] = defaultdict(dict)

    def note_rate(
        self,
        algorithm: Algorithm,
        pool: str,
        *,
        at_us: int,
        event_id: bytes,
        usd: float | None,
        fee_ratio: float | None,
    ) -> None:
        """What a pool says it pays, USD per H/s and day, or takes; often in different messages."""
        if usd is not None:
            rates = self._rates.setdefault(algorithm, {})
            self._of(rates, pool).add(at_us, event_id, usd)
        if fee_ratio is not None:
            fees = self._fees.setdefault(algorithm, {})
            self._of(fees, pool).add(at_us, event_id, fee_ratio)

    def note_price(self, coin_id: str, *, at_us: int, event_id: bytes, usd: float) -> None:
        """A coin's price."""
        self._of(self._prices, coin_id).add(at_us, event_id, usd)

    def note_network(self, coin_id: str, *, at_us: int, event_id: bytes, network: Network) -> None:
        """A chain's state."""
        self._of(self._networks, coin_id).add(at_us, event_id, network)

    def note_indicators(
        self, coin_id: str, *, at_us: int, event_id: bytes, indicators: Indicators
    ) -> None:
        """A coin's indicators."""
        self._of(self._indicators, coin_id).add(at_us, event_id, indicators)

    def _of(self, histories: dict[str, History[T]], key: str) -> History[T]:
        found = histories.get(key)
        if found is None:
            found = histories[key] = History(self._span)
        return found

    def first_of_bucket(self, coin_id: str, *, at_us: int, offset: int) -> bool:
        """Is the price at that offset the first on its topic that a bucket has of its coin?

        Told of each price by whoever reads the topic in order, it answers the same at any time.

        Args:
            coin_id: whose price.
            at_us: when it was said.
            offset: of the record; a coin's prices lie on one partition.
        """
        firsts = self._firsts[coin_id]
        bucket_us = at_us - at_us % self._limits.bucket_us
        first = firsts.setdefault(bucket_us, offset)
        if offset < first:
            firsts[bucket_us] = first = offset
        if len(firsts) > _BUCKETS:
            del firsts[min(firsts)]
        return first == offset

    def pool_rate(self, algorithm: Algorithm, pool: str, at_us: int) -> Known[float] | None:
        """What a pool paid at an instant, USD per H/s and day, after its fee where that is known.

        The fee may be as old as anything kept: it changes once in years.
        """
        history = self._rates.get(algorithm, {}).get(pool)
        rate = history and history.at(at_us, max_age_us=self._limits.rate_us)
        if not rate:
            return None
        fees = self._fees.get(algorithm, {}).get(pool)
        fee = fees and fees.at(at_us, max_age_us=self._span.kept_us)
        return Known(rate.at_us, pool_rate(rate.value, fee.value if fee else None))

    def indicators(self, coin_id: str, at_us: int) -> Indicators | None:
        """A coin's indicators as of an instant, however old: a chart of days ages slowly."""
        history = self._indicators.get(coin_id)
        known = history and history.at(at_us, max_age_us=self._span.kept_us)
        return known.value if known else None

    def quote(self, algorithm: Algorithm, pool: str | None, at_us: int) -> Quote | None:
        """What hashing paid at an instant: by the pool's rate, else by the networks'.

        Args:
            algorithm: of the miner.
            pool: where it mines; None: not known, so a rate counts only if one pool alone has one.
            at_us: the instant.
        """
        rates = self._rates.get(algorithm)
        if rates:
            pools = rates if pool is None else (pool,)
            known = [rate for name in pools if (rate := self.pool_rate(algorithm, name, at_us))]
            if len(known) == 1:
                return Quote(known[0].value, POOL_RATE, known[0].at_us)
        return self._by_network(algorithm, at_us)

    def worth(
        self,
        algorithm: Algorithm,
        said: PoolSaid | None,
        at_us: int,
        *,
        pool_url: str | None = None,
    ) -> Worth:
        """What pool and markets had said by an instant.

        Args:
            algorithm: of the miner.
            said: what its pool had said of it by then; None: nothing.
            at_us: the instant.
            pool_url: where the miner itself says that it mines; counts while its pool is silent.
        """
        pool = said.pool if said else self._pool_at(algorithm, pool_url)
        quote = self.quote(algorithm, pool, at_us)
        worth = Worth() if said is None else Worth(said.at_us, said.hashrate_hs, said.coin)
        if quote is None:
            return worth
        return worth._replace(
            usd_per_hs_day=quote.usd_per_hs_day,
            by_pool=quote.basis == POOL_RATE,
            price_us=quote.oldest_us,
        )

    def _pool_at(self, algorithm: Algorithm, url: str | None) -> str | None:
        """The pool at an address: one that pays for it, another (no rate is its), or not known.

        Behind a farm's own proxy, which is an address without a name, any pool may be.
        """
        found = _HOST.match(url or "")
        if found is None:
            return None
        host = found[1].casefold()
        return next((name for name in self._rates.get(algorithm, ()) if name in host), _ANOTHER)

    def _by_network(self, algorithm: Algorithm, at_us: int) -> Quote | None:
        coins = COINS.get(algorithm)
        if not coins:
            return None
        chains, oldest_us, limit = [], at_us, self._limits.price_us
        for coin in coins:
            prices, networks = self._prices.get(coin), self._networks.get(coin)
            price = prices and prices.at(at_us, max_age_us=limit)
            network = networks and networks.at(at_us, max_age_us=limit)
            if not price or not network:
                return None
            oldest_us = min(oldest_us, price.at_us, network.at_us)
            chains.append(Chain(price.value, network.value.reward_coins, network.value.difficulty))
        rate = finite(network_rate(chains))
        return None if rate is None else Quote(rate, NETWORK, oldest_us)
