"""One reading and its raw event, found by the id of either."""

from typing import Any, Final
from uuid import UUID

from api_gateway.adapters.database.access import Reader
from api_gateway.domain.way import Stamps

_READING: Final = """
SELECT event_id, raw_event_id, ts, miner_id, latency_ms, published_at, stored_at
FROM telemetry_v1.reading_by_id(%(id)s)
"""
_RAW: Final = """
SELECT event_id, polled_at, miner_id, collector_id, published_at FROM telemetry_v1.raw_event
"""
_RAW_OF: Final = (
    _RAW + "WHERE miner_id = %(miner_id)s AND polled_at = %(ts)s AND event_id = %(raw_event_id)s"
)
# an id has the milliseconds of the instant at which its poll began; whoever made it may round
_RAW_ALONE: Final = (
    _RAW
    + """
WHERE event_id = %(id)s
  AND polled_at BETWEEN telemetry_v1.instant_of(%(id)s) - interval '1 second'
                    AND telemetry_v1.instant_of(%(id)s) + interval '1 second'
"""
)
_OF_MINER: Final = "SELECT raw_event_id FROM telemetry_v1.latest WHERE miner_id = %(id)s"


async def find_stamps(reader: Reader, event_id: UUID) -> Stamps | None:
    """What the rows say of a reading; None: there is no such reading and no such raw event.

    Args:
        reader: of the telemetry's views.
        event_id: the reading's, or its raw event's.
    """
    reading = _first(await reader.rows(_READING, {"id": event_id}))
    if reading is None:
        raw = _first(await reader.rows(_RAW_ALONE, {"id": event_id}))
    else:
        raw = _first(await reader.rows(_RAW_OF, reading))
    return _stamps(reading, raw)


async def newest_of(reader: Reader, miner_id: str) -> UUID | None:
    """The raw event id of a miner's newest reading; None: nobody has heard of it."""
    newest = _first(await reader.rows(_OF_MINER, {"id": miner_id}))
    return newest["raw_event_id"] if newest else None


def _first(rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    return next(iter(rows), None)


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
