"""How a poll ended, and the event it makes: the failure table as code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from collector_vnish.domain.endpoints import Endpoint, Memory
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

DIALECT: Final = "vnish"
SILENT: Final = frozenset({PollStatus.TIMEOUT, PollStatus.REFUSED})
_NOT_FOUND: Final = 404
_NEVER_DROPPED: Final = frozenset({Endpoint.SUMMARY, Endpoint.INFO})


@dataclass(frozen=True, slots=True)
class Poll:
    """One poll as it went.

    Args:
        event_id: of the event it makes.
        at: when it began.
        latency_ms: all of it.
        bodies: what was asked in it, and what came.
        unasked: endpoints that were due and for which no time was left.
    """

    event_id: UUID
    at: datetime
    latency_ms: float
    bodies: Mapping[Endpoint, EndpointBody]
    unasked: tuple[Endpoint, ...] = ()


def is_ours(entry: InventoryEntry) -> bool:
    """Is this miner polled by us? ``auto`` is, until it has been found to be another's."""
    if entry.transport == "tcp":
        return False
    return entry.dialect is None or entry.dialect == "auto" or entry.dialect.startswith(DIALECT)


def shape_fault(endpoint: Endpoint, content: object) -> str | None:
    """Why decoded JSON cannot be what an endpoint answers; None when it can."""
    if endpoint in {Endpoint.CHIPS, Endpoint.BOARDS}:
        return None if isinstance(content, dict | list) else "neither object nor array"
    if not isinstance(content, dict):
        return "not an object"
    if endpoint is Endpoint.SUMMARY and "miner" not in content:
        return "without `miner`"
    if endpoint is Endpoint.INFO and "fw_version" not in content and "fw_name" not in content:
        return "names no firmware"
    return None


def firmware_of(info: object) -> str | None:
    """The version that an ``info`` answer tells."""
    version = info.get("fw_version") if isinstance(info, dict) else None
    return version if isinstance(version, str) and version else None


def outcome(poll: Poll) -> tuple[PollStatus, str | None]:
    """The poll's status and what went wrong, for people.

    Without ``summary`` there is no reading, so its fault is the poll's (any other HTTP status
    than 200 is an answer of the wrong shape). A 404 elsewhere is no fault: that firmware has no
    such endpoint.
    """
    summary = poll.bodies.get(Endpoint.SUMMARY)
    if summary is None:
        return PollStatus.TIMEOUT, "summary: not asked"
    if summary.status is not PollStatus.OK:
        status = PollStatus.GARBAGE if summary.status is PollStatus.ERROR else summary.status
        return status, f"summary: {summary.error or summary.status.value}"
    failed = {
        endpoint: body
        for endpoint, body in poll.bodies.items()
        if body.status is not PollStatus.OK and body.http_status != _NOT_FOUND
    }
    errors = [f"{endpoint}: {body.error or body.status.value}" for endpoint, body in failed.items()]
    errors += [f"{endpoint}: no time left" for endpoint in poll.unasked]
    text = "; ".join(errors) or None
    if any(body.status is PollStatus.UNAUTHORISED for body in failed.values()):
        return PollStatus.UNAUTHORISED, text
    return PollStatus.PARTIAL if errors else PollStatus.OK, text


def to_event(
    poll: Poll, entry: InventoryEntry, memory: Memory, *, collector_id: str, interval_s: float
) -> RawMiner:
    """The event of a poll: what it brought, and the latest of what it did not ask.

    Args:
        poll: as it went.
        entry: the miner as the inventory has it; its hints ride along.
        memory: what is known after the poll. Where an endpoint failed, its last good body goes
            out (with its own age); the fault stands in the event's error.
        collector_id: who polled.
        interval_s: seconds until the next regular poll.
    """
    status, error = outcome(poll)
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
        dialect=DIALECT,
        firmware=memory.firmware,
        polled_at=poll.at,
        latency_ms=poll.latency_ms,
        status=status,
        error=error,
        interval_s=interval_s,
        endpoints={endpoint.value: body for endpoint, body in endpoints.items()},
        rack_id=entry.rack_id,
        model_hint=entry.model,
        algorithm_hint=entry.algorithm,
        worker_hint=entry.workers[0] if entry.workers else None,
        tariff_usd_per_kwh=entry.tariff_usd_per_kwh,
    )


def fit(
    event: RawMiner, encode: Callable[[RawMiner], bytes], most_bytes: int
) -> tuple[RawMiner, bytes]:
    """An event that its topic takes, and its encoding.

    The largest optional bodies are left out, and marked, until it fits; in the end ``summary``
    too, which makes the poll garbage: a poll that is told short is better than none.

    Args:
        event: any size.
        encode: the encoding that counts.
        most_bytes: of the encoding.
    """
    value = encode(event)
    while len(value) > most_bytes:
        largest = max(
            (name for name, body in event.endpoints.items() if body.body),
            key=lambda name: (name not in _NEVER_DROPPED, len(event.endpoints[name].body or "")),
            default=None,
        )
        if largest is None:
            break
        event = _without_body(event, largest)
        value = encode(event)
    return event, value


def _without_body(event: RawMiner, name: str) -> RawMiner:
    cut = event.endpoints[name].model_copy(
        update={
            "status": PollStatus.GARBAGE,
            "encoding": "text",
            "body": None,
            "error": "too large for one event",
        }
    )
    needed = name == Endpoint.SUMMARY
    status = PollStatus.GARBAGE if needed else max_status(event.status)
    note = f"{name}: too large for one event"
    return event.model_copy(
        update={
            "endpoints": {**event.endpoints, name: cut},
            "status": status,
            "error": f"{event.error}; {note}" if event.error else note,
        }
    )


def max_status(status: PollStatus) -> PollStatus:
    """The status of a poll that has lost an optional body."""
    return PollStatus.PARTIAL if status is PollStatus.OK else status
