"""The way of one reading, from its poll to its row, by the stamps that each service left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

_COLLECTOR: Final = "collector"
_PROCESSOR: Final = "processor"
_SINK: Final = "timescale-sink"


class Mark(StrEnum):
    """What had been done with a reading at an instant."""

    POLLED = "polled"
    """The miner had answered, or had not in time."""
    PUBLISHED = "published"
    """The raw event lay on Kafka."""
    NORMALISED = "normalised"
    """The processor had read it and sent the reading."""
    STORED = "stored"
    """The reading's row was committed."""


@dataclass(frozen=True, slots=True)
class Stamps:
    """What the rows say of one reading. None: not, or not any more."""

    raw_event_id: UUID
    miner_id: str
    began_at: datetime
    """When the poll began: the reading's ``ts``."""
    event_id: UUID | None = None
    """The reading's; None: there is no row of it."""
    collector_id: str | None = None
    latency_ms: float | None = None
    published_at: datetime | None = None
    normalised_at: datetime | None = None
    stored_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a reading's way."""

    step: Mark
    at: datetime
    after_s: float
    """Since the poll began; below zero where two machines' clocks differ by more than it took."""
    service: str


def way_of(stamps: Stamps) -> list[Step]:
    """The steps whose instants are known, in the order in which they are done."""
    polled_at = stamps.began_at + timedelta(milliseconds=stamps.latency_ms or 0)
    collector = stamps.collector_id or _COLLECTOR
    known = (
        (Mark.POLLED, polled_at, collector),
        (Mark.PUBLISHED, stamps.published_at, collector),
        (Mark.NORMALISED, stamps.normalised_at, _PROCESSOR),
        (Mark.STORED, stamps.stored_at, _SINK),
    )
    return [
        Step(mark, at, round((at - stamps.began_at).total_seconds(), 6), service)
        for mark, at, service in known
        if at is not None
    ]
