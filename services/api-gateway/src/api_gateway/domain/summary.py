"""What a site does as a whole, from groups of miners that do the same."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from minestream_schemas.telemetry import MinerStatus
from minestream_schemas.units import HASHES_PER_S

SILENT: Final = frozenset({MinerStatus.OFFLINE, MinerStatus.GARBAGE})
"""Statuses of a miner that was asked and gave nothing that can be read."""


@dataclass(frozen=True, slots=True)
class Group:
    """Miners of one algorithm and status, added up. A sum is over those that said the field."""

    algorithm: str
    status: str
    stale: bool
    miners: int
    heard: bool = True
    """Has any of them a reading? Firmware in a state that we do not know is heard of too."""
    hashrate_hs: float = 0.0
    hashrate_said: int = 0
    power_w: float = 0.0
    power_said: int = 0
    paired_hashrate_hs: float = 0.0
    """Of miners that say both hashrate and power, as is ``paired_power_w``."""
    paired_power_w: float = 0.0
    chip_temp_sum_c: float = 0.0
    chip_temp_said: int = 0
    revenue_usd_per_day: float = 0.0
    revenue_said: int = 0
    power_cost_usd_per_day: float = 0.0
    power_cost_said: int = 0
    profit_usd_per_day: float = 0.0
    profit_said: int = 0


@dataclass(slots=True)
class AlgorithmTotals:
    """The miners of one algorithm; hashrates of two algorithms are never added."""

    miners_total: int = 0
    online: int = 0
    hashrate_hs: float = 0.0
    power_w: float = 0.0
    efficiency_j_per_th: float = 0.0


@dataclass(slots=True)
class SiteSummary:
    """A site's totals. A ratio without anything to divide by is 0; the counts tell it apart."""

    miners_total: int = 0
    online: int = 0
    offline: int = 0
    stale: int = 0
    unknown: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    algorithms: dict[str, AlgorithmTotals] = field(default_factory=dict)
    power_w: float = 0.0
    chip_temp_mean_c: float = 0.0
    hashrate_said: int = 0
    power_said: int = 0
    chip_temp_said: int = 0
    revenue_usd_per_day: float = 0.0
    revenue_said: int = 0
    power_cost_usd_per_day: float = 0.0
    power_cost_said: int = 0
    profit_usd_per_day: float = 0.0
    profit_said: int = 0


_ADDED: Final = (
    *("power_w", "hashrate_said", "power_said", "chip_temp_said"),
    *("revenue_usd_per_day", "revenue_said", "power_cost_usd_per_day", "power_cost_said"),
    *("profit_usd_per_day", "profit_said"),
)
"""Added up over all algorithms: dollars and watts are the same for each."""


def summarise(groups: Iterable[Group]) -> SiteSummary:
    """Add groups up.

    Sums are over miners that are online: whose latest reading is fresh and says something.
    ``online + offline + stale + unknown`` is ``miners_total``.

    Args:
        groups: of miners.
    """
    summary = SiteSummary()
    heat = 0.0
    paired: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for group in groups:
        totals = summary.algorithms.setdefault(group.algorithm, AlgorithmTotals())
        totals.miners_total += group.miners
        summary.miners_total += group.miners
        summary.statuses[group.status] = summary.statuses.get(group.status, 0) + group.miners
        if not group.heard:
            summary.unknown += group.miners
        elif group.status in SILENT:
            summary.offline += group.miners
        elif group.stale:
            summary.stale += group.miners
        else:
            summary.online += group.miners
            totals.online += group.miners
            totals.hashrate_hs += group.hashrate_hs
            totals.power_w += group.power_w
            for name in _ADDED:
                setattr(summary, name, getattr(summary, name) + getattr(group, name))
            heat += group.chip_temp_sum_c
            paired[group.algorithm][0] += group.paired_power_w
            paired[group.algorithm][1] += group.paired_hashrate_hs
    for algorithm, (power_w, hashrate_hs) in paired.items():
        summary.algorithms[algorithm].efficiency_j_per_th = _ratio(
            power_w, hashrate_hs / HASHES_PER_S["TH/s"]
        )
    summary.chip_temp_mean_c = _ratio(heat, summary.chip_temp_said)
    return summary


def _ratio(above: float, below: float) -> float:
    return above / below if below else 0.0
