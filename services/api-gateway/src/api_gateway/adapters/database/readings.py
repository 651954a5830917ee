"""One reading and its raw event, found by the id of either."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString
from uuid import UUID

from api_gateway.adapters.database.access import QueryTimeoutError, Reader
from api_gateway.domain.way import Stamps, instant_of

_SLACK: Final = timedelta(seconds=1)
"""An id has the milliseconds of the instant at which its poll began; whoever made it may round."""
_AHEAD: Final = timedelta(days=1)
"""No reading is from a clock further ahead: the processor sets those aside."""
_REACHES: Final = (timedelta(hours=1), timedelta(days=1), timedelta(days=7))
"""How far back a reading is looked for by its own id: most that are asked for are young."""

_TOO_OLD: Final = (
    "a reading of before that is not found in time by its own id: ask by its raw_event_id, which "
    "holds its instant"
)

_READING: Final = """
SELECT event_id, raw_event_id, ts, miner_id, latency_ms, published_at, stored_at
FROM telemetry_v1.reading
"""
_BY_RAW: Final = (
    _READING + "WHERE raw_event_id = %(id)s AND ts BETWEEN %(since)s AND %(until)s LIMIT 1"
)
_BY_ID: Final = _READING + "WHERE event_id = %(id)s AND ts >= %(since)s AND ts < %(until)s LIMIT 1"
_IF_NEWEST: Final = """
SELECT r.event_id, r.raw_event_id, r.ts, r.miner_id, r.latency_ms, r.published_at, r.stored_at
FROM telemetry_v1.latest l JOIN telemetry_v1.reading r USING (miner_id, ts, event_id)
WHERE l.event_id = %(id)s
"""
_OF_MINER: Final = "SELECT raw_event_id FROM telemetry_v1.latest WHERE miner_id = %(id)s"
_RAW: Final = """
SELECT event_id, polled_at, miner_id, collector_id, published_at FROM telemetry_v1.raw_event
WHERE event_id = %(id)s AND polled_at BETWEEN %(since)s AND %(until)s LIMIT 1
"""


async def find_stamps(reader: Reader, event_id: UUID, now: datetime) -> Stamps | None:
    """What the rows say of a reading; None: there is no such reading and no such raw event.

    Args:
        reader: of the telemetry's views.
        event_id: the reading's, or its raw event's, whose own instant bounds the search.
        now: where a search by the reading's id begins, backwards.
    """
    polled_at = instant_of(event_id)
    if polled_at is None:
        reading = await _by_own_id(reader, event_id, now)
        if reading is None:
            return None
        raw = await _around(reader, _RAW, reading["raw_event_id"], reading["ts"])
    else:
        raw = await _around(reader, _RAW, event_id, polled_at)
        began_at = polled_at if raw is None else raw["polled_at"]
        reading = await _around(reader, _BY_RAW, event_id, began_at)
    return _stamps(reading, raw)


async def newest_of(reader: Reader, miner_id: str) -> UUID | None:
    """The raw event id of a miner's newest reading; None: nobody has heard of it."""
    rows = await reader.rows(_OF_MINER, {"id": miner_id})
    return rows[0]["raw_event_id"] if rows else None


async def _by_own_id(reader: Reader, event_id: UUID, now: datetime) -> dict[str, Any] | None:
    rows = await reader.rows(_IF_NEWEST, {"id": event_id})
    for since, until in _sweeps(now):
        if rows:
            break
        try:
            rows = await reader.rows(_BY_ID, {"id": event_id, "since": since, "until": until})
        except QueryTimeoutError as exc:
            raise QueryTimeoutError(_TOO_OLD) from exc
    return rows[0] if rows else None


def _sweeps(now: datetime) -> Iterator[tuple[datetime | str, datetime]]:
    until = now + _AHEAD
    for reach in _REACHES:
        yield now - reach, until
        until = now - reach
    yield "-infinity", until


async def _around(
    reader: Reader, query: LiteralString, event_id: UUID, at: datetime
) -> dict[str, Any] | None:
    try:
        span = {"since": at - _SLACK, "until": at + _SLACK}
    except OverflowError:  # an id of the calendar's first or last second
        return None
    rows = await reader.rows(query, span | {"id": event_id})
    return rows[0] if rows else None


def _stamps(reading: dict[str, Any] | None, raw: dict[str, Any] | None) -> Stamps | None:
    if reading is None and raw is None:
        return None
    read, sent = reading or {}, raw or {}
    return Stamps(
        raw_event_id=read.get("raw_event_id") or sent["event_id"],
        miner_id=read.get("miner_id") or sent["miner_id"],
        began_at=read.get("ts") or sent["polled_at"],
        event_id=read.get("event_id"),
        collector_id=sent.get("collector_id"),
        latency_ms=read.get("latency_ms"),
        published_at=sent.get("published_at"),
        normalised_at=read.get("published_at"),
        stored_at=read.get("stored_at"),
    )
