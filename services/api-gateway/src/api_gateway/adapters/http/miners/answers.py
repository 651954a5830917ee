"""What the routes of miners answer: descriptions and examples."""

from typing import Any, Final
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from api_gateway.adapters.http.gaps.answers import GapItem
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.pool import Basis
from minestream_schemas.telemetry import BoardChips, BoardReading, MinerStatus, MinerTelemetry
from minestream_schemas.units import Algorithm

Entry = answer_model(
    "Entry",
    InventoryEntry,
    leave_out=frozenset({"sealed"}),
    has_credentials=bool,
    created_at=AwareDatetime,
    updated_at=AwareDatetime,
    revision=int,
)
PUBLISHED: Final = Field(description="when the processor sent it; null: not known any more")
STORED: Final = Field(description="when its row was committed; null: not known any more")
LatestReading = answer_model(
    "LatestReading",
    MinerTelemetry,
    leave_out=frozenset(),
    age_s=float,
    answered_at=AwareDatetime | None,
    published_at=(AwareDatetime | None, PUBLISHED),
    stored_at=(AwareDatetime | None, STORED),
)


class MinerItem(BaseModel):
    """A miner of the fleet and what it said last; null: not said, or never heard of."""

    miner_id: str
    site_id: str
    rack_id: str | None
    slot: int | None
    address: str
    interval_s: float | None = Field(description="its own poll interval; null: the usual one")
    dialect: str | None
    model: str | None
    algorithm: Algorithm | str = Field(description="as the miner says, else as the inventory does")
    status: MinerStatus = Field(
        description="unknown: never heard of (ts is null), or in a state that we do not know"
    )
    ts: AwareDatetime | None = Field(description="when it was last polled")
    age_s: float | None = Field(description="seconds since ts")
    firmware: str | None
    hashrate_hs: float | None = Field(description="H/s")
    hashrate_avg_hs: float | None
    hashrate_expected_hs: float | None
    hashrate_nominal_hs: float | None = Field(
        description="what it should make: as it says, or said when it last told a hashrate"
    )
    power_w: float | None
    efficiency_j_per_th: float | None
    chip_temp_max_c: float | None
    pcb_temp_max_c: float | None
    fan_rpm: list[int]
    uptime_s: float | None
    pool_url: str | None
    worker: str | None
    boards_total: int | None
    boards_healthy: int | None
    error_codes: list[str]
    quality_flags: list[str]
    quality_score: float | None
    anomaly_score: float | None
    pool_hashrate_hs: float | None = Field(description="what its pool says of it, as of ts, H/s")
    pool_coin: str | None
    pool_at: AwareDatetime | None
    rate_usd_per_hs_day: float | None = Field(description="what hashing paid, as of ts")
    revenue_basis: Basis | None
    price_at: AwareDatetime | None = Field(description="the oldest of what the rate rests on")
    tariff_usd_per_kwh: float | None = Field(description="as of ts, else the inventory's")
    revenue_usd_per_day: float | None
    power_cost_usd_per_day: float | None
    profit_usd_per_day: float | None = Field(description="null where either of them is")


class MinerPage(BaseModel):
    """A page of miners."""

    items: list[MinerItem]
    next: str | None = Field(description="cursor of the next page; null: this was the last")


class MinerDetail(BaseModel):
    """One miner: its entry, its newest reading with boards, its open gaps."""

    miner_id: str
    status: MinerStatus
    entry: Entry | None = Field(  # type: ignore[valid-type] # made from the contract
        description="null: removed from the fleet, its history is still here"
    )
    latest: LatestReading | None = Field(  # type: ignore[valid-type] # made from the contract
        description="null: never heard of"
    )
    gaps: list[GapItem] = Field(description="open ones")  # type: ignore[valid-type] # as above


class BoardItem(BoardReading):
    """One board in one reading."""

    event_id: UUID
    ts: AwareDatetime
    miner_id: str


class Boards(BaseModel):
    """A miner's boards in one reading."""

    miner_id: str
    ts: AwareDatetime | None = Field(description="of the reading; null: none is known")
    items: list[BoardItem]


class ChipItem(BoardChips):
    """The chips of one board in one sample, by position."""

    quality_flags: list[str]


class Chips(BaseModel):
    """A miner's chips in one sample."""

    miner_id: str
    ts: AwareDatetime | None = Field(description="of the sample; null: none is known")
    items: list[ChipItem]


MINER_EXAMPLE: Final[dict[str, Any]] = {
    "miner_id": "site-a-r01-s03",
    "site_id": "site-a",
    "rack_id": "site-a-r01",
    "slot": 3,
    "address": "10.0.0.12:80",
    "interval_s": None,
    "dialect": "vnish-1.2",
    "model": "Antminer L9",
    "algorithm": "scrypt",
    "status": "mining",
    "ts": "2026-01-31T12:00:00Z",
    "age_s": 12.4,
    "firmware": "Vnish 1.2.7",
    "hashrate_hs": 16_020_000_000.0,
    "hashrate_avg_hs": 15_980_000_000.0,
    "hashrate_expected_hs": 16_000_000_000.0,
    "hashrate_nominal_hs": 16_000_000_000.0,
    "power_w": 3360.0,
    "efficiency_j_per_th": 209737.8,
    "chip_temp_max_c": 71.0,
    "pcb_temp_max_c": 58.0,
    "fan_rpm": [4320, 4310, 4290, 4330],
    "uptime_s": 86400.0,
    "pool_url": "stratum+tcp://prohashing.com:3333",
    "worker": "alpha",
    "boards_total": 3,
    "boards_healthy": 3,
    "error_codes": [],
    "quality_flags": [],
    "quality_score": 1.0,
    "anomaly_score": 0.04,
    "pool_hashrate_hs": 15_700_000_000.0,
    "pool_coin": "Litecoin",
    "pool_at": "2026-01-31T11:59:31Z",
    "rate_usd_per_hs_day": 4.5e-10,
    "revenue_basis": "pool_rate",
    "price_at": "2026-01-31T11:58:02Z",
    "tariff_usd_per_kwh": 0.05,
    "revenue_usd_per_day": 7.209,
    "power_cost_usd_per_day": 4.032,
    "profit_usd_per_day": 3.177,
}
PAGE_EXAMPLE: Final = {"items": [MINER_EXAMPLE], "next": "WyJtaW5lcnMgbWluZXJfaWQiLCJhIiwiYSJd"}
BOARD_EXAMPLE: Final[dict[str, Any]] = {
    "slot": 1,
    "status": "mining",
    "hashrate_hs": 5_340_000_000.0,
    "hashrate_expected_hs": 5_333_000_000.0,
    "chips_ok": 110,
    "chips_total": 110,
    "chip_temp_max_c": 71.0,
    "chip_temp_min_c": 60.0,
    "pcb_temp_c": 58.0,
    "frequency_mhz": 1225.0,
    "voltage_v": 14.5,
    "power_w": 1120.0,
    "hw_errors_total": 0,
}
_EVENT_ID: Final = "0199d2a4-7c1e-5b3a-9f10-2f6d8c0a5e11"
LATEST_EXAMPLE: Final[dict[str, Any]] = {
    "event_id": _EVENT_ID,
    "raw_event_id": "0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e12",
    **{key: value for key, value in MINER_EXAMPLE.items() if key in MinerTelemetry.model_fields},
    "voltage_v": 14.5,
    "frequency_mhz": 1225.0,
    "accepted_total": 8123,
    "rejected_total": 12,
    "stale_total": 3,
    "hw_errors_total": 0,
    "boards": [BOARD_EXAMPLE],
    "age_s": 12.4,
    "answered_at": "2026-01-31T12:00:00Z",
    "published_at": "2026-01-31T12:00:00.074Z",
    "stored_at": "2026-01-31T12:00:00.190521Z",
}
DETAIL_EXAMPLE: Final = {
    "miner_id": "site-a-r01-s03",
    "status": "mining",
    "entry": {
        "miner_id": "site-a-r01-s03",
        "site_id": "site-a",
        "rack_id": "site-a-r01",
        "slot": 3,
        "address": "10.0.0.12:80",
        "transport": "http",
        "dialect": "vnish",
        "model": "Antminer L9",
        "algorithm": "scrypt",
        "workers": ["alpha"],
        "tariff_usd_per_kwh": 0.05,
        "interval_s": None,
        "has_credentials": True,
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "revision": 1,
    },
    "latest": LATEST_EXAMPLE,
    "gaps": [],
}
BOARDS_EXAMPLE: Final = {
    "miner_id": "site-a-r01-s03",
    "ts": "2026-01-31T12:00:00Z",
    "items": [
        BOARD_EXAMPLE
        | {"event_id": _EVENT_ID, "ts": "2026-01-31T12:00:00Z", "miner_id": "site-a-r01-s03"}
    ],
}
CHIPS_EXAMPLE: Final = {
    "miner_id": "site-a-r01-s03",
    "ts": "2026-01-31T12:00:00Z",
    "items": [
        {
            "slot": 1,
            "hashrate_hs": [48_500_000.0, 48_600_000.0],
            "temp_c": [68.0, 71.0],
            "frequency_mhz": [1225.0, 1225.0],
            "voltage_v": [0.35, 0.35],
            "errors_total": [0, 1],
            "grade": ["grey", "orange"],
            "quality_flags": [],
        }
    ],
}
