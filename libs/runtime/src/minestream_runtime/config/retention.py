"""``data_retention_config.yaml``: how long what is kept."""

from typing import Annotated, Literal

from pydantic import Field

from minestream_runtime.config.abacus import Cron
from minestream_runtime.config.marks import Part, Ruled, Sets

Days = Annotated[int, Field(ge=1, le=36_500)]
_LAKE = "the lake is Parquet with zstd, cut by source and day; the database compresses by itself"


class _Kept(Part):
    storage_format: Annotated[Literal["parquet", "text"], Ruled(_LAKE)] = "parquet"
    compression: Annotated[Literal["snappy", "gzip", "zstd"], Ruled(_LAKE)] = "snappy"
    partition_by: Annotated[tuple[str, ...], Ruled(_LAKE)] = ()


class Readings(_Kept):
    """``high_resolution``."""

    retention_days: Annotated[
        Days,
        Sets("KEEP_READING_DAYS"),
        Sets("KEEP_BOARD_DAYS"),
        Sets("KEEP_CHIP_SAMPLE_DAYS"),
    ]


class Hourly(_Kept):
    """``medium_resolution``."""

    retention_days: Annotated[Days, Sets("KEEP_HOURLY_DAYS")]
    aggregation_interval: Literal["hourly"] = "hourly"


class Daily(_Kept):
    """``low_resolution``."""

    retention_days: Annotated[Days, Sets("KEEP_DAILY_DAYS")]
    aggregation_interval: Literal["daily"] = "daily"


class Telemetry(Part):
    """``raw_data.miner_telemetry``."""

    high_resolution: Readings | None = None
    medium_resolution: Hourly | None = None
    low_resolution: Daily | None = None


class Transactions(_Kept):
    """``raw_data.pool_data.transaction_data``."""

    retention_days: Annotated[Days, Sets("KEEP_POOL_WORKER_DAYS")]


class Performance(_Kept):
    """``raw_data.pool_data.performance_data``."""

    retention_days: Annotated[Days, Sets("KEEP_POOL_DAYS")]


class Pools(Part):
    """``raw_data.pool_data``."""

    transaction_data: Transactions | None = None
    performance_data: Performance | None = None


class Prices(_Kept):
    """``raw_data.market_data.price_data``."""

    retention_days: Annotated[Days, Ruled("prices stay as long as the technical data of them")]


class Technical(_Kept):
    """``raw_data.market_data.technical_data``."""

    retention_days: Annotated[Days, Sets("KEEP_MARKET_DAYS")]


class Markets(Part):
    """``raw_data.market_data``."""

    price_data: Prices | None = None
    technical_data: Technical | None = None


class Raw(Part):
    """``raw_data``."""

    miner_telemetry: Telemetry = Telemetry()
    pool_data: Pools = Pools()
    market_data: Markets = Markets()


class Windows(_Kept):
    """``processed_data.operational_metrics``."""

    retention_days: Annotated[Days, Sets("KEEP_WINDOW_DAYS")]


class Finance(_Kept):
    """``processed_data.financial_metrics``."""

    retention_days: Annotated[
        Days, Ruled("money stands in the daily rollups: low_resolution, MINESTREAM_KEEP_DAILY_DAYS")
    ]


class Anomalies(_Kept):
    """``processed_data.anomaly_detection``."""

    retention_days: Annotated[Days, Sets("KEEP_ANOMALY_DAYS")]


class Processed(Part):
    """``processed_data``."""

    operational_metrics: Windows | None = None
    financial_metrics: Finance | None = None
    anomaly_detection: Anomalies | None = None


class Log(_Kept):
    """One of ``system_data.logs``."""

    retention_days: Annotated[
        Days, Ruled("local files rotate at 100 MB x 5; the log store keeps the days")
    ]


class Logs(Part):
    """``system_data.logs``."""

    error_logs: Log | None = None
    info_logs: Log | None = None


class Audit(_Kept):
    """``system_data.audit_trails``."""

    retention_days: Annotated[Days, Ruled("there is no audit trail yet")]


class System(Part):
    """``system_data``."""

    logs: Logs = Logs()
    audit_trails: Audit | None = None


class General(Part):
    """``general``."""

    timezone: Annotated[Literal["UTC"], Ruled("every instant is UTC")] = "UTC"
    storage_base_path: Annotated[str, Ruled("the database has its own folder")] = ""
    archive_base_path: Annotated[str, Sets("LAKE_FOLDER")] = ""


class Archiving(Part):
    """``archiving``."""

    schedule: Annotated[Cron, Ruled("the archiver writes as events come, not weekly")]
    parallel_jobs: Annotated[int, Field(ge=1), Ruled("more replicas share the partitions")] = 4
    verification_enabled: Annotated[bool, Ruled("each file is verified as it is written")] = True
    notification_email: Annotated[str, Ruled("a lake that cannot be written shows in /readyz")] = ""


class Retention(Part):
    """The file."""

    general: General = General()
    raw_data: Raw
    processed_data: Processed = Processed()
    system_data: System = System()
    archiving: Archiving | None = None
