"""What a target says of its own life: enough to see that it changed or began anew."""

from typing import NamedTuple


class Vital(NamedTuple):
    """How a target is, in its own words.

    Args:
        state: the word for what it does (``mining``, ``stopped``); None: it has none, or did not
            say.
        uptime_s: since it, or its mining program, was started; None: not said.
    """

    state: str | None = None
    uptime_s: float | None = None


def changed(before: Vital | None, now: Vital | None) -> bool:
    """Does it do something else than when it last said so, or was it started anew since?"""
    if before is None or now is None:
        return False
    if None not in (before.state, now.state) and before.state != now.state:
        return True
    if before.uptime_s is None or now.uptime_s is None:
        return False
    return now.uptime_s < before.uptime_s


def remembered(before: Vital | None, now: Vital | None) -> Vital | None:
    """What is known after another poll: what it did not say this time stands."""
    if before is None or now is None:
        return now or before
    return Vital(
        before.state if now.state is None else now.state,
        before.uptime_s if now.uptime_s is None else now.uptime_s,
    )
