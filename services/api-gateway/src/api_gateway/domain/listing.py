"""In which order a list is given, and where a page of it ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What values a sortable field has."""

    TEXT = "text"
    NUMBER = "number"
    INSTANT = "instant"


SORTABLE: Final[dict[str, Kind]] = {
    "miner_id": Kind.TEXT,
    "site_id": Kind.TEXT,
    "rack_id": Kind.TEXT,
    "slot": Kind.NUMBER,
    "address": Kind.TEXT,
    "model": Kind.TEXT,
    "algorithm": Kind.TEXT,
    "status": Kind.TEXT,
    "ts": Kind.INSTANT,
    "hashrate_hs": Kind.NUMBER,
    "hashrate_avg_hs": Kind.NUMBER,
    "power_w": Kind.NUMBER,
    "efficiency_j_per_th": Kind.NUMBER,
    "chip_temp_max_c": Kind.NUMBER,
    "pcb_temp_max_c": Kind.NUMBER,
    "boards_healthy": Kind.NUMBER,
    "uptime_s": Kind.NUMBER,
    "quality_score": Kind.NUMBER,
    "anomaly_score": Kind.NUMBER,
    "pool_hashrate_hs": Kind.NUMBER,
    "revenue_usd_per_day": Kind.NUMBER,
    "power_cost_usd_per_day": Kind.NUMBER,
    "profit_usd_per_day": Kind.NUMBER,
}
"""The fields that miners can be sorted by; ties are broken by ``miner_id``."""


@dataclass(frozen=True, slots=True)
class Sort:
    """An order: by one field, then by id, what says nothing last."""

    field: str
    descending: bool = False

    def __str__(self) -> str:
        return f"-{self.field}" if self.descending else self.field


@dataclass(frozen=True, slots=True)
class Position:
    """The last item of a page: the value it was sorted by (None: it said nothing), and its id."""

    value: str | float | None
    id: str


def parse_sort(text: str) -> Sort:
    """Read an order.

    Args:
        text: a field's name, with ``-`` before it for descending.

    Raises:
        ValueError: naming the fields that can be sorted by.
    """
    field = text.removeprefix("-")
    if field not in SORTABLE:
        raise ValueError(f"{field!r} is no field to sort by; there are {', '.join(SORTABLE)}")
    return Sort(field, descending=text.startswith("-"))
