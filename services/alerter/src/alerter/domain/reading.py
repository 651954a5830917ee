"""What a rule sees of one reading, and what it makes of it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from minestream_schemas.telemetry import MinerStatus, MinerTelemetry, QualityFlag

AHEAD: Final = timedelta(minutes=1)
"""How far clocks may differ."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The facts of one reading that rules and alerts need.

    Args:
        subject: whom it is about: the miner's id.
        site_id: where.
        ts: when the miner was polled.
        event_id: of the reading.
        answered: did the miner answer at all?
        rack_id: where; None: in no rack that we know.
        chip_temp_max_c: °C; None: not said.
        late: a newer one of this miner has been processed before it.
        ahead: its time is too far ahead of our clock to be believed.
        traceparent: of the record, as it came.
    """

    subject: str
    site_id: str
    ts: datetime
    event_id: UUID
    answered: bool
    rack_id: str | None = None
    chip_temp_max_c: float | None = None
    late: bool = False
    ahead: bool = False
    traceparent: str | None = None


class Said(StrEnum):
    """What a reading says about one level of a rule."""

    BREACHED = "breached"
    BETWEEN = "between"
    """Not over the limit, and not so far below that trouble would be over."""
    CLEAR = "clear"
    NOTHING = "nothing"
    """The reading lacks the value: whatever was so still is."""


def reading_of(
    telemetry: MinerTelemetry, *, heard_at: datetime, traceparent: str | None
) -> Reading:
    """The facts in one telemetry event.

    A miner that answers 401 or garbage does answer: only silence and refused connections do not.

    Args:
        telemetry: the event.
        heard_at: when we had it.
        traceparent: of its record.
    """
    return Reading(
        subject=telemetry.miner_id,
        site_id=telemetry.site_id,
        rack_id=telemetry.rack_id,
        ts=telemetry.ts,
        event_id=telemetry.event_id,
        answered=telemetry.status is not MinerStatus.OFFLINE,
        chip_temp_max_c=telemetry.chip_temp_max_c,
        late=QualityFlag.LATE.value in telemetry.quality_flags,
        ahead=telemetry.ts - heard_at > AHEAD,
        traceparent=traceparent,
    )
