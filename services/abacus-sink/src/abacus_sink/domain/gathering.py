"""Rows that wait for others of their group until a call is worth its while."""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from abacus_sink.domain.offsets import Place
from abacus_sink.domain.rows import Row
from minestream_schemas.feature import FeatureGroup

_WIDER_BY: Final = 10
"""After a batch that was too large, each full one may be a tenth larger than the one before."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row, and where it came from.

    Args:
        place: of its record.
        row: as Abacus.AI takes it.
        size: its bytes in a call.
        ts: of the feature.
        due_s: when it must go at the latest, on the steady clock.
    """

    place: Place
    row: Row
    size: int
    ts: datetime
    due_s: float


@dataclass(slots=True)
class _Queue:
    limit_rows: int
    most_bytes: int
    most_rows: int
    """Of the next batch: fewer than the limit once a batch was too large."""
    entries: deque[Entry] = field(default_factory=deque)
    size: int = 0

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.size += entry.size

    def due_s(self) -> float | None:
        """When it is due; None: there is nothing. In the past: now."""
        if not self.entries:
            return None
        full = len(self.entries) >= self.most_rows or self.size >= self.most_bytes
        return 0.0 if full else self.entries[0].due_s

    def take(self) -> list[Entry]:
        taken: list[Entry] = []
        total = 0
        while self.entries and len(taken) < self.most_rows:
            if taken and total + self.entries[0].size > self.most_bytes:
                break
            entry = self.entries.popleft()
            taken.append(entry)
            total += entry.size
        self.size -= total
        if len(taken) == self.most_rows:
            wider = self.most_rows + max(1, self.most_rows // _WIDER_BY)
            self.most_rows = min(self.limit_rows, wider)
        return taken

    def put_back(self, entries: Sequence[Entry]) -> None:
        self.entries.extendleft(reversed(entries))
        self.size += sum(entry.size for entry in entries)

    def keep(self, wanted: Callable[[Entry], bool]) -> None:
        self.entries = deque(entry for entry in self.entries if wanted(entry))
        self.size = sum(entry.size for entry in self.entries)


class Gathering:
    """What waits to be sent, by feature group.

    Args:
        most_rows: of a batch.
        most_bytes: of a batch; a single larger row is a batch of its own.
    """

    def __init__(self, *, most_rows: int, most_bytes: int) -> None:
        self._queues = {group: _Queue(most_rows, most_bytes, most_rows) for group in FeatureGroup}

    def __len__(self) -> int:
        return sum(len(queue.entries) for queue in self._queues.values())

    def add(self, group: FeatureGroup, entry: Entry) -> None:
        """A row more."""
        self._queues[group].add(entry)

    def due(self, now_s: float) -> list[FeatureGroup]:
        """The groups of which a batch is full, or has waited long enough."""
        found = {group: queue.due_s() for group, queue in self._queues.items()}
        return [group for group, due_s in found.items() if due_s is not None and due_s <= now_s]

    def next_due_s(self) -> float | None:
        """When the next batch is due; None: nothing waits."""
        return min(
            (due_s for queue in self._queues.values() if (due_s := queue.due_s()) is not None),
            default=None,
        )

    def take(self, group: FeatureGroup) -> list[Entry]:
        """The next batch; it is out of here until it is put back."""
        return self._queues[group].take()

    def put_back(self, group: FeatureGroup, entries: Sequence[Entry]) -> None:
        """They were not sent: they are the next again."""
        self._queues[group].put_back(entries)

    def narrow(self, group: FeatureGroup, rows: int) -> None:
        """So many were too many in one call: half of them at the most, and slowly more again.

        It may have been a single row that is too large by itself: that is found by halving too.
        """
        queue = self._queues[group]
        queue.most_rows = max(1, min(queue.most_rows, rows // 2))

    def forget(self, partitions: Iterable[int]) -> None:
        """Rows of these partitions are somebody else's now."""
        gone = frozenset(partitions)
        for queue in self._queues.values():
            queue.keep(lambda entry: entry.place.partition not in gone)
