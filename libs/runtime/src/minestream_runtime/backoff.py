"""How long to wait before trying again: doubling, capped, and never in step with others."""

import random
from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Delays for one thing that is tried until it succeeds.

    Args:
        first_s: the first delay, s.
        most_s: no delay is longer, s.
        source: of jitter; tests pass a seeded one.
        spread: a delay is between so many times its nominal length.
    """

    first_s: float = 0.2
    most_s: float = 10.0
    source: random.Random = field(default_factory=random.Random)
    spread: tuple[float, float] = (0.5, 1.0)
    _tries: int = 0

    def next_s(self) -> float:
        """The next delay: by default between half of its nominal length and all of it."""
        nominal = min(self.most_s, self.first_s * 2.0 ** min(self._tries, 30))
        self._tries += 1
        return nominal * self.source.uniform(*self.spread)

    def reset(self) -> None:
        """It has succeeded: begin again with the first delay."""
        self._tries = 0
