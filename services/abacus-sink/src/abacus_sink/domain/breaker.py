"""When to call a far side that has failed: soon, later, or after a human has looked."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_LONGEST_ASKED_S: Final = 900.0
"""No far side makes us wait longer by asking for it."""


class State(StrEnum):
    """How the way to the far side is."""

    CLOSED = "closed"
    """Calls go through, or are tried again shortly."""
    OPEN = "open"
    """It has failed more often than the retries: one call now and then."""
    HALF_OPEN = "half_open"
    """That one call is under way."""
    REFUSED = "refused"
    """It does not want us: wrong key, unpaid, another version. A human must look."""


@dataclass(slots=True)
class Breaker:
    """A circuit breaker.

    Args:
        retries: failures in a row that leave it closed.
        first_s: before the first retry; each wait is twice the one before.
        most_s: no wait is longer, unless the far side asks for it.
        refused_s: after a refusal.
    """

    retries: int
    first_s: float
    most_s: float
    refused_s: float
    state: State = State.CLOSED
    failures: int = 0
    _until_s: float = 0.0

    def wait_s(self, now_s: float) -> float:
        """How long until the next call may be made; 0: now."""
        return max(0.0, self._until_s - now_s)

    def calling(self) -> None:
        """A call is made, now that it may be."""
        if self.state in {State.OPEN, State.REFUSED}:
            self.state = State.HALF_OPEN

    def succeeded(self) -> None:
        """It was done."""
        self.state, self.failures, self._until_s = State.CLOSED, 0, 0.0

    def failed(self, now_s: float, *, jitter: float, asked_s: float | None = None) -> None:
        """It was not done, and may be later.

        Args:
            now_s: on the steady clock.
            jitter: 0 to 1; the wait is between half and all of its nominal length.
            asked_s: the far side asked for so long a wait.
        """
        nominal = min(self.most_s, self.first_s * 2.0 ** min(self.failures, 30))
        wait_s = nominal * (0.5 + jitter / 2)
        self.failures += 1
        if asked_s is not None:
            wait_s = max(wait_s, min(asked_s, _LONGEST_ASKED_S))
        self._until_s = now_s + wait_s
        tried_out = self.failures > self.retries or self.state is not State.CLOSED
        self.state = State.OPEN if tried_out else State.CLOSED

    def refused(self, now_s: float) -> None:
        """It was not done, and will not be before a human has changed something."""
        self.failures += 1
        self.state, self._until_s = State.REFUSED, now_s + self.refused_s
