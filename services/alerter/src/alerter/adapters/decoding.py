"""Records of the telemetry topic as readings; what no schema accepts is told why."""

from datetime import datetime, timedelta
from typing import Final

from pydantic import ValidationError

from alerter.domain.reading import Reading, reading_of
from minestream_runtime import traces
from minestream_runtime.errors import MinestreamError, PayloadInvalidError
from minestream_runtime.kafka import Record
from minestream_runtime.kafka.setting_aside import what_is_wrong
from minestream_schemas.dead_letter import DeadLetterKind
from minestream_schemas.telemetry import MinerTelemetry

_AHEAD: Final = timedelta(days=1)


class ReadingTooNewError(MinestreamError):
    """Its time lies more than a day ahead of our clock: all that follow would count as late."""

    kind = "too_new"
    disposition = PayloadInvalidError.disposition


def reading_in(record: Record, *, now: datetime) -> Reading:
    """What a record says.

    Raises:
        PayloadInvalidError: it is no telemetry.
        ReadingTooNewError: its time is more than a day ahead.
    """
    if record.value is None:
        raise PayloadInvalidError("no value")
    try:
        telemetry = MinerTelemetry.from_json(record.value)
    except ValidationError as exc:
        raise PayloadInvalidError(what_is_wrong(exc)) from exc
    if telemetry.ts - now > _AHEAD:
        raise ReadingTooNewError("its time is more than a day ahead of our clock")
    heard_at = min(now, record.at or now)
    return reading_of(telemetry, heard_at=heard_at, traceparent=traceparent_of(record))


def traceparent_of(record: Record) -> str | None:
    """The record's trace context as text, if it has one that can be read."""
    if traces.context_of(record.headers) is None:
        return None
    return record.headers[traces.TRACEPARENT].decode("ascii")


def kind_of(exc: MinestreamError) -> DeadLetterKind:
    """What sort of dead letter an error makes of its record."""
    match exc.kind:
        case PayloadInvalidError.kind:
            return DeadLetterKind.SCHEMA
        case ReadingTooNewError.kind:
            return DeadLetterKind.TOO_NEW
        case "bug":
            return DeadLetterKind.BUG
        case _:
            return DeadLetterKind.STORE
