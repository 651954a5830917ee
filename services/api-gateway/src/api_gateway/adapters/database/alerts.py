"""Alerts as the alerter's contract schema tells them: newest first, and one with all its steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from psycopg import sql

from api_gateway.adapters.database.access import Reader
from api_gateway.adapters.database.filtering import matching
from minestream_schemas.alert import Alert

_STEP: Final = (*Alert.model_fields, "recorded_at")
_TOLD: Final = ("notified_at", "notified_channels", "waiting", "failed", "error")
_NOTIFICATION: Final = (
    *("notification_id", "number", "channel", "state", "attempts"),
    *("created_at", "due_at", "tried_at", "sent_at", "error"),
)


def _names(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


# which ones is asked of the transitions: only of a page's alerts it is added up who was told
_LIST: Final = sql.SQL("""
SELECT {columns} FROM alerting_v1.alert WHERE alert_id = ANY(ARRAY(
    SELECT alert_id FROM alerting_v1.transition AS newest
    WHERE NOT EXISTS (
        SELECT FROM alerting_v1.transition AS later
        WHERE later.alert_id = newest.alert_id AND later.number > newest.number
    ) AND {conditions}
    ORDER BY fired_at DESC, alert_id DESC LIMIT %(limit)s))
ORDER BY fired_at DESC, alert_id DESC
""")
_ONE: Final = sql.SQL("SELECT {} FROM alerting_v1.alert WHERE alert_id = %(id)s").format(
    _names((*_STEP, *_TOLD))
)
_STEPS: Final = sql.SQL(
    "SELECT {} FROM alerting_v1.transition WHERE alert_id = %(id)s ORDER BY number"
).format(_names(_STEP))
_NOTIFICATIONS: Final = sql.SQL(
    "SELECT {} FROM alerting_v1.notification WHERE alert_id = %(id)s ORDER BY number, channel"
).format(_names(_NOTIFICATION))
_AFTER: Final = sql.SQL("(fired_at, alert_id) < (%(at)s::timestamptz, %(id)s::uuid)")


@dataclass(frozen=True, slots=True)
class Filters:
    """Which alerts: of each field any of the values; no values: any."""

    any_of: Mapping[str, Sequence[str]]
    firing: bool | None = None
    """None: those that are over as well."""


async def list_alerts(
    reader: Reader, filters: Filters, after: tuple[str, str] | None, limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` alerts by when they fired, the newest first, each as it is now.

    Args:
        reader: of the contract schemas.
        filters: which ones.
        after: ``fired_at`` and id of the alert to go on from.
        limit: at most so many.
    """
    conditions, values = matching(filters.any_of)
    values["limit"] = limit
    if filters.firing is not None:
        conditions.append(sql.SQL("(phase = 'firing') = %(firing)s"))
        values["firing"] = filters.firing
    if after is not None:
        conditions.append(_AFTER)
        values |= {"at": after[0], "id": after[1]}
    query = _LIST.format(
        columns=_names((*_STEP, *_TOLD)), conditions=sql.SQL(" AND ").join(conditions)
    )
    return await reader.rows(query, values)


async def find_alert(reader: Reader, alert_id: UUID) -> dict[str, Any] | None:
    """One alert with its transitions and its notifications, in order; None: there is none."""
    values = {"id": alert_id}
    rows = await reader.rows(_ONE, values)
    if not rows:
        return None
    return rows[0] | {
        "transitions": await reader.rows(_STEPS, values),
        "notifications": await reader.rows(_NOTIFICATIONS, values),
    }
