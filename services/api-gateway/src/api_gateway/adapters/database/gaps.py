"""Gaps: where data are missing, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader

MOST_OPEN: Final = 100
MOST_WITHIN: Final = 1000
_COLUMNS: Final = sql.SQL(
    "gap_id, subject, site_id, cause, began_at, ended_at, filled, lost_total, reported_by"
)
_MEETING: Final = sql.SQL("""
WITH running AS MATERIALIZED (
    SELECT {columns} FROM telemetry_v1.gap
    WHERE tstzrange(began_at, greatest(began_at, coalesce(ended_at, 'infinity')))
        @> %(from)s::timestamptz AND began_at < %(from)s AND began_at < %(to)s AND {where}),
begun AS (
    SELECT {columns} FROM telemetry_v1.gap
    WHERE began_at >= %(from)s AND began_at < %(to)s
        AND coalesce(ended_at, 'infinity') > %(from)s AND {where}
    ORDER BY began_at, gap_id LIMIT %(limit)s)
SELECT * FROM running UNION ALL SELECT * FROM begun ORDER BY began_at, gap_id LIMIT %(limit)s
""")
"""Those that a span begins in, and those that begin in it: each has an index. As one condition
it is a walk through all gaps before the span, in search of the few that have not ended."""
_OF_ONE: Final = sql.SQL(
    "SELECT {columns} FROM telemetry_v1.gap WHERE {where} ORDER BY began_at, gap_id LIMIT %(limit)s"
)
_SUBJECT: Final = sql.SQL("subject = ANY(%(subjects)s)")
_CAUSE: Final = sql.SQL("cause = ANY(%(causes)s)")
_AFTER: Final = sql.SQL("(began_at, gap_id) > (%(at)s::timestamptz, %(id)s::uuid)")
_OPEN: Final = sql.SQL("ended_at IS NULL")


@dataclass(frozen=True, slots=True)
class Span:
    """From when (included) to when (not included)."""

    start: datetime
    end: datetime


async def list_gaps(
    reader: Reader,
    span: Span,
    *,
    subjects: Sequence[str] = (),
    causes: Sequence[str] = (),
    after: tuple[str, str] | None = None,
    limit: int = MOST_WITHIN,
) -> list[dict[str, Any]]:
    """Up to ``limit`` gaps that meet a span, in order of their beginning.

    Args:
        reader: of the contract schemas.
        span: a gap that reaches into it counts, an open one as if it had no end.
        subjects: miners or collectors; none: any.
        causes: none: any.
        after: beginning and id of the gap to go on from.
        limit: at most so many.
    """
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if subjects:
        conditions.append(_SUBJECT)
    if causes:
        conditions.append(_CAUSE)
    if after is not None:
        conditions.append(_AFTER)
    at, identity = after or (None, None)
    values = {"from": span.start, "to": span.end, "at": at, "id": identity, "limit": limit}
    return await reader.rows(
        _MEETING.format(columns=_COLUMNS, where=sql.SQL(" AND ").join(conditions)),
        values | {"subjects": list(subjects), "causes": list(causes)},
    )


async def open_gaps(reader: Reader, miner_id: str) -> list[dict[str, Any]]:
    """A miner's gaps that are still open."""
    where = sql.SQL(" AND ").join((_SUBJECT, _OPEN))
    query = _OF_ONE.format(columns=_COLUMNS, where=where)
    return await reader.rows(query, {"subjects": [miner_id], "limit": MOST_OPEN})
