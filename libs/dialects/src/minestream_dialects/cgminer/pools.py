"""Pools as CGMiner lists them: which is in use, and the shares of the user's own."""

from typing import Final

from minestream_dialects.cgminer.answers import MAX_ROWS, Row, said, word
from minestream_dialects.draft import Draft
from minestream_dialects.fields import count

_SHARES: Final = (
    ("accepted_total", ("Accepted", "accepted")),
    ("rejected_total", ("Rejected", "rejected")),
    ("stale_total", ("Stale", "stale")),
)
_DEV_FEE: Final = "devfee"
_HIDDEN: Final = "*"
_NEVER: Final = 1_000_000


def read_pools(pools: list[Row] | None, summary: Row, draft: Draft) -> None:
    """The pool in use, and shares summed over the user's pools.

    Pools that the firmware mines at for its makers are never counted. Where no pools are listed,
    the summary's totals stand in.

    Args:
        pools: rows of ``POOLS``; None when the miner did not list them.
        summary: the row of ``SUMMARY``.
        draft: receives ``pool_url``, ``worker`` and the three totals.
    """
    own = [pool for pool in (pools or [])[:MAX_ROWS] if not _is_dev_fee(pool)]
    chosen = _in_use(own)
    draft.pool_url, user = map(_shown, _names(chosen))
    draft.worker = draft.worker or user
    for name, keys in _SHARES:
        if not own:
            total = count(said(summary, *keys), name=name, flags=draft.flags)
        else:
            counts = [count(said(pool, *keys), name=name, flags=draft.flags) for pool in own]
            known = [value for value in counts if value is not None]
            total = sum(known) if len(known) == len(own) else None
        setattr(draft, name, total)


def _in_use(pools: list[Row]) -> Row:
    """The pool with a live connection, else the first alive one, else the first."""

    def order(pool: Row) -> tuple[bool, bool, float]:
        priority = said(pool, "Priority", "priority")
        return (
            pool.get("Stratum Active") is not True,
            (word(pool, "Status", "status") or "").casefold() != "alive",
            priority if type(priority) is int else _NEVER,
        )

    return min(pools, key=order, default={})


def _names(pool: Row) -> tuple[str | None, str | None]:
    """URL and user."""
    return word(pool, "URL", "url"), word(pool, "User", "user")


def _shown(name: str | None) -> str | None:
    return None if name == _HIDDEN else name


def _is_dev_fee(pool: Row) -> bool:
    """Vnish marks them with Type 1 or by name; Blissz' user is ``devFeeMiner``.

    Hiveon, and the L3+ of the same makers, hide URL and user behind an asterisk; who hides but one
    of them hides his own.
    """
    names = _names(pool)
    return (
        pool.get("Type") == 1
        or names == (_HIDDEN, _HIDDEN)
        or any(name is not None and name.casefold().startswith(_DEV_FEE) for name in names)
    )
