"""What can go wrong beyond the farm: at the pool, the market, the feature store, the inbox."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from minestream_emulators.faults import FaultRefusedError


class Trouble(StrEnum):
    """What can be broken on purpose, beside the miners' faults."""

    POOL_DOWN = "pool-down"
    POOL_STALE = "pool-stale"
    POOL_WRONG_KEY = "pool-wrong-key"
    POOL_MALFORMED = "pool-malformed"
    POOL_429 = "pool-429"
    POOL_429_BARE = "pool-429-bare"
    MARKET_429 = "market-429"
    MARKET_429_BARE = "market-429-bare"
    MARKET_DOWN = "market-down"
    COINGECKO_DOWN = "coingecko-down"
    COINMARKETCAP_DOWN = "coinmarketcap-down"
    COINMARKETCAP_LIMIT = "coinmarketcap-limit"
    MARKET_STALE = "market-stale"
    MARKET_NEGATIVE = "market-negative"
    MARKET_WRONG_KEY = "market-wrong-key"
    INBOX_DOWN = "inbox-down"
    ABACUS_DOWN = "abacus-down"
    ABACUS_429 = "abacus-429"


TROUBLES: Final[dict[Trouble, str]] = {
    Trouble.POOL_DOWN: "the pool's router and web site drop every connection",
    Trouble.POOL_STALE: "the pool is there and says nothing new",
    Trouble.POOL_WRONG_KEY: "the pool refuses the account's key",
    Trouble.POOL_MALFORMED: "the pool's changes are of the wrong shape",
    Trouble.POOL_429: "pools answer 429 with Retry-After",
    Trouble.POOL_429_BARE: "pools answer 429 and do not say until when",
    Trouble.MARKET_429: "market and network sources answer 429 with Retry-After",
    Trouble.MARKET_429_BARE: "market and network sources answer 429 and do not say until when",
    Trouble.MARKET_DOWN: "market and network sources answer 503",
    Trouble.COINGECKO_DOWN: "CoinGecko alone answers 503",
    Trouble.COINMARKETCAP_DOWN: "CoinMarketCap alone answers 503",
    Trouble.COINMARKETCAP_LIMIT: "CoinMarketCap says with HTTP 200 that our minute is used up",
    Trouble.MARKET_STALE: "prices do not change any more, nor does their time",
    Trouble.MARKET_NEGATIVE: "a coin's price is below zero",
    Trouble.MARKET_WRONG_KEY: "the market refuses our key",
    Trouble.INBOX_DOWN: "web hook and mail server refuse every message",
    Trouble.ABACUS_DOWN: "the feature store answers 503",
    Trouble.ABACUS_429: "the feature store answers 429",
}


@dataclass(slots=True)
class Troubles:
    """Which of them there are, until when.

    Args:
        now_s: the world's clock, seconds.
    """

    now_s: Callable[[], float]
    _until: dict[Trouble, float] = field(default_factory=dict)

    def begin(self, name: str, *, for_s: float | None) -> Trouble:
        """Break something; None: until healed.

        Raises:
            FaultRefusedError: there is no such trouble, or its duration is not above zero.
        """
        if name not in set(Trouble):
            raise FaultRefusedError(f"unknown trouble {name!r}; there are {', '.join(Trouble)}")
        if for_s is not None and not for_s > 0:
            raise FaultRefusedError(f"a duration of {for_s} s is not above zero")
        trouble = Trouble(name)
        self._until[trouble] = math.inf if for_s is None else self.now_s() + for_s
        return trouble

    def __contains__(self, trouble: Trouble) -> bool:
        """Is it so now?"""
        return self._until.get(trouble, -math.inf) > self.now_s()

    def active(self) -> list[Trouble]:
        """All that are so now."""
        return [trouble for trouble in Trouble if trouble in self]

    def heal(self) -> int:
        """Mend everything; how much there was to mend."""
        mended = len(self.active())
        self._until.clear()
        return mended
