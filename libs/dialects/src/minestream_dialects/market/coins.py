"""Protocol facts of the coins that we mine: what a chain pays for a block, and how often."""

import re
from dataclasses import dataclass
from typing import Final

from minestream_schemas.units import Algorithm

HASHES_PER_DIFFICULTY: Final = 2**32
"""Expected hashes for a block of difficulty 1."""


@dataclass(frozen=True, slots=True)
class Coin:
    """A coin.

    Args:
        coin_id: as CoinGecko names it.
        symbol: as exchanges name it.
        algorithm: what its miners compute.
        block_reward_coins: what a block pays, without fees; the last resort where no source says
            it. Litecoin's and Bitcoin's halve, next in 2027 and 2028.
        block_time_s: what its difficulty aims at.
        cmc_id: CoinMarketCap's number for it.
    """

    coin_id: str
    symbol: str
    algorithm: Algorithm
    block_reward_coins: float
    block_time_s: float
    cmc_id: int


COINS: Final[dict[str, Coin]] = {
    coin.coin_id: coin
    for coin in (
        Coin("litecoin", "LTC", Algorithm.SCRYPT, 6.25, 150.0, 2),
        Coin("dogecoin", "DOGE", Algorithm.SCRYPT, 10_000.0, 60.0, 74),
        Coin("bitcoin", "BTC", Algorithm.SHA256D, 3.125, 600.0, 1),
    )
}
COIN_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")
"""What CoinGecko's names look like."""
BY_CMC_ID: Final[dict[int, Coin]] = {coin.cmc_id: coin for coin in COINS.values()}
BY_SYMBOL: Final[dict[str, Coin]] = {coin.symbol: coin for coin in COINS.values()}
