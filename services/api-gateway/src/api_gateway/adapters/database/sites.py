"""Sites, and their miners added up in groups."""

from typing import Any, Final

from api_gateway.adapters.database.access import Reader
from api_gateway.domain.summary import Group

_LIST: Final = """
SELECT s.site_id, s.name, s.tariff_usd_per_kwh,
       (SELECT count(*) FROM fleet_v1.miner m WHERE m.site_id = s.site_id) AS miners_total
FROM fleet_v1.site s WHERE s.site_id > %(after)s ORDER BY s.site_id LIMIT %(limit)s
"""
_ONE: Final = """
SELECT site_id, name, tariff_usd_per_kwh FROM fleet_v1.site WHERE site_id = %(site)s
"""
_GROUPS: Final = """
WITH miner AS (
    SELECT coalesce(nullif(l.algorithm, 'unknown'), m.algorithm, 'unknown') AS algorithm,
           coalesce(l.status, 'unknown') AS status, l.miner_id IS NOT NULL AS heard,
           coalesce(l.ts < now() - make_interval(
               secs => greatest(%(stale_after_s)s, 3 * coalesce(m.interval_s, 0))), false) AS stale,
           l.hashrate_hs, l.power_w, l.chip_temp_max_c, l.revenue_usd_per_day,
           l.power_cost_usd_per_day, l.profit_usd_per_day
    FROM fleet_v1.miner m LEFT JOIN telemetry_v1.latest l USING (miner_id)
    WHERE m.site_id = %(site)s)
SELECT algorithm, status, stale, heard, count(*) AS miners,
       coalesce(sum(hashrate_hs), 0) AS hashrate_hs, count(hashrate_hs) AS hashrate_said,
       coalesce(sum(power_w), 0) AS power_w, count(power_w) AS power_said,
       coalesce(sum(hashrate_hs) FILTER (WHERE power_w IS NOT NULL), 0) AS paired_hashrate_hs,
       coalesce(sum(power_w) FILTER (WHERE hashrate_hs IS NOT NULL), 0) AS paired_power_w,
       coalesce(sum(chip_temp_max_c), 0) AS chip_temp_sum_c,
       count(chip_temp_max_c) AS chip_temp_said,
       coalesce(sum(revenue_usd_per_day), 0) AS revenue_usd_per_day,
       count(revenue_usd_per_day) AS revenue_said,
       coalesce(sum(power_cost_usd_per_day), 0) AS power_cost_usd_per_day,
       count(power_cost_usd_per_day) AS power_cost_said,
       coalesce(sum(profit_usd_per_day), 0) AS profit_usd_per_day,
       count(profit_usd_per_day) AS profit_said
FROM miner GROUP BY algorithm, status, stale, heard ORDER BY algorithm, status, stale, heard
"""


async def list_sites(reader: Reader, after: str, limit: int) -> list[dict[str, Any]]:
    """Up to ``limit`` sites by id, from after one on, each with how many miners it has."""
    return await reader.rows(_LIST, {"after": after, "limit": limit})


async def find_site(reader: Reader, site_id: str) -> dict[str, Any] | None:
    """One site; None: there is none of that id."""
    return next(iter(await reader.rows(_ONE, {"site": site_id})), None)


async def group_miners(reader: Reader, site_id: str, *, stale_after_s: float) -> list[Group]:
    """The site's miners in groups that can be added up.

    Args:
        reader: of the contract schemas.
        site_id: which site.
        stale_after_s: age of a reading that says nothing of now; never under three poll intervals.
    """
    values = {"site": site_id, "stale_after_s": stale_after_s}
    return [Group(**row) for row in await reader.rows(_GROUPS, values)]
