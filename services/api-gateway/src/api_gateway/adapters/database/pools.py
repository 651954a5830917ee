"""What pools said last: workers, rates, balances."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import sql

from api_gateway.adapters.database.access import Reader

_AGE: Final = sql.SQL("round(greatest(extract(epoch FROM now() - ts), 0), 3)::float8 AS age_s")
# A connection that has ended leaves its row: it shows while fresh, or if no newer has its name.
# The feed tells connections by id, HTTP names without: only one of both counts, the newer.
_WORKERS: Final = sql.SQL(
    """
SELECT * FROM (
    SELECT *, ts >= now() - make_interval(secs => %(stale_after_s)s) AS fresh,
           row_number() OVER newest AS place,
           (worker_id IS NULL) = first_value(worker_id IS NULL) OVER newest AS told_so
    FROM telemetry_v1.pool_worker_latest
    WINDOW newest AS (PARTITION BY account_id, worker ORDER BY ts DESC, event_id)) AS said
WHERE (place = 1 OR fresh AND told_so)
"""
)
_GROUPS: Final = sql.SQL(
    """
SELECT account_id, pool, algorithm, count(*) AS workers_total,
       count(*) FILTER (WHERE fresh) AS workers_fresh, count(miner_id) AS workers_matched,
       coalesce(sum(hashrate_hs) FILTER (WHERE fresh), 0) AS hashrate_hs,
       count(hashrate_hs) FILTER (WHERE fresh) AS hashrate_said, max(ts) AS ts
FROM ({workers}) AS worker
GROUP BY account_id, pool, algorithm ORDER BY account_id, pool, algorithm
"""
).format(workers=_WORKERS)
_RATES: Final = sql.SQL(
    "SELECT *, {age} FROM telemetry_v1.pool_rate_latest ORDER BY account_id, pool, algorithm"
).format(age=_AGE)
_BALANCES: Final = sql.SQL(
    "SELECT *, {age} FROM telemetry_v1.pool_balance_latest ORDER BY account_id, pool, coin"
).format(age=_AGE)
_LIST: Final = sql.SQL(
    """
SELECT account_id, pool, worker, worker_id, miner_id, site_id, algorithm, coin, hashrate_hs,
       difficulty, shares_total, shares_recent, hardware, quality_flags, ts, {age}, fresh
FROM ({workers}) AS worker WHERE {where}
ORDER BY account_id, worker, coalesce(worker_id, '') LIMIT %(limit)s
"""
)
_OF_ACCOUNTS: Final = sql.SQL("account_id = ANY(%(accounts)s)")
_UNMATCHED: Final = sql.SQL("(miner_id IS NULL) = %(unmatched)s")
_AFTER: Final = sql.SQL("(account_id, worker, coalesce(worker_id, '')) > (%(a)s, %(w)s, %(i)s)")


async def group_workers(reader: Reader, *, stale_after_s: float) -> list[dict[str, Any]]:
    """The workers of each account and algorithm, counted; hashrates are of fresh ones.

    Args:
        reader: of the contract schemas.
        stale_after_s: age at which what a pool said of a worker says nothing of now.
    """
    return await reader.rows(_GROUPS, {"stale_after_s": stale_after_s})


async def newest_rates(reader: Reader) -> list[dict[str, Any]]:
    """What each pool pays, by account and algorithm."""
    return await reader.rows(_RATES)


async def newest_balances(reader: Reader) -> list[dict[str, Any]]:
    """What each pool owes, by account and coin."""
    return await reader.rows(_BALANCES)


async def list_workers(
    reader: Reader,
    *,
    accounts: Sequence[str],
    unmatched: bool | None,
    after: tuple[str, str, str] | None,
    limit: int,
    stale_after_s: float,
) -> list[dict[str, Any]]:
    """Up to ``limit`` workers by account, name and id, from after one on.

    Args:
        reader: of the contract schemas.
        accounts: none: any.
        unmatched: only those without a miner; False: only those with one; None: all.
        after: account, name and id ("" for none) of the worker to go on from.
        limit: at most so many.
        stale_after_s: see ``group_workers``.
    """
    conditions = [sql.SQL("true")]
    if accounts:
        conditions.append(_OF_ACCOUNTS)
    if unmatched is not None:
        conditions.append(_UNMATCHED)
    if after is not None:
        conditions.append(_AFTER)
    account, worker, identity = after or (None, None, None)
    values = {"accounts": list(accounts), "unmatched": unmatched, "stale_after_s": stale_after_s}
    return await reader.rows(
        _LIST.format(age=_AGE, workers=_WORKERS, where=sql.SQL(" AND ").join(conditions)),
        values | {"a": account, "w": worker, "i": identity, "limit": limit},
    )
