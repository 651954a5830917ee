"""Miner telemetry after normalisation: one reading of one miner, its boards, its chips."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from minestream_schemas.event import Event, Instant, Model, Ratio, Topic
from minestream_schemas.ids import EventId, MinerId, RackId, SiteId
from minestream_schemas.units import Algorithm

Celsius = Annotated[float, Field(ge=-40, le=150)]
Hashrate = Annotated[float, Field(ge=0, description="H/s")]
Watts = Annotated[float, Field(ge=0, le=100_000)]
Volts = Annotated[float, Field(ge=0, le=1_000)]
Megahertz = Annotated[float, Field(ge=0, le=10_000)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class MinerStatus(StrEnum):
    """What a miner is doing, or why we do not know."""

    MINING = "mining"
    TUNING = "tuning"
    """Searching its frequencies; it hashes meanwhile."""
    INITIALIZING = "initializing"
    STARTING = "starting"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILURE = "failure"
    OFFLINE = "offline"
    """It did not answer: no numbers."""
    UNAUTHORISED = "unauthorised"
    """It wants credentials that we lack; what other endpoints gave stands."""
    GARBAGE = "garbage"
    """What it answered cannot be read: no numbers."""
    UNKNOWN = "unknown"


class QualityFlag(StrEnum):
    """What is doubtful about a reading. Flagged fields are ``None`` unless said otherwise."""

    ENDPOINT_MISSING = "endpoint_missing"
    """An endpoint failed; the fields that it gives are None."""
    ENDPOINT_STALE = "endpoint_stale"
    """An endpoint's body is older than its cadence allows; its fields stand."""
    FIELD_MISSING = "field_missing"
    """The payload lacks a field that this firmware normally sends."""
    FIELD_INVALID = "field_invalid"
    """A field is of the wrong type, not finite, or physically impossible."""
    UNIT_UNKNOWN = "unit_unknown"
    """The unit of hashrate is said by neither payload, algorithm nor model; hashrates are None."""
    UNIT_INFERRED = "unit_inferred"
    """The payload does not say its unit; it follows from algorithm or model. Hashrates stand."""
    UNIT_DISPUTED = "unit_disputed"
    """The unit that the payload names makes another magnitude than chips times frequency, or than
    what this model can do; hashrates are None."""
    CLOCK_SKEW = "clock_skew"
    """The miner's own clock is more than 60 s off; our clock counts."""
    REPAIRED = "repaired"
    """The body was no JSON until a known firmware fault in it was mended."""
    BOARDS_MISSING = "boards_missing"
    """The payload lists no boards although the miner hashes."""
    LATE = "late"
    """Polled earlier than the newest reading already processed."""


class BoardReading(Model):
    """One hashboard in one reading. ``None``: not said; ``0``: said zero."""

    slot: int = Field(ge=0, le=64, description="as the firmware numbers it, from 1")
    status: str | None = Field(default=None, examples=["mining", "failure", "disconnected"])
    hashrate_hs: Hashrate | None = None
    hashrate_expected_hs: Hashrate | None = None
    chips_ok: Count | None = None
    chips_total: Count | None = None
    chip_temp_max_c: Celsius | None = None
    chip_temp_min_c: Celsius | None = None
    pcb_temp_c: Celsius | None = Field(default=None, description="the hottest point, °C")
    frequency_mhz: Megahertz | None = None
    voltage_v: Volts | None = None
    power_w: Watts | None = None
    hw_errors_total: Count | None = None


class MinerTelemetry(Event):
    """One reading of one miner.

    ``None``: the firmware did not say. ``0.0``: it said zero. Silence and standstill are
    different facts, so never turn one into the other.
    """

    event_id: EventId = Field(description="derived from raw_event_id: a replay gives the same")
    raw_event_id: EventId = Field(description="the poll that this was read from")
    ts: Instant = Field(description="when the miner was polled, by our clock")
    miner_id: MinerId
    site_id: SiteId
    rack_id: RackId | None = None
    dialect: str = Field(examples=["vnish-1.2"])
    model: str | None = Field(default=None, examples=["Antminer L9"])
    firmware: str | None = Field(default=None, examples=["Vnish 1.2.7"])
    algorithm: Algorithm = Algorithm.UNKNOWN
    status: MinerStatus
    hashrate_hs: Hashrate | None = None
    hashrate_avg_hs: Hashrate | None = None
    hashrate_expected_hs: Hashrate | None = None
    power_w: Watts | None = None
    voltage_v: Volts | None = Field(default=None, description="mean of the boards' domains, V")
    efficiency_j_per_th: float | None = Field(
        default=None, ge=0, description="power_w / (hashrate_hs / 1e12); None at standstill"
    )
    frequency_mhz: Megahertz | None = None
    chip_temp_max_c: Celsius | None = None
    pcb_temp_max_c: Celsius | None = None
    inlet_temp_c: Celsius | None = None
    outlet_temp_c: Celsius | None = None
    ambient_temp_c: Celsius | None = None
    fan_rpm: tuple[Annotated[int, Field(ge=0, le=100_000)], ...] = ()
    fan_duty_ratio: Ratio | None = None
    accepted_total: Count | None = None
    rejected_total: Count | None = None
    stale_total: Count | None = None
    hw_errors_total: Count | None = None
    uptime_s: float | None = Field(default=None, ge=0)
    pool_url: str | None = None
    worker: str | None = Field(default=None, description="the inventory's worker, else pool user")
    preset: str | None = Field(default=None, description="the firmware's overclock profile")
    boards_total: Count | None = None
    boards_healthy: Count | None = Field(
        default=None, description="reporting, hashing, enough of their chips fine (95 % by default)"
    )
    boards: tuple[BoardReading, ...] = ()
    error_codes: tuple[str, ...] = ()
    quality_flags: tuple[str, ...] = Field(default=(), description="QualityFlag or flag:field")
    quality_score: Ratio = Field(
        default=1.0, description="share of the numbers this dialect can give that are present"
    )
    evidence: dict[str, str] = Field(
        default_factory=dict, description="what dialect and unit were decided by"
    )
    latency_ms: float | None = Field(default=None, ge=0)
    error: str | None = None
    anomaly_score: Ratio | None = Field(default=None, description="the worst metric's score")
    anomaly_scores: dict[str, Ratio] = Field(default_factory=dict, description="by metric")
    pool_hashrate_hs: Hashrate | None = Field(
        default=None, description="what its pool says of it, as of ts, H/s"
    )
    pool_coin: str | None = Field(default=None, description="what it mines there")
    pool_at: Instant | None = Field(default=None, description="when the pool said so")
    rate_usd_per_hs_day: float | None = Field(
        default=None, ge=0, description="what hashing paid, as of ts"
    )
    revenue_basis: str | None = Field(
        default=None,
        examples=["pool_rate", "network"],
        description="what the rate rests on: the pool's own, or difficulty, reward and price",
    )
    price_at: Instant | None = Field(
        default=None, description="the oldest of what the rate rests on"
    )
    tariff_usd_per_kwh: float | None = Field(default=None, ge=0)
    revenue_usd_per_day: float | None = Field(
        default=None, ge=0, description="hashrate_hs x rate_usd_per_hs_day"
    )
    power_cost_usd_per_day: float | None = Field(
        default=None, ge=0, description="power_w x 24 h x tariff"
    )
    profit_usd_per_day: float | None = Field(
        default=None, description="revenue - power cost; None where either is unknown"
    )


class BoardChips(Model):
    """The chips of one board, by position: arrays of one length, None where not said."""

    slot: int = Field(ge=0, le=64)
    hashrate_hs: tuple[float | None, ...] = ()
    temp_c: tuple[float | None, ...] = ()
    frequency_mhz: tuple[float | None, ...] = ()
    voltage_v: tuple[float | None, ...] = ()
    errors_total: tuple[int | None, ...] = ()
    grade: tuple[str | None, ...] = ()


class MinerChips(Event):
    """The chips of one miner, at their own cadence (300 s by default)."""

    event_id: EventId
    raw_event_id: EventId
    ts: Instant
    miner_id: MinerId
    site_id: SiteId
    boards: tuple[BoardChips, ...]
    quality_flags: tuple[str, ...] = ()


TELEMETRY = Topic(
    name="minestream.telemetry.v1",
    event=MinerTelemetry,
    description="One normalised reading for each poll, with anomaly scores.",
    key="miner_id",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink", "api-gateway", "alerter"}),
)

CHIPS = Topic(
    name="minestream.chips.v1",
    event=MinerChips,
    description="Per-chip samples of a miner's boards.",
    key="miner_id",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink"}),
)
