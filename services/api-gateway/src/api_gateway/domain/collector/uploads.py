"""Which times an upload may tell of, and what became of it: the words of its answer and log."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from minestream_schemas.upload import Refused, Taken

Outcome = Literal["published", "partly", "unpublished"]
_FIRST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(days=1)


def beyond(at: datetime, now: datetime) -> str | None:
    """Why nothing can be told of that time; None: it can.

    A gap since before the first year, or until after the last, is in the answer to whoever asks
    for any site's gaps, and no client of the database can read it.

    Args:
        at: aware.
        now: our clock.
    """
    if _FIRST <= at <= now + _AHEAD:
        return None
    return "an instant between 2000 and a day from now is wanted"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an upload's items.

    Args:
        published: for each published item, whether its miner answered; None: it has none.
        refused: never taken.
        waiting: places of those that could not be published now.
    """

    published: tuple[bool | None, ...]
    refused: tuple[Refused, ...] = ()
    waiting: tuple[int, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """In one word."""
        if not self.waiting:
            return "published"
        return "partly" if self.published else "unpublished"

    def told(self, took_ms: float) -> Taken:
        """The answer's data."""
        return Taken(
            processed=len(self.published),
            online=self.published.count(True),
            offline=self.published.count(False),
            processing_time_ms=round(took_ms),
            refused=self.refused,
            waiting=self.waiting,
        )


@dataclass(frozen=True, slots=True)
class Logged:
    """One upload's row in the log."""

    at: datetime
    key_id: int
    site_id: str
    outcome: Outcome
    wire_bytes: int
    processed: int
    refused: int
    waiting: int
    online: int
    offline: int
    took_ms: int

    def row(self) -> dict[str, Any]:
        """By column."""
        return asdict(self)
