"""Miners: the fleet's entries beside what they said last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader
from api_gateway.adapters.database.filtering import matching
from api_gateway.domain.listing import SORTABLE, Kind, Position, Sort

_LIST: Final = """
SELECT m.miner_id, m.site_id, m.rack_id, m.slot, m.address, m.interval_s,
       coalesce(l.dialect, m.dialect) AS dialect, coalesce(l.model, m.model) AS model,
       coalesce(nullif(l.algorithm, 'unknown'), m.algorithm, 'unknown') AS algorithm,
       coalesce(l.status, 'unknown') AS status, l.ts,
       CASE WHEN l.ts IS NOT NULL THEN
           round(greatest(extract(epoch FROM now() - l.ts), 0), 3)::float8 END AS age_s,
       l.firmware, l.hashrate_hs, l.hashrate_avg_hs, l.hashrate_expected_hs,
       CASE WHEN l.hashrate_expected_hs IS NOT NULL THEN l.hashrate_expected_hs
           WHEN l.hashrate_hs IS NULL THEN (
               SELECT max(r.hashrate_expected_hs) FROM telemetry_v1.reading r
               WHERE r.miner_id = l.miner_id AND r.ts = l.answered_at) END AS hashrate_nominal_hs,
       l.power_w, l.efficiency_j_per_th, l.chip_temp_max_c, l.pcb_temp_max_c,
       coalesce(l.fan_rpm, '{}') AS fan_rpm, l.uptime_s, l.pool_url,
       coalesce(l.worker, m.workers[1]) AS worker, l.boards_total, l.boards_healthy,
       coalesce(l.error_codes, '{}') AS error_codes,
       coalesce(l.quality_flags, '{}') AS quality_flags, l.quality_score, l.anomaly_score,
       l.pool_hashrate_hs, l.pool_coin, l.pool_at, l.rate_usd_per_hs_day, l.revenue_basis,
       l.price_at, coalesce(l.tariff_usd_per_kwh, m.tariff_usd_per_kwh) AS tariff_usd_per_kwh,
       l.revenue_usd_per_day, l.power_cost_usd_per_day, l.profit_usd_per_day
FROM fleet_v1.miner m LEFT JOIN telemetry_v1.latest l USING (miner_id)
"""
_PAGE: Final = sql.SQL("""
SELECT * FROM ({list}) AS item WHERE miner_id IN (
    SELECT miner_id FROM (SELECT * FROM ({list}) AS item WHERE {where}{fence}) AS item
    ORDER BY {order} LIMIT %(limit)s)
ORDER BY {order}
""")
"""Who is on the page first, and then what they say: the other way round all columns of the whole
fleet are joined to be sorted, which takes twice as long."""
_FENCE: Final = sql.SQL(" OFFSET 0")
"""Finds all before any is put in order: the planner takes each text for a frequent one, and would
go through the miners one by one, in order, until a page is full."""
_ENTRY: Final = "SELECT * FROM fleet_v1.miner WHERE miner_id = %(miner)s"
_LATEST: Final = """
SELECT *, round(greatest(extract(epoch FROM now() - ts), 0), 3)::float8 AS age_s
FROM telemetry_v1.latest WHERE miner_id = %(miner)s
"""
_NEWEST_BOARDS: Final = """
SELECT * FROM telemetry_v1.board WHERE miner_id = %(miner)s AND (ts, event_id) = (
    SELECT ts, event_id FROM telemetry_v1.board
    WHERE miner_id = %(miner)s AND ts <= coalesce(%(at)s::timestamptz, 'infinity')
    ORDER BY ts DESC, event_id DESC LIMIT 1)
ORDER BY slot
"""
_NEWEST_CHIPS: Final = _NEWEST_BOARDS.replace("telemetry_v1.board", "telemetry_v1.chip_sample")
_CAST: Final = {Kind.TEXT: "text", Kind.NUMBER: "float8", Kind.INSTANT: "timestamptz"}


@dataclass(frozen=True, slots=True)
class Filters:
    """Which miners: of each field any of the values; no values: any."""

    any_of: Mapping[str, Sequence[str]]
    text: str | None = None
    """Found anywhere in id, address, rack, model or worker; the case does not count."""


async def list_miners(
    reader: Reader, filters: Filters, sort: Sort, after: Position | None, limit: int
) -> list[dict[str, Any]]:
    """Up to ``limit`` miners in order, from after a position on."""
    conditions, values = matching(filters.any_of)
    values["limit"] = limit
    if filters.text:
        conditions.append(
            sql.SQL("concat_ws(' ', miner_id, address, rack_id, model, worker) ILIKE %(text)s")
        )
        escaped = filters.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values["text"] = f"%{escaped}%"
    if after is not None:
        conditions.append(_after(sort, after))
        values |= {"value": after.value, "id": after.id}
    query = _PAGE.format(
        list=sql.SQL(_LIST),
        where=sql.SQL(" AND ").join(conditions),
        order=_order(sort),
        fence=_FENCE if filters.text else sql.SQL(""),
    )
    return await reader.rows(query, values)


def _order(sort: Sort) -> sql.Composable:
    direction = sql.SQL("DESC" if sort.descending else "ASC")
    if sort.field == "miner_id":
        return sql.SQL("miner_id {}").format(direction)
    return sql.SQL("{} {} NULLS LAST, miner_id").format(sql.Identifier(sort.field), direction)


def _after(sort: Sort, after: Position) -> sql.Composable:
    beyond = sql.SQL("<" if sort.descending else ">")
    if sort.field == "miner_id":
        return sql.SQL("miner_id {} %(id)s").format(beyond)
    if after.value is None:
        condition = "({field} IS NULL AND miner_id > %(id)s)"
    else:
        condition = (
            "({field} {beyond} %(value)s::{cast} OR {field} IS NULL "
            "OR ({field} = %(value)s::{cast} AND miner_id > %(id)s))"
        )
    return sql.SQL(condition).format(
        field=sql.Identifier(sort.field), beyond=beyond, cast=sql.SQL(_CAST[SORTABLE[sort.field]])
    )


async def find_entry(reader: Reader, miner_id: str) -> dict[str, Any] | None:
    """The inventory's entry; None: it is not in the fleet."""
    return next(iter(await reader.rows(_ENTRY, {"miner": miner_id})), None)


async def find_latest(reader: Reader, miner_id: str) -> dict[str, Any] | None:
    """The newest reading with its boards; None: never heard of."""
    return next(iter(await reader.rows(_LATEST, {"miner": miner_id})), None)


async def find_known(
    reader: Reader, miner_id: str
) -> tuple[dict[str, Any] | None, dict[str, Any] | None] | None:
    """Its entry and its newest reading; None: there is neither."""
    entry = await find_entry(reader, miner_id)
    latest = await find_latest(reader, miner_id)
    return None if entry is None and latest is None else (entry, latest)


async def newest_boards(reader: Reader, miner_id: str, at: object) -> list[dict[str, Any]]:
    """The boards of its newest reading that had any, at or before ``at`` (None: now)."""
    return await reader.rows(_NEWEST_BOARDS, {"miner": miner_id, "at": at})


async def newest_chips(reader: Reader, miner_id: str, at: object) -> list[dict[str, Any]]:
    """The chips of its newest sample, at or before ``at`` (None: now)."""
    return await reader.rows(_NEWEST_CHIPS, {"miner": miner_id, "at": at})
