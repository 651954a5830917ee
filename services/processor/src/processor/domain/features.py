"""Rows for feature stores: what is known of a miner, a pool's worker or a coin at an instant."""

from typing import Final

from minestream_schemas.feature import Feature, FeatureGroup
from minestream_schemas.ids import derived_id
from minestream_schemas.market import CoinPrice
from minestream_schemas.pool import PoolWorker
from minestream_schemas.telemetry import MinerTelemetry
from processor.domain.miner_state import to_us
from processor.domain.money import DAY_S, finite, revenue_usd_per_day
from processor.domain.references import Indicators

_TERA: Final = 1e12
_MS_US: Final = 1000

Numbers = dict[str, float | None]


def of_reading(reading: MinerTelemetry) -> Feature:
    """A miner's row, from a reading that says what it earns and costs."""
    hashrate, power = reading.hashrate_hs, reading.power_w
    revenue, cost = reading.revenue_usd_per_day, reading.power_cost_usd_per_day
    profit = reading.profit_usd_per_day
    numbers: Numbers = {
        "hashrate_th_s": None if hashrate is None else hashrate / _TERA,
        "power_consumption_w": power,
        "efficiency_j_th": reading.efficiency_j_per_th,
        "avg_temperature_c": _mean_temperature(reading),
        "cost_per_hash_usd_per_th": _ratio(
            cost, None if hashrate is None else hashrate / _TERA * DAY_S
        ),
        "revenue_per_watt_usd_per_w_day": _ratio(revenue, power),
        "revenue_usd_per_day": revenue,
        "power_cost_usd_per_day": cost,
        "profit_usd_per_day": profit,
        "profit_margin_ratio": _ratio(profit, revenue),
        "quality_score": reading.quality_score,
    }
    words = {"status": reading.status.value}
    if reading.model is not None:
        words["model"] = reading.model
    return _row(
        FeatureGroup.MINER_TELEMETRY,
        reading,
        entity_id=reading.miner_id,
        site_id=reading.site_id,
        numbers=numbers,
        words=words,
    )


def of_worker(worker: PoolWorker, usd_per_hs_day: float | None) -> Feature:
    """A pool worker's row.

    Args:
        worker: what its pool says of it.
        usd_per_hs_day: what the pool paid then, after its fee.
    """
    numbers: Numbers = {
        "effective_hashrate_hs": worker.hashrate_hs,
        "accepted_shares": worker.shares_recent,
        "earnings_usd": revenue_usd_per_day(worker.hashrate_hs, usd_per_hs_day),
    }
    words = {"pool": worker.pool, "worker": worker.worker, "algorithm": worker.algorithm.value}
    if worker.coin is not None:
        words["coin"] = worker.coin
    return _row(
        FeatureGroup.POOL_PERFORMANCE,
        worker,
        entity_id=worker.subject,
        site_id=worker.site_id,
        numbers=numbers,
        words=words,
    )


def of_price(price: CoinPrice, indicators: Indicators | None) -> Feature:
    """A coin's row.

    Args:
        price: of the coin.
        indicators: as of that price.
    """
    numbers: Numbers = {
        "price_usd": price.price_usd,
        "market_cap_usd": price.market_cap_usd,
        "volume_24h_usd": price.volume_24h_usd,
        "change_24h_ratio": price.change_24h_ratio,
        **(indicators or Indicators())._asdict(),
    }
    words = {"source": price.source}
    if price.symbol is not None:
        words["symbol"] = price.symbol
    return _row(
        FeatureGroup.MARKET_DATA,
        price,
        entity_id=price.coin_id,
        site_id=None,
        numbers=numbers,
        words=words,
    )


def _row(
    group: FeatureGroup,
    source: MinerTelemetry | PoolWorker | CoinPrice,
    *,
    entity_id: str,
    site_id: str | None,
    numbers: Numbers,
    words: dict[str, str],
) -> Feature:
    return Feature(
        event_id=derived_id("feature", source.event_id, group),
        source_event_id=source.event_id,
        group=group,
        entity_id=entity_id,
        site_id=site_id,
        ts=source.ts,
        row_id=f"{entity_id}|{to_us(source.ts) // _MS_US}",
        numbers={name: float(value) for name, value in numbers.items() if value is not None},
        words=words,
    )


def _ratio(part: float | None, whole: float | None) -> float | None:
    if part is None or not whole:
        return None
    return finite(part / whole)


def _mean_temperature(reading: MinerTelemetry) -> float | None:
    """The mean of the boards' hottest chips; where no board says, the miner's hottest chip."""
    said = [board.chip_temp_max_c for board in reading.boards if board.chip_temp_max_c is not None]
    return sum(said) / len(said) if said else reading.chip_temp_max_c
