"""A reading that does not fit its miner's own history."""

from datetime import timedelta

from pydantic import Field

from minestream_schemas.event import Event, Instant, Ratio, Topic
from minestream_schemas.ids import EventId, MinerId, SiteId


class Anomaly(Event):
    """The scores of a reading whose overall score reached the publishing threshold.

    A score maps the distance from the metric's exponentially weighted history onto 0…1;
    0.8 is where an operator is told.
    """

    event_id: EventId = Field(description="derived from the reading's")
    reading_id: EventId
    ts: Instant
    miner_id: MinerId
    site_id: SiteId
    detector: str = Field(examples=["ewma-z"])
    score: Ratio = Field(description="the worst metric's")
    scores: dict[str, Ratio]
    values: dict[str, float] = Field(description="what the metrics said")
    expected: dict[str, float] = Field(description="their exponentially weighted means")


ANOMALY = Topic(
    name="minestream.anomaly.v1",
    event=Anomaly,
    description="Readings that do not fit their miner's history.",
    key="miner_id",
    retention=timedelta(days=7),
    producers=frozenset({"processor"}),
    consumers=frozenset({"timescale-sink", "api-gateway", "collector-vnish", "collector-cgminer"}),
)
