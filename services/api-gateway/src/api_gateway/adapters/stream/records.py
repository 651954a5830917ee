"""Records and rows as the stream's entries: decoded as far as that needs, kept verbatim."""

from datetime import datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, defstruct
from msgspec.json import Decoder, encode

from api_gateway.domain.stream.entries import NOWHERE, Entry, Kind, Place
from minestream_runtime.errors import PayloadInvalidError
from minestream_runtime.kafka import Record
from minestream_schemas.alert import ALERT, AlertPhase
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry
from minestream_schemas.window import WINDOW

TOPICS: Final = (TELEMETRY, GAP, ANOMALY, WINDOW, ALERT)
LEFT_OUT: Final = frozenset(
    {
        *("boards", "fan_rpm", "fan_duty_ratio", "evidence", "anomaly_scores"),
        *("accepted_total", "rejected_total", "stale_total", "hw_errors_total"),
    }
)
"""Fields of a reading that the row of its status lacks."""
_Aware = Annotated[datetime, Meta(tz=True)]
_WANTED: Final = {"ts": _Aware, "miner_id": str, "site_id": str}
_Status: Final[Any] = defstruct(
    "_Status",
    [
        (name, _WANTED[name]) if name in _WANTED else (name, Raw | UnsetType, UNSET)
        for name in MinerTelemetry.model_fields
        if name not in LEFT_OUT
    ],
    kw_only=True,
)


class _Gap(Struct):
    gap_id: str
    subject: str
    began_at: _Aware
    site_id: str | None = None
    ended_at: _Aware | None = None


class _Alert(Struct):
    alert_id: str
    number: int
    subject: str
    phase: AlertPhase
    changed_at: _Aware
    site_id: str | None = None


class _Anomaly(Struct):
    miner_id: str
    site_id: str
    ts: _Aware


class _Window(Struct):
    miner_id: str
    site_id: str
    window_start_at: _Aware


_status_of: Final = Decoder(_Status).decode
_gap_of: Final = Decoder(_Gap).decode
_alert_of: Final = Decoder(_Alert).decode
_anomaly_of: Final = Decoder(_Anomaly).decode
_window_of: Final = Decoder(_Window).decode


def entry_of(record: Record) -> Entry:
    """A record as an entry.

    Raises:
        PayloadInvalidError: it is no event of its topic.
    """
    topic = record.partition.topic
    place = (topic, record.partition.number)
    if record.value is None:
        raise PayloadInvalidError(f"{topic}: no value")
    try:
        record.value.decode()  # one that is no text would spoil the messages of all
        return _MAKE[topic](record.value, place, record.offset)
    except (DecodeError, UnicodeDecodeError) as exc:
        raise PayloadInvalidError(f"{topic}: {type(exc).__name__}") from exc


def reading(body: bytes, place: Place = NOWHERE, offset: int = -1) -> Entry:
    """A reading, with the row of its status.

    Raises:
        msgspec.DecodeError: it is none.
    """
    found = _status_of(body)
    return Entry(
        Kind.READING, found.miner_id, found.site_id, found.ts, body, encode(found), place, offset
    )


def gap(body: bytes, place: Place = NOWHERE, offset: int = -1) -> Entry:
    """A telling of a gap.

    Raises:
        msgspec.DecodeError: it is none.
    """
    found = _gap_of(body)
    return Entry(
        Kind.GAP,
        found.subject,
        found.site_id,
        found.began_at,
        body,
        place=place,
        offset=offset,
        told_of=found.gap_id,
        ended=found.ended_at is not None,
    )


def alert(body: bytes, place: Place = NOWHERE, offset: int = -1) -> Entry:
    """A transition of an alert.

    Raises:
        msgspec.DecodeError: it is none.
    """
    found = _alert_of(body)
    return Entry(
        Kind.ALERT,
        found.subject,
        found.site_id,
        found.changed_at,
        body,
        place=place,
        offset=offset,
        told_of=found.alert_id,
        number=found.number,
        ended=found.phase is AlertPhase.RESOLVED,
    )


def _anomaly(body: bytes, place: Place, offset: int) -> Entry:
    found = _anomaly_of(body)
    return Entry(
        Kind.ANOMALY, found.miner_id, found.site_id, found.ts, body, place=place, offset=offset
    )


def _window(body: bytes, place: Place, offset: int) -> Entry:
    found = _window_of(body)
    return Entry(
        Kind.WINDOW,
        found.miner_id,
        found.site_id,
        found.window_start_at,
        body,
        place=place,
        offset=offset,
    )


_MAKE: Final = {
    TELEMETRY.name: reading,
    GAP.name: gap,
    ALERT.name: alert,
    ANOMALY.name: _anomaly,
    WINDOW.name: _window,
}
