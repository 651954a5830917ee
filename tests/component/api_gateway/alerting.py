"""Alerts as the alerter writes them: tables that the gateway reads through views, and its topic."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from tests.component.api_gateway.conftest import NOW

from minestream_schemas.ids import derived_id


def transition(alert: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    """A transition as its table has it: a chip that is too hot, unless told otherwise."""
    miner = fields.pop("miner", "m-1")
    fired_at: datetime = fields.pop("fired_at", NOW - timedelta(minutes=10))
    resolved = fields.get("phase") == "resolved"
    return {
        "event_id": derived_id("transition", alert, number),
        "alert_id": derived_id("alert", alert),
        "number": number,
        "rule": "temperature",
        "subject": miner,
        "miner_id": miner,
        "site_id": "site-a",
        "severity": "warning",
        "phase": "firing",
        "summary": f"{miner}: a chip at 85.0 °C, warning above 80 °C",
        "value": 85.0,
        "limit": 80.0,
        "unit": "°C",
        "began_at": fired_at - timedelta(minutes=1),
        "fired_at": fired_at,
        "changed_at": fired_at + timedelta(minutes=number - 1),
        "ended_at": fired_at + timedelta(minutes=number - 1) if resolved else None,
    } | fields


def told(row: dict[str, Any]) -> dict[str, Any]:
    """The same as its topic has it."""
    said = {
        key: value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value
        for key, value in row.items()
        if value is not None
    }
    return {key: str(value) if isinstance(value, UUID) else value for key, value in said.items()}


class Alerting:
    """Writes the alerting schema's tables as their owner does."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def write(self, *rows: dict[str, Any]) -> None:
        """Transitions, in order."""
        for row in rows:
            self._connection.execute(
                "INSERT INTO alerting.alert (alert_id, number, rule, subject, phase, began_at, "
                "changed_at) VALUES (%(alert_id)s, %(number)s, %(rule)s, %(subject)s, %(phase)s, "
                "%(began_at)s, %(changed_at)s) ON CONFLICT (alert_id) DO UPDATE SET "
                "number = excluded.number, phase = excluded.phase, "
                "changed_at = excluded.changed_at",
                row,
            )
            self._insert("transition", row)

    def notify(self, row: dict[str, Any], channel: str, state: str, **fields: Any) -> None:
        """An entry of the ledger for a transition."""
        sent = {"sent_at": NOW, "tried_at": NOW, "attempts": 1} if state == "sent" else {}
        self._insert(
            "notification",
            {
                "notification_id": derived_id(channel, row["event_id"]),
                "alert_id": row["alert_id"],
                "number": row["number"],
                "channel": channel,
                "state": state,
                "partition": 0,
            }
            | sent
            | fields,
        )

    def remove(self) -> None:
        """As if the alerter had never run here."""
        self._connection.execute("DROP SCHEMA alerting, alerting_v1 CASCADE")

    def _insert(self, table: str, row: dict[str, Any]) -> None:
        self._connection.execute(
            sql.SQL("INSERT INTO alerting.{} ({}) VALUES ({})").format(
                sql.Identifier(table),
                sql.SQL(", ").join(map(sql.Identifier, row)),
                sql.SQL(", ").join(map(sql.Placeholder, row)),
            ),
            row,
        )


@contextmanager
def writing(database_url: str) -> Iterator[Alerting]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield Alerting(connection)
