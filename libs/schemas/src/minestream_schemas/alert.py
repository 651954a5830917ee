"""Alerts: what is wrong, since when, how bad, and that it is over."""

from datetime import timedelta
from enum import StrEnum

from pydantic import Field

from minestream_schemas.event import Event, Instant, Topic
from minestream_schemas.ids import EventId, MinerId, RackId, SiteId
from minestream_schemas.pool import Subject


class Severity(StrEnum):
    """How bad it is."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class AlertPhase(StrEnum):
    """What an alert is doing. Before it fires it is nobody's business but the alerter's."""

    FIRING = "firing"
    RESOLVED = "resolved"


class Alert(Event):
    """One transition of one alert: it fires, its severity changes, or it is resolved.

    An alert is one subject's trouble by one rule, from when the condition first held until it has
    not for the rule's hold. A rise from warning to critical is the same alert.
    """

    event_id: EventId = Field(description="of this transition: derived from alert_id and number")
    alert_id: EventId = Field(description="derived from rule, subject and began_at")
    number: int = Field(ge=1, description="of the transition, from 1")
    rule: str = Field(examples=["temperature", "offline"])
    subject: Subject = Field(description="what it is about: a miner's id")
    miner_id: MinerId | None = None
    site_id: SiteId | None = None
    rack_id: RackId | None = None
    severity: Severity
    phase: AlertPhase
    summary: str = Field(examples=["site-a-r01-s03: a chip at 93.0 °C, critical above 90 °C"])
    value: float | None = Field(default=None, description="what was measured")
    limit: float | None = Field(default=None, description="what it passed")
    unit: str | None = Field(default=None, examples=["°C", "s"])
    began_at: Instant = Field(description="since when the condition holds, by event time")
    fired_at: Instant = Field(description="when it fired first, by event time")
    changed_at: Instant = Field(description="when this transition was, by event time")
    ended_at: Instant | None = Field(default=None, description="None while it fires")
    source_event_id: EventId | None = Field(
        default=None, description="the reading that led to this transition"
    )


ALERT = Topic(
    name="minestream.alert.v1",
    event=Alert,
    description="Alerts that fire, change and are resolved.",
    key="subject",
    retention=timedelta(days=7),
    producers=frozenset({"alerter"}),
    consumers=frozenset({"api-gateway"}),
)
