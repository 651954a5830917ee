"""Which endpoints of a miner are due, and what is known of it from earlier polls: pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from minestream_runtime.breaker import DEFAULT, Manners
from minestream_schemas.raw import EndpointBody, PollStatus

SILENT: Final = frozenset({PollStatus.TIMEOUT, PollStatus.REFUSED})
_TOO_MANY: Final = 429
OFFERED_ANEW_S: Final = 900.0
"""So long a miner that tells nothing without credentials is not offered those it has refused."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a family of miners is asked, and how often.

    Args:
        main: read at each poll; without it there is no reading.
        cadence_s: of the others: seconds between two reads.
        rides_along: bodies that every event carries, the latest known.
        never_dropped: bodies that stay in an event that is too large, as long as any other goes.
        identity: the endpoint that tells the firmware; a new one begins a new plan.
        guarded: need credentials. Where these are refused they are not offered again before they
            change; ``main`` is then asked without, as its refusal still tells a life, and with
            them a quarter of an hour later, as they may have been put right at the miner.
        configuration: read at once after a restart.
        manners: when another endpoint than the main one is left alone for a while.
        tries: of the main endpoint: so often it is asked as long as it times out.
    """

    main: str
    cadence_s: Mapping[str, float]
    rides_along: frozenset[str] = frozenset()
    never_dropped: frozenset[str] = frozenset()
    identity: str | None = None
    guarded: frozenset[str] = frozenset()
    configuration: frozenset[str] = frozenset()
    manners: Manners = DEFAULT
    tries: int = 2

    def manners_of(self, endpoint: str) -> Manners:
        """Those of one endpoint: no rest is longer than its cadence."""
        longest_s = max(self.manners.rest_s, self.cadence_s.get(endpoint, 0.0))
        return replace(self.manners, most_rest_s=longest_s)


class Answer(NamedTuple):
    """One endpoint's answer.

    Args:
        body: as it goes into the event.
        firmware: the version, of the endpoint that tells it.
        uptime_s: since the miner's last start, where this endpoint tells it.
        missing: this firmware has no such endpoint, which is no fault.
        state: the miner's word for what it does, where the main endpoint tells it; another word
            than before makes it be polled more often for a while.
    """

    body: EndpointBody
    firmware: str | None = None
    uptime_s: float | None = None
    missing: bool = False
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What we know of a miner from earlier polls.

    Args:
        firmware: its version.
        bodies: the latest good body of each endpoint that rides along.
        asked_s: when each endpoint last answered, monotonic seconds.
        missing: endpoints that its firmware does not have; forgotten with each identity, silence
            and restart, as it may be another firmware then.
        refused_box: the sealed credentials with which the miner refused us; None: it has not.
        refused_s: when it did, monotonic seconds.
    """

    firmware: str | None = None
    bodies: Mapping[str, EndpointBody] = field(default_factory=dict)
    asked_s: Mapping[str, float] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    refused_box: str | None = None
    refused_s: float = 0.0

    def refuses(self, box: str | None, now_s: float) -> bool:
        """Has the miner refused these credentials a short while ago?"""
        return box == self.refused_box and now_s - self.refused_s < OFFERED_ANEW_S


def due(
    plan: Plan,
    wanted: Iterable[str],
    memory: Memory,
    now_s: float,
    *,
    interval_s: float,
    box: str | None,
) -> list[str]:
    """What to ask after the main endpoint in this poll, in order.

    Args:
        plan: of the miner's family.
        wanted: its endpoints for this firmware, in the order asked.
        memory: what is known of the miner.
        now_s: monotonic seconds.
        interval_s: between its polls; a read that would be due before half of the next one has
            passed is done now, so that 300 s do not become 360 s.
        box: which credentials we hold; without any, guarded endpoints are not asked, and neither
            with those that it refused.
    """
    until_s = now_s + interval_s / 2
    open_to_us = box is not None and box != memory.refused_box
    asked_s, cadence_s, missing, guarded = (
        memory.asked_s,
        plan.cadence_s,
        memory.missing,
        plan.guarded,
    )
    return [
        endpoint
        for endpoint in wanted
        if (endpoint not in asked_s or until_s >= asked_s[endpoint] + cadence_s[endpoint])
        and endpoint not in missing
        and (open_to_us or endpoint not in guarded)
    ]


def remember(
    plan: Plan,
    memory: Memory,
    endpoint: str,
    answer: Answer,
    now_s: float,
    *,
    box: str | None = None,
) -> Memory:
    """What is known after an endpoint's answer.

    Args:
        plan: of the miner's family.
        memory: what was known before.
        endpoint: who answered.
        answer: what.
        now_s: monotonic seconds.
        box: the credentials that were offered; None: none were.
    """
    body = answer.body
    if body.status is PollStatus.UNAUTHORISED and endpoint in plan.guarded:
        return memory if box is None else replace(memory, refused_box=box, refused_s=now_s)
    if answer.missing:
        return replace(memory, missing=memory.missing | {endpoint})
    asked_s = {**memory.asked_s, endpoint: now_s}
    if body.status is not PollStatus.OK:
        # a miner that says "too many" is asked again at its cadence; others at the next poll
        return replace(memory, asked_s=asked_s) if body.http_status == _TOO_MANY else memory
    if endpoint == plan.identity:
        if answer.firmware != memory.firmware:
            asked_s = {endpoint: now_s}
        memory = replace(memory, firmware=answer.firmware, missing=frozenset())
    bodies = memory.bodies
    if endpoint in plan.rides_along:
        bodies = {**bodies, endpoint: body}
    return replace(memory, asked_s=asked_s, bodies=bodies)


def before_poll(plan: Plan, memory: Memory, now_s: float) -> Memory:
    """What is still held against a miner's credentials as a poll begins."""
    dark = memory.refused_box is not None and plan.main in plan.guarded
    if dark and not memory.refuses(memory.refused_box, now_s):
        return replace(memory, refused_box=None)
    return memory


def after_silence(plan: Plan, memory: Memory) -> Memory:
    """What is known once a miner has not answered: it may come back as another firmware."""
    return _unasked(memory, () if plan.identity is None else (plan.identity,))


def after_restart(plan: Plan, memory: Memory) -> Memory:
    """What is known once a miner has started anew: its configuration may be another."""
    return _unasked(memory, plan.configuration)


def _unasked(memory: Memory, endpoints: Iterable[str]) -> Memory:
    asked_s = dict(memory.asked_s)
    for endpoint in endpoints:
        asked_s.pop(endpoint, None)
    return replace(memory, asked_s=asked_s, missing=frozenset())
