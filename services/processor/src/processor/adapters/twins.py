"""Notices another processor under our name, which takes our place in the group again and again.

Two static members of one instance are given the same partitions, each by ousting the other, and
Kafka tells neither. On one disk RocksDB's lock parts them; on two they would both write.
"""

from collections.abc import Callable
from typing import Final

from minestream_runtime.errors import ConfigurationError
from processor.adapters.fence import Membership

_OUSTED: Final = 3
_WITHIN_S: Final = 60.0


class Twins:
    """Counts how often we came back under a new id into the same generation.

    A member that comes alone after a pause or a restart finds a later generation.

    Args:
        membership: as it is now; None: there is none yet.
        instance: our name, for the message.
    """

    def __init__(self, membership: Callable[[], Membership | None], instance: str) -> None:
        self._membership = membership
        self._instance = instance
        self._before: Membership | None = None
        self._ousted: list[float] = []

    def look(self, at_s: float) -> None:
        """Compare with the look before, whenever the group has given us our partitions.

        Args:
            at_s: when, monotonic seconds.
        """
        now = self._membership()
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
                f"another processor runs as MINESTREAM_INSTANCE={self._instance}: "
                "each replica needs an instance of its own"
            )
