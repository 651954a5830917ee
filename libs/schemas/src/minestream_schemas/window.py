"""Tumbling windows over one miner's readings, by event time."""

from datetime import timedelta

from pydantic import Field

from minestream_schemas.event import Event, Instant, Ratio, Topic
from minestream_schemas.ids import EventId, MinerId, SiteId
from minestream_schemas.telemetry import Celsius, Count, Hashrate, Watts


class TelemetryWindow(Event):
    """One miner's readings with ``window_start_at <= ts < window_start_at + window_s``.

    Means are over the readings that said the field; ``None`` where none did. Counter deltas are
    sums over consecutive readings that say the counter, of which the later lies in the window:
    the increase, or the later value itself where the counter fell (the miner restarted).
    A window without any reading is not written: its absence is a gap.
    """

    event_id: EventId = Field(description="derived from miner, window and revision")
    miner_id: MinerId
    site_id: SiteId
    window_start_at: Instant = Field(description="a multiple of window_s since 1970-01-01 UTC")
    window_s: int = Field(gt=0)
    revision: int = Field(default=0, ge=0, description="+1 each time late rows changed it")
    readings: Count = Field(description="rows of any status")
    answered: Count = Field(description="rows that say hashrate_hs")
    mining: Count = Field(description="rows of status mining or tuning")
    hashrate_mean_hs: Hashrate | None = None
    hashrate_min_hs: Hashrate | None = None
    hashrate_max_hs: Hashrate | None = None
    power_mean_w: Watts | None = None
    power_max_w: Watts | None = None
    chip_temp_mean_c: Celsius | None = None
    chip_temp_max_c: Celsius | None = None
    pcb_temp_max_c: Celsius | None = None
    fan_rpm_min: Count | None = None
    accepted_delta: Count | None = Field(default=None, description="None before a first pair")
    rejected_delta: Count | None = None
    stale_delta: Count | None = None
    hw_errors_delta: Count | None = None
    anomaly_score_max: Ratio | None = None


WINDOW = Topic(
    name="minestream.window.v1",
    event=TelemetryWindow,
    description="Each miner's closed windows, once the grace for late readings has passed.",
    key="miner_id",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink", "api-gateway"}),
)
