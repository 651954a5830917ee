"""What the pool tells unasked: blocks that it found, and failures of an account's miners.

Source: a block's fields are those that a public client reads; what a failure looks like nobody has
published, so any object with a sentence in it is taken.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from minestream_dialects.fields import Flags, text
from minestream_dialects.prohashing.values import amount, instant
from minestream_dialects.prohashing.workers import MinerOf, by_short_name
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.ids import derived_id
from minestream_schemas.pool import NoticeKind, PoolNotice, RawPool
from minestream_schemas.units import algorithm_named

_WORDS: Final = ("message", "reason", "error", "description", "failure")
_NAMES: Final = ("worker_name", "miner_name")
_TIMES: Final = ("timestamp", "time", "block_time")
_MOST: Final = 100


def found_blocks(raw: RawPool, content: object, miner_of: MinerOf) -> tuple[PoolNotice, ...]:
    """Read one block or a list of them; they are the whole pool's, and the finder may be ours.

    Raises:
        UnreadableError: not one block with a coin in it.
    """
    return _told(raw, content, NoticeKind.FOUND_BLOCK, miner_of)


def failures(raw: RawPool, content: object, miner_of: MinerOf) -> tuple[PoolNotice, ...]:
    """Read one failure or a list of them.

    Raises:
        UnreadableError: not one with a sentence in it.
    """
    return _told(raw, content, NoticeKind.MINING_FAILURE, miner_of)


def _told(
    raw: RawPool, content: object, kind: NoticeKind, miner_of: MinerOf
) -> tuple[PoolNotice, ...]:
    entries = content if isinstance(content, list) else [content]
    found = tuple(
        notice
        for place, entry in enumerate(entries[:_MOST])
        for notice in _notice(raw, place, _fields(entry), kind, miner_of)
    )
    if entries and not found:
        raise UnreadableError(f"{kind.value}: nothing in it that is one")
    return found


def _fields(entry: object) -> dict[str, object]:
    if isinstance(entry, dict):
        return entry
    return {"message": entry} if isinstance(entry, str) else {}


def _notice(
    raw: RawPool, place: int, fields: dict[str, object], kind: NoticeKind, miner_of: MinerOf
) -> Iterator[PoolNotice]:
    flags = Flags()
    coin, said = text(fields.get("coin_name")), _first(fields, _WORDS)
    if (coin if kind is NoticeKind.FOUND_BLOCK else said) is None:
        return
    worker = _first(fields, _NAMES)
    miner = (miner_of(worker) or by_short_name(worker, miner_of)) if worker else None
    algorithm = fields.get("algorithm", fields.get("algorithm_name"))
    height = amount(fields.get("block_height"), name="reference", flags=flags, required=False)
    yield PoolNotice(
        event_id=derived_id("pool-notice", raw.event_id, place),
        raw_event_id=raw.event_id,
        subject=raw.account_id,
        ts=_at(raw, fields, flags),
        account_id=raw.account_id,
        pool=raw.pool,
        kind=kind,
        algorithm=algorithm_named(algorithm if isinstance(algorithm, str) else None),
        coin=coin,
        worker=worker,
        miner_id=miner[0] if miner else None,
        amount_coins=amount(
            fields.get("coinbase_value"), name="amount_coins", flags=flags, required=False
        ),
        reference=text(fields.get("block_hash")) or (f"{height:.0f}" if height else None),
        text=said,
        quality_flags=flags.sorted(),
    )


def _first(fields: dict[str, object], names: tuple[str, ...]) -> str | None:
    return next((said for name in names if (said := text(fields.get(name))) is not None), None)


def _at(raw: RawPool, fields: dict[str, object], flags: Flags) -> datetime:
    """When it was, if it is said and not ahead of us; else when we heard of it."""
    for name in _TIMES:
        at = instant(fields.get(name), name="ts", flags=flags, required=False)
        if at is not None and at <= raw.received_at:
            return at
    return raw.received_at
