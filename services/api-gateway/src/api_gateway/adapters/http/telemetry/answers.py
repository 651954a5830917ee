"""What the route of telemetry answers: descriptions and examples."""

from typing import Final

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from api_gateway.adapters.http.gaps.answers import GAP_EXAMPLE, GapItem
from api_gateway.adapters.http.miners.answers import LATEST_EXAMPLE, PUBLISHED, STORED
from api_gateway.domain.history import Resolution
from minestream_schemas.telemetry import MinerTelemetry
from minestream_schemas.window import TelemetryWindow

ReadingItem = answer_model(
    "ReadingItem",
    MinerTelemetry,
    leave_out=frozenset({"boards"}),
    published_at=(AwareDatetime | None, PUBLISHED),
    stored_at=(AwareDatetime | None, STORED),
)
WindowItem = answer_model("WindowItem", TelemetryWindow, leave_out=frozenset())


class BucketItem(BaseModel):
    """An hour or a day of one miner: means over the readings that said the field."""

    miner_id: str
    site_id: str
    bucket_at: AwareDatetime
    readings: int
    answered: int = Field(description="readings that say hashrate_hs")
    mining: int
    offline: int
    hashrate_mean_hs: float | None
    hashrate_min_hs: float | None
    hashrate_max_hs: float | None
    hashrate_expected_mean_hs: float | None
    power_mean_w: float | None
    power_min_w: float | None
    power_max_w: float | None
    chip_temp_mean_c: float | None
    chip_temp_min_c: float | None
    chip_temp_max_c: float | None
    pcb_temp_max_c: float | None
    quality_mean: float | None
    anomaly_score_max: float | None


class History(BaseModel):
    """A page of what a miner said, and where it said nothing."""

    miner_id: str
    resolution: Resolution = Field(description="what `auto` became")
    start: AwareDatetime = Field(alias="from")
    end: AwareDatetime = Field(alias="to")
    items: list[ReadingItem] | list[WindowItem] | list[BucketItem] = Field(  # type: ignore[valid-type] # made from the contract
        description="by resolution: raw, window, hour or day; in order of time"
    )
    gaps: list[GapItem] = Field(  # type: ignore[valid-type] # made from the contract
        description="the miner's, of the whole range (the first 1,000: /api/v1/gaps has all), "
        "on every page; draw nothing across them"
    )
    next: str | None = Field(description="cursor of the next page; null: this was the last")


HISTORY_EXAMPLE: Final = {
    "miner_id": "site-a-r01-s03",
    "resolution": "raw",
    "from": "2026-01-31T11:00:00Z",
    "to": "2026-01-31T12:30:00Z",
    "items": [
        {
            key: value
            for key, value in LATEST_EXAMPLE.items()
            if key not in {"boards", "age_s", "answered_at"}
        }
    ],
    "gaps": [GAP_EXAMPLE],
    "next": None,
}
