"""What the processor is told by its environment."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from minestream_dialects import HEALTHY_CHIPS_RATIO
from minestream_runtime.settings import Settings
from minestream_schemas.topics import CO_PARTITIONED
from processor.domain.miner_state import SECOND_US
from processor.domain.references import Limits
from processor.domain.step import Rules

PARTITIONS = CO_PARTITIONED[0].partitions


class ProcessorSettings(Settings):
    """The processor's own settings; see ``Settings`` for the shared ones."""

    window_s: int = Field(default=300, gt=0, description="length of a tumbling window")
    grace_s: int = Field(default=120, ge=0, description="how long after its end it stays open")
    tick_every_s: float = Field(default=5.0, gt=0, description="how often a clock tick is sent")
    lag_every_s: float = Field(default=10.0, gt=0, description="how often the lag is measured")
    publish_threshold: float = Field(
        default=0.5, gt=0, le=1, description="least score that makes an anomaly event"
    )
    healthy_chips_ratio: float = Field(
        default=HEALTHY_CHIPS_RATIO,
        ge=0,
        le=1,
        description="a board with at least this share of its chips is healthy",
    )
    silent_polls: int = Field(
        default=2, ge=1, description="polls in a row without a reading that make a gap"
    )
    down_polls: float = Field(
        default=3.0, gt=1, description="intervals without any poll that make a gap"
    )
    pool_worker_age_s: float = Field(
        default=900.0, gt=0, description="how old may be what a pool said of a worker"
    )
    pool_worker_every_s: float = Field(
        default=60.0,
        ge=0,
        le=600,
        description="of a worker that only hashes on, one row in so long",
    )
    pool_rate_age_s: float = Field(
        default=600.0, gt=0, description="how old a pool's rate may be: then the networks' counts"
    )
    price_age_s: float = Field(
        default=7200.0, gt=0, description="how old prices and difficulties may be"
    )
    feature_every_s: int = Field(
        default=300, gt=0, description="each miner, worker and coin has one feature row in that"
    )
    pool_units_hs: dict[str, Annotated[float, Field(gt=0, allow_inf_nan=False)]] = Field(
        default_factory=dict,
        description="JSON: how many H/s a pool's rate is per, by algorithm; MH/s where not said",
    )
    backlog_budget_s: float = Field(
        default=30.0,
        gt=0,
        description="after a start: longest wait of readings for what pools and markets had said",
    )
    state_dir: Path = Field(
        default=Path(".minestream/processor"), description="RocksDB and the tries of failed records"
    )
    standby_replicas: int = Field(default=0, ge=0, description="hot copies of the state")
    commit_every_s: float = Field(default=1.0, gt=0, description="how often offsets are committed")
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="until a silent worker's partitions move on"
    )
    tries: int = Field(default=3, ge=1, description="failures until a record is set aside")
    bug_limit: int = Field(
        default=100, ge=1, description="records set aside for our own bugs in an hour: then stop"
    )
    busy_budget_s: float = Field(
        default=120.0,
        gt=0,
        description="watchdog: longest start, rebalance or recovery (11,000 miners a second)",
    )
    idle_budget_s: float = Field(
        default=60.0, gt=0, description="watchdog: lagging, but nothing processed"
    )
    commit_budget_s: float = Field(
        default=120.0, gt=0, description="watchdog: processing, but nothing committed"
    )

    @property
    def folder(self) -> Path:
        """Where this instance keeps its state: another namespace's state is not ours."""
        return self.state_dir / self.group("processor") / self.instance

    @property
    def rules(self) -> Rules:
        """The settings that the domain decides by."""
        return Rules(
            window_s=self.window_s,
            grace_s=self.grace_s,
            publish_threshold=self.publish_threshold,
            silent_polls=self.silent_polls,
            down_polls=self.down_polls,
            feature_every_s=self.feature_every_s,
            healthy_chips_ratio=self.healthy_chips_ratio,
        )

    @property
    def limits(self) -> Limits:
        """How old things may be, as the domain counts."""
        return Limits(
            worker_us=round(self.pool_worker_age_s * SECOND_US),
            rate_us=round(self.pool_rate_age_s * SECOND_US),
            price_us=round(self.price_age_s * SECOND_US),
            bucket_us=self.feature_every_s * SECOND_US,
        )
