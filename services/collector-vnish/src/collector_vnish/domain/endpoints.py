"""Which of a miner's endpoints are due: each has a cadence of its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from minestream_schemas.raw import EndpointBody, PollStatus

_NOT_FOUND: Final = 404
_TOO_MANY: Final = 429


class Endpoint(StrEnum):
    """What we read of a miner, by the path below ``/api/v1``."""

    SUMMARY = "summary"
    INFO = "info"
    STATUS = "status"
    PERF_SUMMARY = "perf-summary"
    CHIPS = "chips"
    BOARDS = "boards"
    SETTINGS = "settings"


CADENCE_S: Final[Mapping[Endpoint, float]] = MappingProxyType(
    {
        Endpoint.INFO: 3600.0,
        Endpoint.STATUS: 300.0,
        Endpoint.PERF_SUMMARY: 300.0,
        Endpoint.CHIPS: 300.0,
        Endpoint.BOARDS: 300.0,
        Endpoint.SETTINGS: 1800.0,
    }
)
"""Seconds between two reads; ``summary`` is read at each poll."""

RIDES_ALONG: Final = frozenset({Endpoint.INFO, Endpoint.STATUS, Endpoint.PERF_SUMMARY})
"""Bodies that every event carries, the latest known."""

_NEWEST_WITHOUT_BOARDS: Final = (1, 2)


@dataclass(frozen=True, slots=True)
class Memory:
    """What we know of a miner from earlier polls.

    Args:
        firmware: its version, from ``info``.
        bodies: the latest good body of each endpoint that rides along.
        asked_s: when each endpoint last answered, monotonic seconds.
        missing: endpoints that its firmware does not have (404); forgotten with each ``info``.
        refused_box: the sealed credentials with which the miner refused us; None: it has not.
    """

    firmware: str | None = None
    bodies: Mapping[Endpoint, EndpointBody] = field(default_factory=dict)
    asked_s: Mapping[Endpoint, float] = field(default_factory=dict)
    missing: frozenset[Endpoint] = frozenset()
    refused_box: str | None = None


def due(
    memory: Memory, now_s: float, *, interval_s: float, box: str | None
) -> tuple[Endpoint, ...]:
    """What to ask after ``summary`` in this poll, in order.

    Args:
        memory: what is known of the miner.
        now_s: monotonic seconds.
        interval_s: between its polls; a read that would be due before half of the next one has
            passed is done now, so that 300 s do not become 360 s.
        box: its sealed credentials; without any ``settings`` are not asked for, and neither with
            those that it refused.
    """
    wanted = [Endpoint.INFO, Endpoint.STATUS, Endpoint.PERF_SUMMARY, chips_endpoint(memory)]
    if box is not None and box != memory.refused_box:
        wanted.append(Endpoint.SETTINGS)
    return tuple(
        endpoint
        for endpoint in wanted
        if endpoint not in memory.missing
        and now_s + interval_s / 2
        >= memory.asked_s.get(endpoint, -CADENCE_S[endpoint]) + CADENCE_S[endpoint]
    )


def chips_endpoint(memory: Memory) -> Endpoint:
    """Where this firmware tells its chips: ``boards`` since 1.3, and where ``chips`` is a 404.

    Source: OpenAPI documents of 1.2.7 (``/chips``) and 1.3.4 (``/boards``).
    """
    if Endpoint.CHIPS in memory.missing:
        return Endpoint.BOARDS
    found = re.match(r"(\d+)\.(\d+)", memory.firmware or "")
    newer = found is not None and (int(found[1]), int(found[2])) > _NEWEST_WITHOUT_BOARDS
    return Endpoint.BOARDS if newer else Endpoint.CHIPS


def remember(
    memory: Memory,
    endpoint: Endpoint,
    body: EndpointBody,
    now_s: float,
    *,
    firmware: str | None = None,
    box: str | None = None,
) -> Memory:
    """What is known after an endpoint's answer.

    Args:
        memory: what was known before.
        endpoint: who answered.
        body: what.
        now_s: monotonic seconds.
        firmware: of an ``info`` answer, the version it tells. A new one begins a new plan.
        box: the sealed credentials that were used.
    """
    if body.status is PollStatus.UNAUTHORISED and endpoint is Endpoint.SETTINGS:
        return replace(memory, refused_box=box)
    asked_s = {**memory.asked_s, endpoint: now_s}
    if body.status is not PollStatus.OK:
        if body.http_status == _NOT_FOUND:
            return replace(memory, missing=memory.missing | {endpoint})
        # a miner that says "too many" is asked again at its cadence; others at the next poll
        return replace(memory, asked_s=asked_s) if body.http_status == _TOO_MANY else memory
    if endpoint is Endpoint.INFO:
        if firmware != memory.firmware:
            asked_s = {Endpoint.INFO: now_s}
        memory = replace(memory, firmware=firmware, missing=frozenset())
    bodies = memory.bodies
    if endpoint in RIDES_ALONG:
        bodies = {**bodies, endpoint: body}
    return replace(memory, asked_s=asked_s, bodies=bodies)


def after_silence(memory: Memory) -> Memory:
    """What is known once a miner has not answered: it may come back as another firmware."""
    asked_s = dict(memory.asked_s)
    asked_s.pop(Endpoint.INFO, None)
    return replace(memory, asked_s=asked_s)
