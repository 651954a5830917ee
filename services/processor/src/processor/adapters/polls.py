"""Decodes records of raw.miner: in one pass where they are in order, else as the schema does.

pydantic takes twice as long for the same fields. What passes here, the schema takes too, and says
the same of it (proven in ``tests/unit/processor/test_polls.py``); whatever else comes, even a
field that is not known here, is left to the schema: its errors and its patience are the contract.
"""

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal, TypeVar, cast
from uuid import UUID

import msgspec
from msgspec import Meta
from pydantic import ValidationError

from minestream_runtime.errors import PayloadInvalidError
from minestream_runtime.kafka.setting_aside import what_is_wrong
from minestream_schemas.event import Event
from minestream_schemas.ids import SLUG
from minestream_schemas.raw import MAX_EVENT_BYTES, PollStatus, RawMiner

AHEAD: Final = timedelta(days=1)
"""How far ahead of ours a collector's clock may be; the sink keeps nothing beyond either."""
_REMEMBERED: Final = 65_536
_SHORTEST_MINER: Final = 3
_SLUG: Final = re.compile(SLUG)
_INSTANT: Final = b'_at":"'
"""What stands before each instant, as pydantic writes it."""
_SEVENTH: Final = slice(26, 27)
"""Of an instant's fractional digits, where its text has one."""
_DIGITS: Final = b"0123456789"

_Aware = Annotated[datetime, Meta(tz=True)]
_Milliseconds = Annotated[float, Meta(ge=0)]

E = TypeVar("E", bound=Event)


class _Body(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """``EndpointBody``'s fields."""

    status: PollStatus
    fetched_at: _Aware
    latency_ms: _Milliseconds = 0.0
    http_status: Annotated[int, Meta(ge=100, le=599)] | None = None
    encoding: Literal["text", "base64"] = "text"
    body: str | None = None
    server_at: _Aware | None = None
    reply_id: str | None = None
    error: str | None = None


class _Poll(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``RawMiner``'s fields."""

    event_id: UUID
    site_id: str
    miner_id: str
    collector_id: str
    dialect: str
    dialect_evidence: str | None = None
    firmware: str | None = None
    polled_at: _Aware
    latency_ms: _Milliseconds
    status: PollStatus
    error: str | None = None
    interval_s: Annotated[float, Meta(gt=0)]
    endpoints: dict[str, _Body] = msgspec.field(default_factory=dict)
    rack_id: str | None = None
    model_hint: str | None = None
    algorithm_hint: str | None = None
    worker_hint: str | None = None
    tariff_usd_per_kwh: Annotated[float, Meta(ge=0)] | None = None


_DECODER: Final = msgspec.json.Decoder(_Poll)


@lru_cache(maxsize=_REMEMBERED)
def _well_named(miner_id: str, site_id: str, rack_id: str | None) -> bool:
    names = (miner_id, site_id) if rack_id is None else (miner_id, site_id, rack_id)
    return len(miner_id) >= _SHORTEST_MINER and all(map(_SLUG.fullmatch, names))


def _exact(value: bytes, poll: _Poll) -> bool:
    """Is no instant finer than a microsecond? The rest would be cut by pydantic, rounded here."""
    said = 1 + len(poll.endpoints)
    for body in poll.endpoints.values():
        if body.server_at is not None:
            said += 1
    parts = value.split(_INSTANT)
    finer = b"".join([part[_SEVENTH] for part in parts[1:]])
    return len(parts) == said + 1 and finer.translate(None, _DIGITS) == finer


def read_poll(value: bytes | None) -> RawMiner:
    """Decode a record of raw.miner.

    Returns:
        the poll: each field of ``RawMiner``, and of its methods none is promised.

    Raises:
        PayloadInvalidError: see ``read``.
    """
    if value is None or len(value) > MAX_EVENT_BYTES:
        return read(RawMiner, value)
    try:
        poll = _DECODER.decode(value)
    except (msgspec.MsgspecError, ValueError):  # the latter: no UTF-8
        return read(RawMiner, value)
    if _well_named(poll.miner_id, poll.site_id, poll.rack_id) and _exact(value, poll):
        return cast("RawMiner", poll)
    return read(RawMiner, value)


def read(kind: type[E], value: bytes | None) -> E:
    """Decode a record's value.

    Raises:
        PayloadInvalidError: no schema accepts it; the text names fields, never their values.
    """
    if value is None:
        raise PayloadInvalidError("a record without a value")
    if len(value) > MAX_EVENT_BYTES:
        raise PayloadInvalidError(f"{len(value)} bytes, {MAX_EVENT_BYTES} are allowed")
    try:
        return kind.from_json(value)
    except ValidationError as exc:
        raise PayloadInvalidError(what_is_wrong(exc)) from exc
