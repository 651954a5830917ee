"""Notices another process under our name, which takes our place in the group again and again.

Two static members of one instance are given the same partitions, each by ousting the other, and
Kafka tells neither.
"""

from typing import Final, NamedTuple

from minestream_runtime.errors import ConfigurationError

_OUSTED: Final = 3
_WITHIN_S: Final = 60.0


class Membership(NamedTuple):
    """What the group knows us by; the generation is below 1 while we have no place in it."""

    generation: int
    member_id: str


class Twins:
    """Counts how often we came back under a new id into the same generation.

    A member that comes alone after a pause or a restart finds a later generation.

    Args:
        group: whose member we are, for the message.
        instance: our name, for the message.
    """

    def __init__(self, group: str | None, instance: str) -> None:
        self._group = group
        self._instance = instance
        self._before: Membership | None = None
        self._ousted: list[float] = []

    def look(self, now: Membership | None, at_s: float) -> None:
        """Compare with the look before, whenever the group has given us our partitions.

        Args:
            now: our membership; None: there is none.
            at_s: when, monotonic seconds.
        """
        if now is None or now.generation < 1 or not now.member_id:
            return
        before, self._before = self._before, now
        if before is None or before == now or before.generation != now.generation:
            return
        self._ousted = [*(past for past in self._ousted if at_s - past < _WITHIN_S), at_s]

    def require_none(self) -> None:
        """Go on if nobody took our place three times in a minute.

        Raises:
            ConfigurationError: somebody did.
        """
        if len(self._ousted) >= _OUSTED:
            raise ConfigurationError(
                f"another process is a member of {self._group} as MINESTREAM_INSTANCE="
                f"{self._instance}: each replica needs an instance of its own"
            )
