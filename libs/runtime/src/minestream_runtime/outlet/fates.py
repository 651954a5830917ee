"""What becomes of a collector's events, counted; the lost ones also leave a trace."""

from functools import cache
from typing import Literal, get_args

from prometheus_client import Counter, Histogram

from minestream_runtime import semconv, traces
from minestream_runtime.metrics import counter, histogram
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Spooled

Outcome = Literal["kafka", "spool", "dropped"]


def begin() -> None:
    """Export the counts from now on, as 0: what appears with its first drop cannot be watched."""
    counter("minestream_spool_dropped_total")
    age()
    for outcome in get_args(Outcome):
        uploads(outcome)


class EventDroppedError(Exception):
    """An event that nobody will read."""


def dropped(ledger: Ledger, event: Spooled, why: str) -> None:
    """An event is lost: count it, and leave a trace of it. Safe in any thread.

    Args:
        ledger: hears of it too.
        event: which.
        why: for people.
    """
    counter("minestream_spool_dropped_total").inc()
    uploads("dropped").inc()
    ledger.dropped(event.memo, event.event)
    traces.failed(
        f"drop {event.topic}",
        traces.context_of(event.headers),
        EventDroppedError(why),
        kind="event_dropped",
        text=why,
        attributes=about(event),
    )


def about(event: Spooled) -> dict[str, str]:
    """A span's attributes: which event, whose, where to."""
    return {
        semconv.EVENT_ID: event.event,
        semconv.MINER_ID: event.key.decode(errors="replace"),
        semconv.MESSAGING_DESTINATION: event.topic,
    }


@cache
def uploads(outcome: Outcome) -> Counter:
    """Events handed over, by where they went."""
    return counter("collector_upload_total").labels(outcome)


@cache
def age() -> Histogram:
    """How old events are when Kafka has them."""
    return histogram("minestream_event_age_seconds").labels("published")
