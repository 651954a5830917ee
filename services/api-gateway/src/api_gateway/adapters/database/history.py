"""What a miner said over time, at each resolution in the same form: rows by instant and tie."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader
from api_gateway.adapters.database.gaps import Span
from api_gateway.domain.history import Resolution


@dataclass(frozen=True, slots=True)
class Series:
    """Where a resolution is stored: its rows' instant, and what tells rows of one instant apart."""

    view: str
    instant: str
    tie: str
    tie_type: str
    length: str
    """How long a row's span is, in SQL: a row is given when its span meets the one asked for."""


SERIES: Final[dict[Resolution, Series]] = {
    Resolution.RAW: Series("reading", "ts", "event_id", "uuid", "interval '0'"),
    Resolution.WINDOW: Series(
        "window", "window_start_at", "window_s", "integer", "make_interval(secs => window_s)"
    ),
    Resolution.HOUR: Series("reading_hourly", "bucket_at", "site_id", "text", "interval '1 hour'"),
    Resolution.DAY: Series("reading_daily", "bucket_at", "site_id", "text", "interval '1 day'"),
}
_LONGEST: Final = "interval '1 day'"


async def read_history(
    reader: Reader,
    miner_id: str,
    resolution: Resolution,
    span: Span,
    *,
    after: tuple[str, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Up to ``limit`` rows in order of time, from after a row (its instant and tie) on."""
    series = SERIES[resolution]
    instant, tie = sql.Identifier(series.instant), sql.Identifier(series.tie)
    further: sql.Composable = sql.SQL("")
    if after is not None:
        further = sql.SQL("AND ({}, {}) > (%(at)s::timestamptz, %(tie)s::{})").format(
            instant, tie, sql.SQL(series.tie_type)
        )
    # the first bound on the instant is one that an index and the partitions can use
    query = sql.SQL(
        "SELECT * FROM telemetry_v1.{view} WHERE miner_id = %(miner)s AND {instant} < %(to)s "
        "AND {instant} >= %(from)s::timestamptz - {longest} AND {whole} {further} "
        "ORDER BY {instant}, {tie} LIMIT %(limit)s"
    ).format(
        view=sql.Identifier(series.view),
        instant=instant,
        tie=tie,
        longest=sql.SQL("interval '0'" if resolution is Resolution.RAW else _LONGEST),
        whole=sql.SQL("true")
        if resolution is Resolution.RAW
        else sql.SQL("{} + {} > %(from)s").format(instant, sql.SQL(series.length)),
        further=further,
    )
    at, last = after or (None, None)
    values = {"from": span.start, "to": span.end, "at": at, "tie": last}
    return await reader.rows(query, values | {"miner": miner_id, "limit": limit})
