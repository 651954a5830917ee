"""What goes wrong at an emulated Abacus.AI when a test says so: once or more, at chosen calls."""

from enum import StrEnum

import msgspec


class Drop(StrEnum):
    """When the connection is cut."""

    BEFORE = "before"
    """The call has not been done."""
    AFTER = "after"
    """It has been done, and the caller never hears of it."""


class Mishap(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One thing that goes wrong, at the calls that it is meant for.

    Args:
        on: the calls' method; empty: all.
        times: at so many of them; 0: until healed.
        containing: only at calls whose body has this text in it.
        status: answered instead of doing anything.
        kind: the SDK's name for the error answered.
        html: the answer is a page and no JSON.
        retry_after_s: said with it.
        delay_s: before anything else.
        drop: cut the connection.
    """

    on: str = ""
    times: int = 1
    containing: str = ""
    status: int = 0
    kind: str = ""
    html: bool = False
    retry_after_s: int | None = None
    delay_s: float = 0.0
    drop: Drop | None = None


class Mishaps:
    """All that are to come, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.waiting: list[Mishap] = []

    def at(self, method: str, body: bytes) -> Mishap | None:
        """What goes wrong at this call; counts it."""
        for mishap in self.waiting:
            if mishap.on in {"", method} and mishap.containing.encode() in body:
                if mishap.times == 1:
                    self.waiting.remove(mishap)
                mishap.times -= mishap.times > 0
                return mishap
        return None
