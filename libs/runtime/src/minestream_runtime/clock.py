"""Time, passed in: services take a clock, tests give them one that stands still."""

import secrets
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from minestream_schemas.ids import event_id_at


class Clock(Protocol):
    """Tells the instant, and a steady count of seconds for measuring and scheduling."""

    def now(self) -> datetime:
        """The instant, aware UTC. May jump."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary start. Never jumps."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """See ``Clock``."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See ``Clock``."""
        return time.monotonic()


def new_event_id(at: datetime) -> UUID:
    """A fresh event id that sorts by ``at``."""
    return event_id_at(int(at.timestamp() * 1000), secrets.randbits(74))
