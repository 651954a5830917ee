"""What the routes of sites answer: descriptions and examples."""

from typing import Any, Final

from pydantic import BaseModel, Field


class SiteItem(BaseModel):
    """A site of the fleet."""

    site_id: str
    name: str | None
    tariff_usd_per_kwh: float | None
    miners_total: int


class SitePage(BaseModel):
    """A page of sites."""

    items: list[SiteItem]
    next: str | None = Field(description="cursor of the next page; null: this was the last")


class AlgorithmItem(BaseModel):
    """The miners of one algorithm; hashrates of two algorithms are never added."""

    miners_total: int
    online: int
    hashrate_hs: float = Field(description="H/s, of miners online")
    power_w: float = Field(description="of miners online")
    efficiency_j_per_th: float = Field(
        description="of miners that say both hashrate and power; 0 where there are none"
    )


class Summary(BaseModel):
    """A site's totals now. `online + offline + stale + unknown` is `miners_total`."""

    site_id: str
    name: str | None
    tariff_usd_per_kwh: float | None
    miners_total: int
    online: int = Field(description="newest reading is fresh and says something")
    offline: int = Field(description="did not answer, or nothing that can be read")
    stale: int = Field(description="newest reading is too old to say anything of now")
    unknown: int = Field(description="never heard of")
    statuses: dict[str, int] = Field(
        description="newest status, of all miners; unknown: also a state that we do not know"
    )
    algorithms: dict[str, AlgorithmItem]
    power_w: float = Field(description="of miners online")
    chip_temp_mean_c: float = Field(
        description="mean of chip_temp_max_c of miners online; 0 where none says it"
    )
    hashrate_said: int = Field(description="how many miners the hashrates are of")
    power_said: int
    chip_temp_said: int
    revenue_usd_per_day: float = Field(
        description="of miners online whose revenue is known: revenue_said says how many"
    )
    revenue_said: int
    power_cost_usd_per_day: float
    power_cost_said: int
    profit_usd_per_day: float = Field(
        description="of miners online that say both revenue and cost: profit_said of them"
    )
    profit_said: int


SITES_EXAMPLE: Final = {
    "items": [
        {"site_id": "site-a", "name": "Alpha", "tariff_usd_per_kwh": 0.05, "miners_total": 24}
    ],
    "next": None,
}
SUMMARY_EXAMPLE: Final[dict[str, Any]] = {
    "site_id": "site-a",
    "name": "Alpha",
    "tariff_usd_per_kwh": 0.05,
    "miners_total": 24,
    "online": 22,
    "offline": 1,
    "stale": 0,
    "unknown": 1,
    "statuses": {"mining": 22, "offline": 1, "unknown": 1},
    "algorithms": {
        "scrypt": {
            "miners_total": 24,
            "online": 22,
            "hashrate_hs": 352_000_000_000.0,
            "power_w": 73_920.0,
            "efficiency_j_per_th": 210_000.0,
        }
    },
    "power_w": 73_920.0,
    "chip_temp_mean_c": 70.5,
    "hashrate_said": 22,
    "power_said": 22,
    "chip_temp_said": 22,
    "revenue_usd_per_day": 151.4,
    "revenue_said": 21,
    "power_cost_usd_per_day": 88.7,
    "power_cost_said": 22,
    "profit_usd_per_day": 66.7,
    "profit_said": 21,
}
