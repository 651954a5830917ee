"""Time, as an event: what closes the windows of miners that fell silent."""

from datetime import timedelta

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic


class Tick(Event):
    """Time on one partition, valid once raw.miner has been read up to ``raw_end_offset``.

    So a backlog is never cut off by the clock.
    """

    partition: str = Field(description="the number of the partition that it belongs to")
    at: Instant
    raw_end_offset: int = Field(ge=0, description="offset of the next raw.miner record, then")


TICKS = Topic(
    name="minestream.ticks.v1",
    event=Tick,
    description="The processor's clock, co-partitioned with raw.miner.",
    key="partition",
    retention=timedelta(hours=1),
    producers=frozenset({"processor"}),
    consumers=frozenset({"processor"}),
)
