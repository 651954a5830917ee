"""An alert to tell, and a ledger row that asks for it."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from alerter.adapters.channel import Notification
from minestream_schemas.alert import Alert, AlertPhase, Severity

AT = datetime(2026, 11, 21, 14, 30, 47, tzinfo=UTC)


class StandingClock:
    """Always the same instant."""

    def now(self) -> datetime:
        return AT

    def monotonic(self) -> float:
        return 0.0


def alert(**more: Any) -> Alert:
    fields: dict[str, Any] = {
        "event_id": UUID(int=1),
        "alert_id": UUID(int=2),
        "number": 1,
        "rule": "temperature",
        "subject": "site-a-r01-s03",
        "miner_id": "site-a-r01-s03",
        "site_id": "site-a",
        "severity": Severity.CRITICAL,
        "phase": AlertPhase.FIRING,
        "summary": "site-a-r01-s03: a chip at 93.0 °C, critical above 90 °C",
        "value": 93.0,
        "limit": 90.0,
        "unit": "°C",
        "began_at": AT,
        "fired_at": AT,
        "changed_at": AT,
    }
    return Alert(**(fields | more))


def notification(**more: Any) -> Notification:
    return Notification(UUID(int=3), alert(**more), f"00-{1:032x}-{2:016x}-01")
