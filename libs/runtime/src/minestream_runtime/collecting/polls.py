"""How a poll ended, and the event it makes: the failure table as code. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from minestream_runtime.collecting.plan import SILENT, Memory, Plan
from minestream_runtime.collecting.vitals import Vital
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

_TOO_MANY: Final = 429


class ErrorClass(StrEnum):
    """What kind of error an answer is; the same four for every source."""

    CONNECTIVITY = "connectivity"
    """Nobody there, silent, dripping or reset: tried again."""
    AUTH = "auth"
    """Our credentials are refused: not tried again before they change."""
    RATE_LIMIT = "rate_limit"
    """Asked too often: asked again at its cadence."""
    MALFORMED = "malformed"
    """Answered what cannot be read, or not what was asked: kept as it came."""


class Poll(NamedTuple):
    """One poll as it went.

    Args:
        event_id: of the event it makes.
        at: when it began.
        latency_ms: all of it.
        bodies: what was asked in it, and what came; the main endpoint first.
        unasked: endpoints that were due and for which no time was left.
        missing: endpoints that were asked and which this firmware does not have.
        resting: endpoints that were due and are left alone, as they failed again and again.
        vital: what the main endpoint said of the miner's life.
    """

    event_id: UUID
    at: datetime
    latency_ms: float
    bodies: Mapping[str, EndpointBody]
    unasked: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    vital: Vital | None = None
    resting: tuple[str, ...] = ()


def class_of(body: EndpointBody) -> ErrorClass | None:
    """What kind of error an answer is; None: it is none."""
    if body.status is PollStatus.OK:
        return None
    if body.status in SILENT:
        return ErrorClass.CONNECTIVITY
    if body.status is PollStatus.UNAUTHORISED:
        return ErrorClass.AUTH
    return ErrorClass.RATE_LIMIT if body.http_status == _TOO_MANY else ErrorClass.MALFORMED


def outcome(poll: Poll, main: str) -> tuple[PollStatus, str | None]:
    """The poll's status and what went wrong, for people.

    Without the main endpoint there is no reading, so its fault is the poll's (any other HTTP
    status than 200 is an answer of the wrong shape). An endpoint that the firmware does not have
    is no fault.

    Args:
        poll: as it went.
        main: the endpoint that every poll asks.
    """
    first = poll.bodies.get(main)
    if first is None:
        return PollStatus.TIMEOUT, f"{main}: not asked"
    if first.status is not PollStatus.OK:
        status = PollStatus.GARBAGE if first.status is PollStatus.ERROR else first.status
        return status, f"{main}: {first.error or first.status.value}"
    if len(poll.bodies) == 1 and not poll.unasked and not poll.resting:
        return PollStatus.OK, None
    failed = {
        endpoint: body
        for endpoint, body in poll.bodies.items()
        if body.status is not PollStatus.OK and endpoint not in poll.missing
    }
    errors = [f"{endpoint}: {body.error or body.status.value}" for endpoint, body in failed.items()]
    errors += [f"{endpoint}: no time left" for endpoint in poll.unasked]
    errors += [f"{endpoint}: left alone after failures" for endpoint in poll.resting]
    text = "; ".join(errors) or None
    if any(body.status is PollStatus.UNAUTHORISED for body in failed.values()):
        return PollStatus.UNAUTHORISED, text
    return PollStatus.PARTIAL if errors else PollStatus.OK, text


class Speech(NamedTuple):
    """What a miner speaks, as its event says it.

    Args:
        dialect: its family.
        evidence: what that was taken from.
        plan: what the family is asked.
    """

    dialect: str
    evidence: str | None
    plan: Plan


def to_event(
    poll: Poll,
    entry: InventoryEntry,
    memory: Memory,
    speech: Speech,
    *,
    collector_id: str,
    interval_s: float,
) -> RawMiner:
    """The event of a poll: what it brought, and the latest of what it did not ask.

    Args:
        poll: as it went.
        entry: the miner as the inventory has it; its hints ride along.
        memory: what is known after the poll. Where an endpoint failed, its last good body goes
            out (with its own age); the fault stands in the event's error.
        speech: what the miner speaks.
        collector_id: who polled.
        interval_s: seconds until the next regular poll.
    """
    status, error = outcome(poll, speech.plan.main)
    endpoints = {**poll.bodies}
    for endpoint, body in memory.bodies.items():
        asked = endpoints.get(endpoint)
        if asked is None or asked.status is not PollStatus.OK:
            endpoints[endpoint] = body
    return RawMiner(
        event_id=poll.event_id,
        site_id=entry.site_id,
        miner_id=entry.miner_id,
        collector_id=collector_id,
        dialect=speech.dialect,
        dialect_evidence=speech.evidence,
        firmware=memory.firmware,
        polled_at=poll.at,
        latency_ms=poll.latency_ms,
        status=status,
        error=error,
        interval_s=interval_s,
        endpoints=endpoints,
        rack_id=entry.rack_id,
        model_hint=entry.model,
        algorithm_hint=entry.algorithm,
        worker_hint=entry.workers[0] if entry.workers else None,
        tariff_usd_per_kwh=entry.tariff_usd_per_kwh,
    )


def fit(
    event: RawMiner, encode: Callable[[RawMiner], bytes], most_bytes: int, plan: Plan
) -> tuple[RawMiner, bytes]:
    """An event that its topic takes, and its encoding.

    The largest optional bodies are left out, and marked, until it fits; in the end the main one
    too, which makes the poll garbage: a poll that is told short is better than none.

    Args:
        event: any size.
        encode: the encoding that counts.
        most_bytes: of the encoding.
        plan: says which bodies are the last to go.
    """
    value = encode(event)
    while len(value) > most_bytes:
        kept = {plan.main, *plan.never_dropped}
        bodies = {name: body.body for name, body in event.endpoints.items() if body.body}
        largest = max(bodies, key=lambda name: (name not in kept, len(bodies[name])), default=None)
        if largest is None:
            break
        event = _without_body(event, largest, needed=largest == plan.main)
        value = encode(event)
    return event, value


def _without_body(event: RawMiner, name: str, *, needed: bool) -> RawMiner:
    cut = event.endpoints[name].model_copy(
        update={
            "status": PollStatus.GARBAGE,
            "encoding": "text",
            "body": None,
            "error": "too large for one event",
        }
    )
    short = PollStatus.PARTIAL if event.status is PollStatus.OK else event.status
    note = f"{name}: too large for one event"
    return event.model_copy(
        update={
            "endpoints": {**event.endpoints, name: cut},
            "status": PollStatus.GARBAGE if needed else short,
            "error": f"{event.error}; {note}" if event.error else note,
        }
    )
