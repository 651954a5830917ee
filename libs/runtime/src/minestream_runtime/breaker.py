"""A circuit breaker: what has failed again and again is left alone for a while.

Pure: time is passed in. It decides, its owner asks or does not. A way out that waits, counts
retries and hears refusals (``abacus_sink.domain.breaker``) is another machine.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How it stands."""

    CLOSED = "closed"
    """Ask as you like."""
    OPEN = "open"
    """It failed too often: leave it alone."""
    HALF_OPEN = "half_open"
    """It has rested: one question tells whether it is well again."""


@dataclass(frozen=True, slots=True)
class Manners:
    """When a breaker opens, and for how long.

    Args:
        failures: in a row that open it.
        rest_s: then it is left alone for so long; twice as long each time that it fails again.
        most_rest_s: but no longer; None: always ``rest_s``.
    """

    failures: int
    rest_s: float
    most_rest_s: float | None = None


DEFAULT: Final = Manners(5, 60.0)


class Breaker:
    """One breaker.

    Args:
        manners: when it opens.
        on_change: told its state before and after each change.
    """

    __slots__ = (
        "_asked_until_s",
        "_failures",
        "_manners",
        "_on_change",
        "_openings",
        "_until_s",
        "state",
    )

    def __init__(
        self, manners: Manners = DEFAULT, on_change: Callable[[State, State], None] | None = None
    ) -> None:
        self.state = State.CLOSED
        self._manners = manners
        self._on_change = on_change
        self._failures = 0
        self._openings = 0
        self._until_s = 0.0
        self._asked_until_s = 0.0

    def allows(self, now_s: float) -> bool:
        """May it be asked? Where it has rested this says so to one, who then tells how it went.

        Who never tells is not waited for longer than another rest.

        Args:
            now_s: monotonic seconds.
        """
        if self.state is State.OPEN and now_s >= self._until_s:
            self._becomes(State.HALF_OPEN)
            self._asked_until_s = now_s
        if self.state is State.HALF_OPEN:
            if now_s < self._asked_until_s:
                return False
            self._asked_until_s = now_s + self._manners.rest_s
            return True
        return self.state is State.CLOSED

    def succeeded(self) -> None:
        """It went well."""
        self._failures = self._openings = 0
        self._becomes(State.CLOSED)

    def failed(self, now_s: float) -> None:
        """It did not.

        Args:
            now_s: monotonic seconds.
        """
        self._failures += 1
        if self.state is State.CLOSED and self._failures < self._manners.failures:
            return
        rest_s, most_s = self._manners.rest_s, self._manners.most_rest_s
        if most_s is not None:
            rest_s = min(rest_s * 2.0 ** min(self._openings, 30), most_s)
        if self.state is not State.OPEN:
            self._openings += 1
            self._until_s = now_s + rest_s
            self._becomes(State.OPEN)

    def _becomes(self, state: State) -> None:
        before, self.state = self.state, state
        if self._on_change is not None and before is not state:
            self._on_change(before, state)
