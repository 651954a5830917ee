"""Missing data, labelled: from when, to when, why. Silence is never zero."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic
from minestream_schemas.ids import EventId, SiteId, derived_id


class GapCause(StrEnum):
    """Why readings are missing."""

    MINER_SILENT = "miner_silent"
    """It was polled and did not answer (seen by the processor)."""
    MINER_UNAUTHORISED = "miner_unauthorised"
    """It answered, wants credentials that we lack, and gave no figures (seen by the processor)."""
    MINER_UNREADABLE = "miner_unreadable"
    """It answered what nobody can read figures from (seen by the processor)."""
    COLLECTOR_DOWN = "collector_down"
    """Nobody polled it (seen by the processor)."""
    LINK_DOWN = "link_down"
    """The collector could not reach Kafka; its spool kept the readings (seen by the collector)."""
    SPOOL_OVERFLOW = "spool_overflow"
    """The collector's spool was full and dropped its oldest (seen by the collector)."""
    SOURCE_SILENT = "source_silent"
    """A pool or market brought nothing fresh (seen by its collector)."""


class Gap(Event):
    """One gap. It is told when it opens (``ended_at`` None) and again, same id, when it closes."""

    event_id: EventId = Field(description="of this telling")
    gap_id: EventId = Field(description="derived from subject, cause and began_at")
    subject: str = Field(
        description="the miner's id; the collector's for its link and spool; "
        "else the pool account or source"
    )
    site_id: SiteId | None = None
    cause: GapCause
    began_at: Instant = Field(description="the last instant that is covered")
    ended_at: Instant | None = Field(default=None, description="the next one; None while open")
    filled: bool = Field(default=False, description="late readings have filled it after all")
    lost_total: int = Field(default=0, ge=0, description="events dropped for good")
    reported_by: str = Field(examples=["processor", "collector-vnish-0"])


def gap_id_of(subject: str, cause: GapCause, began_at: datetime) -> UUID:
    """The id of a gap, whoever tells of it and whenever."""
    return derived_id("gap", subject, cause, began_at.isoformat())


def gap_of(
    subject: str,
    cause: GapCause,
    began_at: datetime,
    ended_at: datetime | None = None,
    *,
    reported_by: str,
    site_id: str | None = None,
    filled: bool = False,
    lost_total: int = 0,
) -> Gap:
    """A telling of a gap, when it opens and when it closes: the same at each repeat.

    Args:
        subject: of whom readings are missing.
        cause: why.
        began_at: the last instant that is covered.
        ended_at: the next one; None: it is open.
        reported_by: who tells.
        site_id: whose, where it is one site's.
        filled: have late readings filled it after all?
        lost_total: events dropped for good.
    """
    gap_id = gap_id_of(subject, cause, began_at)
    return Gap(
        event_id=derived_id("gap-open" if ended_at is None else "gap-closed", gap_id),
        gap_id=gap_id,
        subject=subject,
        site_id=site_id,
        cause=cause,
        began_at=began_at,
        ended_at=ended_at,
        filled=filled,
        lost_total=lost_total,
        reported_by=reported_by,
    )


GAP = Topic(
    name="minestream.gap.v1",
    event=Gap,
    description="Gaps in the data and their causes, opened and closed.",
    key="subject",
    retention=timedelta(days=7),
    producers=frozenset(
        {
            "collector-vnish",
            "collector-cgminer",
            "collector-pool",
            "collector-market",
            "processor",
            "api-gateway",
        }
    ),
    consumers=frozenset({"timescale-sink", "api-gateway"}),
)
