"""What the routes of alerts answer: descriptions and examples."""

from typing import Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, Field

from api_gateway.adapters.http.answering import answer_model
from minestream_schemas.alert import Alert

_RECORDED: Final = Field(description="when the alerter wrote it, by the database's clock")

TransitionItem = answer_model(
    "TransitionItem", Alert, leave_out=frozenset(), recorded_at=(AwareDatetime, _RECORDED)
)
AlertItem = answer_model(
    "AlertItem",
    Alert,
    leave_out=frozenset(),
    recorded_at=(AwareDatetime, _RECORDED),
    notified_at=(
        AwareDatetime | None,
        Field(description="when a channel took a notification last"),
    ),
    notified_channels=(list[str], Field(examples=[["email", "webhook"]])),
    waiting=(int, Field(description="notifications that are yet to be sent")),
    failed=(int, Field(description="notifications that nobody will get")),
    error=(str | None, Field(description="why one waits or failed, the newest")),
)


class NotificationItem(BaseModel):
    """One transition told on one channel."""

    notification_id: UUID
    number: int = Field(description="of the transition")
    channel: str
    state: Literal["held", "pending", "sent", "failed", "skipped"] = Field(
        description="held: it came out of a backlog; skipped: overtaken while it was held"
    )
    attempts: int
    created_at: AwareDatetime
    due_at: AwareDatetime = Field(description="when it is tried, or tried again")
    tried_at: AwareDatetime | None
    sent_at: AwareDatetime | None
    error: str | None


class AlertPage(BaseModel):
    """A page of alerts, each by its newest transition."""

    items: list[AlertItem]  # type: ignore[valid-type] # made from the contract
    next: str | None = Field(description="cursor of the next page; null: this was the last")


class AlertDetail(AlertItem):  # type: ignore[valid-type, misc] # made from the contract
    """One alert: as it is now, how it came to that, and whom that was told to."""

    transitions: list[TransitionItem]  # type: ignore[valid-type] # made from the contract
    notifications: list[NotificationItem]


_FIRED: Final[dict[str, Any]] = {
    "event_id": "8f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a67",
    "alert_id": "9f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a69",
    "number": 1,
    "rule": "temperature",
    "subject": "site-a-r01-s03",
    "miner_id": "site-a-r01-s03",
    "site_id": "site-a",
    "rack_id": "site-a-r01",
    "severity": "critical",
    "phase": "firing",
    "summary": "site-a-r01-s03: a chip at 93.0 °C, critical above 90 °C",
    "value": 93.0,
    "limit": 90.0,
    "unit": "°C",
    "began_at": "2026-01-31T11:58:47Z",
    "fired_at": "2026-01-31T11:59:47Z",
    "changed_at": "2026-01-31T11:59:47Z",
    "ended_at": None,
    "source_event_id": "6d1a2b3c-0d5e-5f60-8718-192a3b4c5d6e",
    "recorded_at": "2026-01-31T11:59:48.2Z",
}
_NOTIFICATION: Final[dict[str, Any]] = {
    "notification_id": "7a0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a10",
    "number": 1,
    "channel": "webhook",
    "state": "sent",
    "attempts": 2,
    "created_at": "2026-01-31T11:59:48.2Z",
    "due_at": "2026-01-31T11:59:49.4Z",
    "tried_at": "2026-01-31T11:59:49.4Z",
    "sent_at": "2026-01-31T11:59:49.5Z",
    "error": None,
}
ALERT_EXAMPLE: Final = _FIRED | {
    "notified_at": "2026-01-31T11:59:49.5Z",
    "notified_channels": ["webhook"],
    "waiting": 0,
    "failed": 0,
    "error": None,
}
PAGE_EXAMPLE: Final = {"items": [ALERT_EXAMPLE], "next": None}
DETAIL_EXAMPLE: Final = ALERT_EXAMPLE | {
    "transitions": [_FIRED],
    "notifications": [_NOTIFICATION],
}
