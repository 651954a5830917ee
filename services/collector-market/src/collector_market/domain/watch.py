"""Is what we know still fresh? Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """How well something is known."""

    FRESH = "fresh"
    STALE = "stale"
    """It is answered, and the answer does not change any more."""
    SILENT = "silent"
    """It is not answered any more."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is too long.

    Args:
        silent_after: without any answer.
        stale_after: with answers that say the same; no shorter than ``silent_after``.
    """

    silent_after: timedelta
    stale_after: timedelta


@dataclass(frozen=True, slots=True)
class Watch:
    """What is known of one thing's freshness.

    Args:
        fresh_at: the last instant that is covered; at first when we began.
        answered_at: when an answer came last; None: never.
        mark: what that answer said, in short.
    """

    fresh_at: datetime
    answered_at: datetime | None = None
    mark: bytes | None = None


def heard(watch: Watch, *, at: datetime, mark: bytes, changes: bool) -> Watch:
    """Something was answered.

    Args:
        watch: before.
        at: when.
        mark: what was said, in short.
        changes: does it count only if it is something else than before?
    """
    answered = replace(watch, answered_at=at, mark=mark)
    if changes and mark == watch.mark:
        return answered
    return replace(answered, fresh_at=max(at, watch.fresh_at))


def state_of(watch: Watch, at: datetime, limits: Limits) -> State:
    """How well it is known at an instant."""
    age = at - watch.fresh_at
    if age <= limits.silent_after:
        return State.FRESH
    if watch.answered_at is None or at - watch.answered_at > limits.silent_after:
        return State.SILENT
    return State.STALE if age > limits.stale_after else State.FRESH
