"""What pools said last: workers, rates, balances."""

from collections.abc import Sequence
from datetime import datetime
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
SELECT account_id, pool, worker, worker_id, miner_id, site_id, algorithm, coin,
       coalesce(merged_coins, '{{}}') AS merged_coins, payout_scheme, state, hashrate_hs,
       hashrate_1h_hs, hashrate_24h_hs, last_share_at, difficulty, shares_total, shares_recent,
       stale_total, rejected_total, hardware, quality_flags, ts, {age}, fresh
FROM ({workers}) AS worker WHERE {where}
ORDER BY account_id, worker, coalesce(worker_id, '') LIMIT %(limit)s
"""
)
_STATS: Final = sql.SQL(
    """
SELECT account_id, pool, algorithm, coin, coalesce(merged_coins, '{{}}') AS merged_coins,
       hashrate_hs, hashrate_1h_hs, hashrate_24h_hs, hashrate_7d_hs, workers_total, workers_active,
       last_share_at, unpaid_coins, paid_coins, payout_scheme, payout_kind,
       payout_threshold_coins, next_payout_at, next_payout_coins, stale, quality_flags, ts, {age},
       ts >= now() - make_interval(secs => %(stale_after_s)s) AND NOT stale AS fresh
FROM telemetry_v1.pool_stats_latest WHERE {where}
ORDER BY account_id, coin LIMIT %(limit)s
"""
)
_PAYOUTS: Final = sql.SQL(
    """
SELECT account_id, pool, coin, payout_scheme, payout_kind, payout_threshold_coins, next_payout_at,
       next_payout_coins, unpaid_coins, stale, ts, {age}, last.ts_paid AS last_payout_at,
       last.amount_coins AS last_payout_coins
FROM telemetry_v1.pool_stats_latest AS stats
LEFT JOIN LATERAL (
    SELECT paid.ts AS ts_paid, paid.amount_coins FROM telemetry_v1.pool_reward AS paid
    WHERE paid.subject = stats.subject AND paid.kind = 'payout'
      AND paid.ts > now() - interval '90 days'
    ORDER BY paid.ts DESC, paid.event_id DESC LIMIT 1) AS last ON true
WHERE {where} ORDER BY account_id, coin LIMIT %(limit)s
"""
)
_REWARDS: Final = sql.SQL(
    """
SELECT event_id, account_id, pool, kind, coin, amount_coins, fee_coins, period_s, payout_scheme,
       reference, quality_flags, ts
FROM telemetry_v1.pool_reward WHERE {where}
ORDER BY ts DESC, event_id DESC LIMIT %(limit)s
"""
)
_WITHIN: Final = sql.SQL("ts >= %(from)s AND ts < %(to)s")
_KINDS: Final = sql.SQL("kind = ANY(%(kinds)s)")
_BEFORE: Final = sql.SQL("(ts, event_id) < (%(at)s::timestamptz, %(id)s::uuid)")
MOST_ACCOUNTS: Final = 1000
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


async def newest_stats(
    reader: Reader, *, accounts: Sequence[str], stale_after_s: float
) -> list[dict[str, Any]]:
    """What each pool said last of each account, by account and coin.

    Args:
        reader: of the contract schemas.
        accounts: none: any.
        stale_after_s: age at which that says nothing of now.
    """
    values = {"accounts": list(accounts), "stale_after_s": stale_after_s, "limit": MOST_ACCOUNTS}
    return await reader.rows(_STATS.format(age=_AGE, where=_of(accounts)), values)


async def payout_schedules(reader: Reader, *, accounts: Sequence[str]) -> list[dict[str, Any]]:
    """When each account is paid, by account and coin, with the last payout of 90 days.

    Args:
        reader: of the contract schemas.
        accounts: none: any.
    """
    values = {"accounts": list(accounts), "limit": MOST_ACCOUNTS}
    return await reader.rows(_PAYOUTS.format(age=_AGE, where=_of(accounts)), values)


async def list_rewards(
    reader: Reader,
    span: tuple[datetime, datetime],
    *,
    accounts: Sequence[str],
    kinds: Sequence[str],
    after: tuple[str, str] | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Up to ``limit`` credits and payouts, the newest first, from after one on.

    Args:
        reader: of the contract schemas.
        span: from when (included) to when (not included).
        accounts: none: any.
        kinds: none: any.
        after: instant and id of the one to go on from.
        limit: at most so many.
    """
    conditions = [_WITHIN, _of(accounts)]
    if kinds:
        conditions.append(_KINDS)
    if after is not None:
        conditions.append(_BEFORE)
    at, identity = after or (None, None)
    values = {"from": span[0], "to": span[1], "accounts": list(accounts), "kinds": list(kinds)}
    return await reader.rows(
        _REWARDS.format(where=sql.SQL(" AND ").join(conditions)),
        values | {"at": at, "id": identity, "limit": limit},
    )


def _of(accounts: Sequence[str]) -> sql.SQL:
    return _OF_ACCOUNTS if accounts else sql.SQL("true")
