"""The three feature groups as Abacus.AI has them: table, columns, types."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Final

from minestream_schemas.feature import FeatureGroup

PRIMARY_KEY: Final = "row_id"
"""Entity and instant together: with the entity alone, each new row would replace the last."""
TIMESTAMP: Final = "timestamp"


class Kind(StrEnum):
    """Types of columns, as the SDK spells them."""

    STRING = "string"
    FLOAT = "float"
    INTEGER = "integer"
    DATETIME = "datetime"


@dataclass(frozen=True)
class Definition:
    """One feature group.

    Args:
        group: which; its value is the table's name.
        description: shown at Abacus.AI.
        entity: the column of what the rows are about.
        numbers: features that are not whole.
        counts: features that are whole.
        words: features that are text.
        renamed: our name to theirs, where the documents name a feature otherwise.
    """

    group: FeatureGroup
    description: str
    entity: str
    numbers: tuple[str, ...]
    counts: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """Its table's name, unique in the organisation."""
        return self.group.value

    @cached_property
    def columns(self) -> dict[str, Kind]:
        """Type by column, the primary key first."""
        return {
            PRIMARY_KEY: Kind.STRING,
            self.entity: Kind.STRING,
            TIMESTAMP: Kind.DATETIME,
            "site_id": Kind.STRING,
            "definition": Kind.INTEGER,
            **dict.fromkeys(self.numbers, Kind.FLOAT),
            **dict.fromkeys(self.counts, Kind.INTEGER),
            **dict.fromkeys(self.words, Kind.STRING),
        }

    @property
    def schema(self) -> list[dict[str, str]]:
        """As the SDK wants it."""
        return [{"name": name, "dataType": kind.value} for name, kind in self.columns.items()]


DEFINITIONS: Final[Mapping[FeatureGroup, Definition]] = MappingProxyType(
    {
        definition.group: definition
        for definition in (
            Definition(
                FeatureGroup.MINER_TELEMETRY,
                "Telemetry data from cryptocurrency miners",
                "miner_id",
                numbers=(
                    *("hashrate_th_s", "power_consumption_w", "efficiency_j_th"),
                    *("avg_temperature_c", "cost_per_hash_usd_per_th"),
                    *("revenue_per_watt_usd_per_w_day", "revenue_usd_per_day"),
                    *("power_cost_usd_per_day", "profit_usd_per_day", "profit_margin_ratio"),
                    "quality_score",
                ),
                words=("model", "status"),
            ),
            Definition(
                FeatureGroup.POOL_PERFORMANCE,
                "Mining pool performance metrics",
                "worker_id",
                numbers=("effective_hashrate", "earnings_usd"),
                counts=("accepted_shares",),
                words=("pool", "worker", "algorithm", "coin"),
                renamed={"effective_hashrate_hs": "effective_hashrate"},
            ),
            Definition(
                FeatureGroup.MARKET_DATA,
                "Cryptocurrency market data",
                "coin_id",
                numbers=(
                    *("price_usd", "market_cap_usd", "volume_24h_usd", "change_24h_ratio"),
                    *("rsi_14", "ma_50_usd", "ma_200_usd", "volatility_30d_ratio"),
                ),
                words=("source", "symbol"),
            ),
        )
    }
)
