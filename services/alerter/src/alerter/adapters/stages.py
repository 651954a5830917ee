"""What the work has just passed; where tests cut the power."""

from collections.abc import Callable
from enum import StrEnum


class Stage(StrEnum):
    """A point between two effects."""

    BEFORE_COMMIT = "before_commit"
    COMMITTED = "committed"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    """The far side has it; the ledger does not say so yet."""
    MARKED = "marked"
    RELAYED = "relayed"
    """Kafka has the transitions; the outbox does not say so yet."""


Passing = Callable[[Stage], None]


def unwatched(_: Stage) -> None:
    """Nobody is told."""
