"""What the sink is told by its environment."""

from datetime import timedelta

from pydantic import Field

from minestream_runtime.settings import Settings
from timescale_sink.domain.tables import Keep


class SinkSettings(Settings):
    """The sink's own settings; see ``Settings`` for the shared ones."""

    sink_batch_records: int = Field(default=5000, ge=1, description="most records a transaction")
    sink_batch_bytes: int = Field(default=16 * 1024 * 1024, ge=1, description="most bytes of them")
    sink_batch_wait_s: float = Field(default=0.2, gt=0, description="longest wait for more rows")
    sink_statement_timeout_s: float = Field(
        default=30.0, gt=0, description="a statement that takes longer is tried with half the rows"
    )
    sink_bug_limit: int = Field(
        default=100, ge=1, description="records set aside for our own bugs: then stop"
    )
    session_timeout_s: float = Field(
        default=10.0, ge=6, description="until a silent sink's partitions move on"
    )
    window_s: int = Field(default=300, gt=0, description="as the processor's")
    maintenance_every_s: float = Field(default=30.0, gt=0, description="how often upkeep is done")
    settle_s: float = Field(
        default=900.0, gt=0, description="how long a late reading's windows are looked after"
    )
    ahead_days: int = Field(default=3, ge=1, description="partitions made ahead of time")
    keep_reading_days: int = Field(default=30, ge=8, description="readings")
    keep_board_days: int = Field(default=30, ge=1, description="boards in each reading")
    keep_chip_sample_days: int = Field(default=30, ge=1, description="samples of chips")
    keep_raw_event_days: int = Field(default=7, ge=1, description="what polls brought, verbatim")
    keep_window_days: int = Field(default=180, ge=1, description="windows")
    keep_anomaly_days: int = Field(default=90, ge=1, description="anomalies")
    keep_hourly_days: int = Field(default=180, ge=8, description="hourly rollup")
    keep_daily_days: int = Field(default=1095, ge=8, description="daily rollup")
    keep_pool_worker_days: int = Field(default=90, ge=8, description="what pools say of workers")
    keep_pool_days: int = Field(
        default=365,
        ge=8,
        description="pools' performance: rates, balances, earnings and workers by hour",
    )
    keep_market_days: int = Field(
        default=1095, ge=8, description="prices, indicators, networks, earnings by day"
    )
    keep_feature_days: int = Field(default=90, ge=1, description="rows for feature stores")
    keep_dead_letter_days: int = Field(default=90, ge=1, description="dead letters' rows")
    keep_gap_days: int = Field(default=1095, ge=1, description="gaps that have ended")

    @property
    def keep(self) -> Keep:
        """How long each table's rows stay.

        Readings outlast by far what the rollups' policies refresh (three days), so that a refresh
        never covers dropped readings.
        """
        return Keep(
            {
                "reading": timedelta(days=self.keep_reading_days),
                "board": timedelta(days=self.keep_board_days),
                "chip_sample": timedelta(days=self.keep_chip_sample_days),
                "raw_event": timedelta(days=self.keep_raw_event_days),
                "window": timedelta(days=self.keep_window_days),
                "anomaly": timedelta(days=self.keep_anomaly_days),
                "reading_hourly": timedelta(days=self.keep_hourly_days),
                "reading_daily": timedelta(days=self.keep_daily_days),
                "pool_worker": timedelta(days=self.keep_pool_worker_days),
                "pool_worker_hourly": timedelta(days=self.keep_pool_days),
                "pool_rate": timedelta(days=self.keep_pool_days),
                "pool_balance": timedelta(days=self.keep_pool_days),
                "pool_stats": timedelta(days=self.keep_pool_days),
                "pool_reward": timedelta(days=self.keep_pool_days),
                "pool_notice": timedelta(days=self.keep_pool_days),
                "earning_hourly": timedelta(days=self.keep_pool_days),
                "earning_daily": timedelta(days=self.keep_market_days),
                "price": timedelta(days=self.keep_market_days),
                "indicators": timedelta(days=self.keep_market_days),
                "network": timedelta(days=self.keep_market_days),
                "feature": timedelta(days=self.keep_feature_days),
            }
        )
