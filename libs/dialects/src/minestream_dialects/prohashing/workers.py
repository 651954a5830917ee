"""One worker as the pool knows it, and whose miner it is."""

import re
from collections.abc import Callable
from typing import Final

from minestream_dialects.fields import Flags, text
from minestream_dialects.merged import merged_with
from minestream_dialects.prohashing.values import amount, named, whole
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.pool import PoolWorker, RawPool
from minestream_schemas.units import algorithm_named

MinerOf = Callable[[str], tuple[str, str] | None]
MINER_UNKNOWN: Final = "miner_unknown"
"""The inventory gives this worker's name to no miner, or to several."""
_MODE: Final = re.compile(r"(?:^|[,;\s])m=([A-Za-z]{2,8})(?:$|[,;\s])")
_DEFAULT_SCHEME: Final = "PPS"
_MOST_NAME: Final = 190
"""So that account and name make a key."""


def wamp_worker(raw: RawPool, content: object, miner_of: MinerOf) -> tuple[PoolWorker, ...]:
    """Read one record of the feed.

    A change whose worker's record is not known yet tells no name: it says nothing until the
    whole record comes.

    Raises:
        UnreadableError: no object, or a whole record without a name.
    """
    fields = named(content, "worker")
    name = _name(fields.get("miner_name"))
    if name is None:
        if not raw.snapshot and raw.merged is None and text(fields.get("uuid")) is not None:
            return ()
        raise UnreadableError("worker: without miner_name")
    flags = Flags()
    worker = _worker(
        raw,
        name,
        miner_of,
        flags,
        worker_id=text(fields.get("uuid")),
        algorithm=fields.get("algorithm_name"),
        coin=text(fields.get("coin_name")),
        payout_scheme=raw.payout_scheme,
        hashrate_hs=amount(fields.get("hashrate"), name="hashrate_hs", flags=flags),
        difficulty=amount(fields.get("difficulty"), name="difficulty", flags=flags, required=False),
        shares_total=whole(fields.get("all_time_share_count"), name="shares_total", flags=flags),
        shares_recent=whole(fields.get("share_count"), name="shares_recent", flags=flags),
        hardware=text(fields.get("miner_hardware")),
    )
    return (worker,)


def http_worker(raw: RawPool, content: object, miner_of: MinerOf) -> tuple[PoolWorker, ...]:
    """Read one of ``/walletEx``'s miners; ``accepted`` is its hashrate in H/s.

    Raises:
        UnreadableError: no object, or without a name.
    """
    fields = named(content, "worker")
    name = _name(fields.get("ID"))
    if name is None:
        raise UnreadableError("worker: without ID")
    flags = Flags()
    worker = _worker(
        raw,
        name,
        miner_of,
        flags,
        algorithm=fields.get("algo"),
        coin=text(fields.get("coin")),
        payout_scheme=_scheme(fields.get("password")) or raw.payout_scheme,
        hashrate_hs=amount(fields.get("accepted"), name="hashrate_hs", flags=flags),
        difficulty=amount(fields.get("difficulty"), name="difficulty", flags=flags, required=False),
    )
    return (worker,)


def _scheme(password: object) -> str | None:
    """What a worker's options choose: ``m=pplns``; without ``m=`` the pool pays per share."""
    if not isinstance(password, str) or "=" not in password:
        return None
    found = _MODE.search(password)
    return found[1].upper() if found else _DEFAULT_SCHEME


def _name(value: object) -> str | None:
    return text(value[:_MOST_NAME]) if isinstance(value, str) else None


def _worker(
    raw: RawPool,
    name: str,
    miner_of: MinerOf,
    flags: Flags,
    *,
    algorithm: object,
    **fields: object,
) -> PoolWorker:
    coin = fields.get("coin")
    miner = miner_of(name) or by_short_name(name, miner_of)
    miner_id, site_id = miner or (None, None)
    unknown = () if miner else (MINER_UNKNOWN,)
    values = {
        "event_id": derived_id("pool-worker", raw.event_id, name),
        "raw_event_id": raw.event_id,
        "subject": miner_id or f"{raw.account_id}/{name}",
        "ts": raw.received_at,
        "account_id": raw.account_id,
        "pool": raw.pool,
        "worker": name,
        "miner_id": miner_id,
        "site_id": site_id,
        "merged_coins": merged_with(coin if isinstance(coin, str) else None),
        "algorithm": algorithm_named(algorithm if isinstance(algorithm, str) else None),
        "quality_flags": tuple(sorted((*flags.sorted(), *unknown))),
    }
    return PoolWorker.model_validate(values | fields)


def by_short_name(name: str, miner_of: MinerOf) -> tuple[str, str] | None:
    """The miner of ``account.worker``, if ``worker`` alone is known; either may have dots.

    The longest that is known counts: of ``farm.rack.01`` first ``rack.01``, then ``01``.

    Args:
        name: as the pool says it.
        miner_of: a worker's name to its miner and site.
    """
    before, _, after = name.partition(".")
    while before and after:
        miner = miner_of(after)
        if miner is not None:
            return miner
        before, _, after = after.partition(".")
    return None
