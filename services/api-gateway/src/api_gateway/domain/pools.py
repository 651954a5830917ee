"""A pool's account as a whole, from what is known of its workers, rates and balances."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

Row = dict[str, Any]


def accounts_of(
    groups: Sequence[Row], rates: Sequence[Row], balances: Sequence[Row], *, now: datetime
) -> list[Row]:
    """Each account that is known of, by id, then pool.

    Args:
        groups: workers, by account, pool and algorithm; hashrates of two are never added.
        rates: by account and pool.
        balances: by account and pool.
        now: what ages are counted to.
    """
    known = sorted({_whose(row) for rows in (groups, rates, balances) for row in rows})
    return [
        _account(*whose, *(_of(whose, rows) for rows in (groups, rates, balances)), now=now)
        for whose in known
    ]


def _account(
    account_id: str,
    pool: str,
    groups: Sequence[Row],
    rates: Sequence[Row],
    balances: Sequence[Row],
    *,
    now: datetime,
) -> Row:
    ts = max(row["ts"] for rows in (groups, rates, balances) for row in rows)
    total, matched = (_sum(groups, name) for name in ("workers_total", "workers_matched"))
    return {
        "account_id": account_id,
        "pool": pool,
        "ts": ts,
        "age_s": round(max(0.0, (now - ts).total_seconds()), 3),
        "workers_total": total,
        "workers_fresh": _sum(groups, "workers_fresh"),
        "workers_matched": matched,
        "workers_unmatched": total - matched,
        "algorithms": {
            row["algorithm"]: _without(row, {"account_id", "pool", "algorithm", "ts"}.__contains__)
            for row in groups
        },
        "rates": [_without(row, _LEFT_OUT.__contains__) for row in rates],
        "balances": [_without(row, _LEFT_OUT.__contains__) for row in balances],
    }


_LEFT_OUT = frozenset({"event_id", "raw_event_id", "subject", "account_id", "pool"})


def _whose(row: Row) -> tuple[str, str]:
    return row["account_id"], row["pool"]


def _of(whose: tuple[str, str], rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if _whose(row) == whose]


def _sum(rows: Iterable[Row], name: str) -> int:
    return sum(row[name] for row in rows)


def _without(row: Row, left_out: Callable[[str], bool]) -> Row:
    return {name: value for name, value in row.items() if not left_out(name)}
