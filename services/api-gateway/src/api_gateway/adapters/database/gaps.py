"""Gaps: where data are missing, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader

MOST_OPEN: Final = 100
MOST_WITHIN: Final = 1000
_SELECT: Final = sql.SQL(
    "SELECT gap_id, subject, site_id, cause, began_at, ended_at, filled, lost_total, reported_by "
    "FROM telemetry_v1.gap WHERE {} ORDER BY began_at, gap_id LIMIT %(limit)s"
)
_MEETS: Final = sql.SQL("began_at < %(to)s AND coalesce(ended_at, 'infinity') > %(from)s")
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
    conditions = [_MEETS]
    if subjects:
        conditions.append(_SUBJECT)
    if causes:
        conditions.append(_CAUSE)
    if after is not None:
        conditions.append(_AFTER)
    at, identity = after or (None, None)
    values = {"from": span.start, "to": span.end, "at": at, "id": identity, "limit": limit}
    return await reader.rows(
        _SELECT.format(sql.SQL(" AND ").join(conditions)),
        values | {"subjects": list(subjects), "causes": list(causes)},
    )


async def open_gaps(reader: Reader, miner_id: str) -> list[dict[str, Any]]:
    """A miner's gaps that are still open."""
    query = _SELECT.format(sql.SQL(" AND ").join((_SUBJECT, _OPEN)))
    return await reader.rows(query, {"subjects": [miner_id], "limit": MOST_OPEN})
