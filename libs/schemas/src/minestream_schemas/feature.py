"""Rows for a feature store: an entity, an instant, numbers by name."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic
from minestream_schemas.ids import EventId, SiteId
from minestream_schemas.pool import Subject


class FeatureGroup(StrEnum):
    """Which features belong together."""

    MINER_TELEMETRY = "miner_telemetry"
    POOL_PERFORMANCE = "pool_performance"
    MARKET_DATA = "market_data"


class Feature(Event):
    """One row: what is known of one entity at one instant. At most one in each ``feature_every_s``.

    ``row_id`` is the key at the store: the same row, told again, is the same row there.
    """

    event_id: EventId = Field(description="derived from source_event_id and group")
    source_event_id: EventId = Field(description="the reading, worker or price it was made from")
    group: FeatureGroup
    entity_id: Subject = Field(description="miner_id, the pool worker's subject, or coin_id")
    site_id: SiteId | None = None
    ts: Instant
    row_id: str = Field(
        examples=["site-a-r01-s03|1795219200000"], description="entity_id|ts in ms since 1970 UTC"
    )
    definition: int = Field(default=1, ge=1, description="of the group; +1 when it changes")
    numbers: dict[str, float] = Field(
        default_factory=dict, description="by name with the unit in it; what is unknown is left out"
    )
    words: dict[str, str] = Field(default_factory=dict)


FEATURE = Topic(
    name="minestream.feature.v1",
    event=Feature,
    description="Rows for feature stores, by miner, pool worker and coin.",
    key="entity_id",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"abacus-sink", "timescale-sink"}),
)
