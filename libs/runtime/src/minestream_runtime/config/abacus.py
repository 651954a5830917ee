"""``abacus_integration_config.yaml``: ingestion, feature groups, real time, batches."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field, SecretStr

from minestream_runtime.config.marks import Part, Ruled, Sets

_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)
Kind = Literal["FLOAT", "INTEGER", "STRING", "TIMESTAMP"]
_OURS = "the groups and their columns are fixed by contract: docs/topics.md, minestream.feature.v1"


def _cron(text: str) -> str:
    try:
        CronSim(text, _ANY_TIME)
    except CronSimError as exc:
        raise ValueError(f"no schedule: minute hour day month weekday are wanted ({exc})") from None
    return text


Cron = Annotated[str, AfterValidator(_cron)]


class General(Part):
    """``general``."""

    project_id: Annotated[str, Field(min_length=1, max_length=120), Sets("ABACUS_PROJECT")]
    api_key: Annotated[SecretStr | None, Sets("ABACUS_KEY")] = None
    environment: Annotated[
        Literal["development", "test", "production"],
        Ruled("environments are apart by MINESTREAM_TOPIC_NAMESPACE and by project"),
    ] = "production"


class Ingestion(Part):
    """``data_ingestion``."""

    batch_size: Annotated[int, Field(ge=1, le=1000), Sets("ABACUS_BATCH_ROWS")] = 1000
    max_retries: Annotated[int, Field(ge=0, le=100), Sets("ABACUS_RETRIES")] = 3
    retry_backoff_factor: Annotated[Literal[2], Ruled("each wait is twice the one before")] = 2
    timeout_seconds: Annotated[float, Field(gt=0), Sets("ABACUS_TIMEOUT_S")] = 30


class Feature(Part):
    """One of a group's ``features``."""

    name: str
    type: Kind
    description: str = ""


class Group(Part):
    """One of ``feature_groups``."""

    name: Annotated[Literal["miner_telemetry", "pool_performance", "market_data"], Ruled(_OURS)]
    description: str = ""
    entity_id_column: str
    timestamp_column: str
    features: tuple[Feature, ...] = ()


class Anomalies(Part):
    """``real_time.anomaly_detection``."""

    enabled: Annotated[bool, Ruled("every reading is scored")] = True
    sensitivity: Annotated[
        Literal["low", "medium", "high"], Ruled("scores have one scale; the threshold decides")
    ] = "medium"
    alert_threshold: Annotated[
        float, Field(ge=0, le=1), Ruled("no rule pages on scores yet; 0.8 is the documented z")
    ] = 0.8


class RealTime(Part):
    """``real_time``."""

    enabled: Annotated[bool, Ruled("the stream is always processed as it comes")] = True
    streaming_window_seconds: Annotated[float, Field(gt=0), Sets("WINDOW_S")] = 300
    anomaly_detection: Anomalies = Anomalies()


class Features(Part):
    """``batch_processing.feature_computation``."""

    enabled: Annotated[bool, Ruled("features are computed in the stream")] = True
    include_historical: Annotated[bool, Ruled("history is in the database and the lake")] = True


class Batches(Part):
    """``batch_processing``."""

    schedule: Annotated[Cron, Ruled("there is no batch run yet; features go out as they come")]
    lookback_days: Annotated[int, Field(ge=1), Ruled("as the schedule")] = 7
    feature_computation: Features = Features()


class Abacus(Part):
    """The file."""

    general: General
    data_ingestion: Ingestion = Ingestion()
    feature_groups: tuple[Group, ...] = ()
    real_time: RealTime | None = None
    batch_processing: Batches | None = None
