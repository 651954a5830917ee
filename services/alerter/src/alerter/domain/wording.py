"""What people read of an alert: one line, and the lines below it."""

from datetime import UTC, datetime

from minestream_schemas.alert import Alert, AlertPhase


def headline(alert: Alert) -> str:
    """One line: how bad, whether it is over, what."""
    state = "RESOLVED" if alert.phase is AlertPhase.RESOLVED else alert.severity.upper()
    return _one_line(f"[{state}] {alert.summary}")


def text_of(alert: Alert) -> str:
    """The whole message, for people."""
    lines = [
        headline(alert),
        "",
        *(f"{name + ':':<10}{value}" for name, value in facts_of(alert)),
    ]
    return "\n".join(lines) + "\n"


def facts_of(alert: Alert) -> list[tuple[str, str]]:
    """What there is to know, by name; what is not known is left out."""
    facts = [
        ("Rule", alert.rule),
        ("Severity", alert.severity.value),
        ("Subject", alert.subject),
        ("Site", alert.site_id),
        ("Rack", alert.rack_id),
        ("Measured", _number(alert.value, alert.unit)),
        ("Limit", _number(alert.limit, alert.unit)),
        ("Since", _instant(alert.began_at)),
        ("Fired", _instant(alert.fired_at)),
        ("Changed", _instant(alert.changed_at) if alert.number > 1 else None),
        ("Ended", None if alert.ended_at is None else _instant(alert.ended_at)),
        ("Alert", f"{alert.alert_id} no. {alert.number}"),
    ]
    return [(name, _one_line(value)) for name, value in facts if value is not None]


def _number(value: float | None, unit: str | None) -> str | None:
    return None if value is None else f"{value:.1f} {unit or ''}".rstrip()


def _instant(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _one_line(text: str) -> str:
    """Without what would begin another line, or another header of a mail."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
