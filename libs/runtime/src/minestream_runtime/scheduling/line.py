"""Targets that wait for their turn: by priority, and a share of the turns for those left out."""

import heapq
from collections import deque
from typing import Final, NamedTuple

PATIENCE: Final = 6
"""So many ticks a target waits in vain before it is counted as left out."""
SHARE: Final = 4
"""Every so many turns one goes to who was left out longest."""
_STALE: Final = 64


class Waiting(NamedTuple):
    """A target that waits; the lowest goes first.

    Args:
        rank: its priority, negative.
        number: of two of one rank, who came first.
        target: its id.
        due_s: when it was due, monotonic seconds.
    """

    rank: int
    number: int
    target: str
    due_s: float


class Line:
    """A line of targets.

    When for long there are more than turns, priority alone would never let the lowest go. Who has
    waited for ``PATIENCE`` of its ticks has a share of the turns: as long as no more than twice as
    many are due as can go, each goes within ten of its intervals; beyond that, as often as a
    quarter of the turns allows. Three quarters are always the important ones'.
    """

    def __init__(self) -> None:
        self._heap: list[Waiting] = []
        self._places: dict[str, Waiting] = {}
        self._passed: dict[str, int] = {}
        self._left_out: deque[str] = deque()
        self._turns = 0

    def __contains__(self, target: str) -> bool:
        return target in self._places

    def __bool__(self) -> bool:
        return bool(self._places)

    def put(self, waiting: Waiting) -> None:
        """Let a target wait; one that waits already moves to the new place, and keeps its age."""
        self._places[waiting.target] = waiting
        heapq.heappush(self._heap, waiting)
        if len(self._heap) > _STALE + 2 * len(self._places):
            self._heap = list(self._places.values())
            heapq.heapify(self._heap)

    def place_of(self, target: str) -> Waiting | None:
        """Where a target waits; None: it does not."""
        return self._places.get(target)

    def pass_over(self, target: str) -> None:
        """A tick of a target that waits has gone by in vain."""
        passed = self._passed[target] = self._passed.get(target, 0) + 1
        if passed == PATIENCE:
            self._left_out.append(target)

    def take(self) -> Waiting | None:
        """Whose turn it is; None: nobody waits."""
        if not self._places:
            return None
        self._turns += 1
        found = self._longest_left_out() if self._turns % SHARE == 0 else None
        while found is None:
            first = heapq.heappop(self._heap)
            if self._places.get(first.target) is first:
                found = first
        self.drop(found.target)
        return found

    def drop(self, target: str) -> None:
        """A target waits no more."""
        self._places.pop(target, None)
        self._passed.pop(target, None)

    def clear(self) -> None:
        """Nobody waits any more."""
        self._heap.clear()
        self._places.clear()
        self._passed.clear()
        self._left_out.clear()

    def _longest_left_out(self) -> Waiting | None:
        while self._left_out:
            target = self._left_out.popleft()
            if self._passed.get(target, 0) >= PATIENCE:  # else it has gone meanwhile
                return self._places[target]
        return None
