"""What coins cost and how hard their chains are at any instant: seeded, so each replay agrees.

The figures are of late 2026, and fit each other: what the three chains pay for a hash comes out
near what the emulated pool says it pays.
"""

import math
from dataclasses import dataclass
from typing import Final

from minestream_emulators.noise import lattice, seed_of, wobble

DAY_S: Final = 86_400.0
_SWINGS: Final = ((30 * DAY_S, 0.08), (DAY_S, 0.03), (3_600.0, 0.006), (60.0, 0.0015))
"""How long a price's waves are, s, and how high, as a ratio."""
_HEIGHTS_AT_S: Final = 1_767_225_600
"""2026-01-01, when the chains were as high as said below."""
_HASHES_PER_DIFFICULTY: Final = 2**32


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin and its chain.

    Args:
        coin_id: as CoinGecko names it.
        symbol: as exchanges do.
        price_usd: what it costs about.
        supply: how many there are.
        difficulty: of its chain, about.
        subsidy: what a block pays.
        block_time_s: what its difficulty aims at.
        retarget_s: how often its difficulty changes.
        height: of its chain when 2026 began.
    """

    coin_id: str
    symbol: str
    price_usd: float
    supply: float
    difficulty: float
    subsidy: float
    block_time_s: float
    retarget_s: float
    height: int

    @property
    def name(self) -> str:
        """For people."""
        return self.coin_id.capitalize()


COINS: Final[dict[str, Coin]] = {
    coin.coin_id: coin
    for coin in (
        Coin("litecoin", "LTC", 82.0, 7.6e7, 1.08e8, 6.25, 150.0, 302_400.0, 3_030_000),
        # mined together with litecoin: with 5.7e7 both pay 4.5e-4 USD a day for a MH/s
        Coin("dogecoin", "DOGE", 0.10, 1.52e11, 5.7e7, 10_000.0, 60.0, 60.0, 6_030_000),
        Coin("bitcoin", "BTC", 77_000.0, 2.0e7, 1.3e14, 3.125, 600.0, 1_209_600.0, 930_500),
    )
}


class Tape:
    """Prices and difficulties of one world.

    Args:
        seed: the same seed, the same prices.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def price_usd(self, coin: Coin, at_s: float) -> float:
        """What a coin costs; six digits, as sources say it."""
        waves = (
            height * wobble(seed_of(self._seed, "price", coin.coin_id, period_s), at_s, period_s)
            for period_s, height in _SWINGS
        )
        return _digits(coin.price_usd * math.exp(sum(waves)))

    def change_percent(self, coin: Coin, at_s: float, over_s: float) -> float:
        """How much its price has changed."""
        before = self.price_usd(coin, at_s - over_s)
        return round(100.0 * (self.price_usd(coin, at_s) / before - 1.0), 5)

    def market_cap_usd(self, coin: Coin, at_s: float) -> float:
        """What all of it costs."""
        return _digits(self.price_usd(coin, at_s) * coin.supply, 10)

    def volume_24h_usd(self, coin: Coin, at_s: float) -> float:
        """What was traded in a day."""
        busy = 1.0 + 0.5 * wobble(seed_of(self._seed, "volume", coin.coin_id), at_s, DAY_S)
        return _digits(0.05 * busy * self.market_cap_usd(coin, at_s), 10)

    def difficulty(self, coin: Coin, at_s: float) -> float:
        """Of its chain: one value between two adjustments."""
        index = int(at_s // coin.retarget_s)
        step = lattice(seed_of(self._seed, "difficulty", coin.coin_id), index)
        return coin.difficulty * (1.0 + 0.02 * step)

    def hashrate_hs(self, coin: Coin, at_s: float) -> float:
        """Of its chain, as blocks let one estimate it."""
        luck = 1.0 + 0.03 * wobble(seed_of(self._seed, "luck", coin.coin_id), at_s, 600.0)
        perfect = self.difficulty(coin, at_s) * _HASHES_PER_DIFFICULTY / coin.block_time_s
        return _digits(perfect * luck, 9)

    def height(self, coin: Coin, at_s: float) -> int:
        """Of its chain."""
        return coin.height + int((at_s - _HEIGHTS_AT_S) // coin.block_time_s)


def _digits(value: float, count: int = 6) -> float:
    return float(f"{value:.{count}g}")
