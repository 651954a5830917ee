"""What a miner earns and costs at the rates of an instant. Nothing follows from what is unknown.

A rate is in USD per H/s and day, so a day's revenue is one product. Prohashing's ``usd`` is such
a rate, per MH/s: times 86,400 it would count the seconds of a day twice.
"""

import math
from collections.abc import Iterable
from typing import Final, NamedTuple

from minestream_dialects.market.coins import HASHES_PER_DIFFICULTY
from minestream_schemas.pool import Basis
from minestream_schemas.telemetry import MinerTelemetry
from minestream_schemas.units import Algorithm
from processor.domain.miner_state import Worth, from_us

DAY_S: Final = 86_400

COINS: Final[dict[Algorithm, tuple[str, ...]]] = {
    Algorithm.SCRYPT: ("litecoin", "dogecoin"),
    Algorithm.SHA256D: ("bitcoin",),
}
"""What hashing an algorithm mines: scrypt finds Litecoin and, by the same work, Dogecoin."""

POOL_RATE: Final[Basis] = "pool_rate"
NETWORK: Final[Basis] = "network"


class Quote(NamedTuple):
    """What hashing pays: a rate, what it rests on, and the oldest part of that."""

    usd_per_hs_day: float
    basis: Basis
    oldest_us: int


class Chain(NamedTuple):
    """What one coin's block is worth and what it takes.

    Args:
        price_usd: of a coin.
        reward_coins: of a block.
        difficulty: as the chain says it.
    """

    price_usd: float
    reward_coins: float
    difficulty: float


def finite(value: float) -> float | None:
    """A number, unless it has grown beyond what a float can say."""
    return value if math.isfinite(value) else None


def pool_rate(usd_per_hs_day: float, fee_ratio: float | None) -> float:
    """What a pool pays after its fee, USD per H/s and day.

    Args:
        usd_per_hs_day: as the pool says it.
        fee_ratio: its share, where it is known.
    """
    return usd_per_hs_day * (1 - (fee_ratio or 0.0))


def network_rate(chains: Iterable[Chain]) -> float:
    """What hashing alone against the networks pays on average, USD per H/s and day.

    Args:
        chains: all that the same work mines.

    Source: a block takes ``difficulty x 2^32`` hashes in the mean.
    """
    return sum(
        chain.price_usd * chain.reward_coins * DAY_S / (chain.difficulty * HASHES_PER_DIFFICULTY)
        for chain in chains
    )


def revenue_usd_per_day(hashrate_hs: float | None, usd_per_hs_day: float | None) -> float | None:
    """A day's revenue at a hashrate and a rate; None where either is unknown."""
    if hashrate_hs is None or usd_per_hs_day is None:
        return None
    return finite(hashrate_hs * usd_per_hs_day)


def power_cost_usd_per_day(power_w: float | None, usd_per_kwh: float | None) -> float | None:
    """What a day's electricity costs; None where power or tariff is unknown."""
    if power_w is None or usd_per_kwh is None:
        return None
    return finite(power_w / 1000 * 24 * usd_per_kwh)


def worth_fields(
    reading: MinerTelemetry, worth: Worth, usd_per_kwh: float | None
) -> dict[str, object]:
    """The fields of a reading that pool, markets and tariff give; what is unknown is left out.

    Args:
        reading: whose hashrate and power count.
        worth: what was known as of the reading.
        usd_per_kwh: the tariff that the inventory had then.
    """
    revenue = revenue_usd_per_day(reading.hashrate_hs, worth.usd_per_hs_day)
    cost = power_cost_usd_per_day(reading.power_w, usd_per_kwh)
    fields: dict[str, object] = {}
    if worth.pool_us is not None:
        fields["pool_hashrate_hs"] = worth.pool_hashrate_hs
        fields["pool_coin"] = worth.pool_coin
        fields["pool_at"] = from_us(worth.pool_us)
    if worth.usd_per_hs_day is not None and worth.price_us is not None:
        fields["rate_usd_per_hs_day"] = worth.usd_per_hs_day
        fields["revenue_basis"] = POOL_RATE if worth.by_pool else NETWORK
        fields["price_at"] = from_us(worth.price_us)
    if usd_per_kwh is not None:
        fields["tariff_usd_per_kwh"] = usd_per_kwh
    if revenue is not None:
        fields["revenue_usd_per_day"] = revenue
    if cost is not None:
        fields["power_cost_usd_per_day"] = cost
    if revenue is not None and cost is not None:
        fields["profit_usd_per_day"] = finite(revenue - cost)
    return fields
