"""Up to where each partition may be committed: rows are done in another order than they lie."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class Place(NamedTuple):
    """Where a record lies on the topic."""

    partition: int
    offset: int


@dataclass(slots=True)
class _Partition:
    next_offset: int
    open: dict[int, None] = field(default_factory=dict)
    """Read and not done, in the order read, which is ascending."""

    @property
    def position(self) -> int:
        return next(iter(self.open), self.next_offset)


class Offsets:
    """What was read of each partition that is ours, and what of it is done."""

    def __init__(self) -> None:
        self._partitions: dict[int, _Partition] = {}
        self._told: dict[int, int] = {}

    def read(self, place: Place) -> None:
        """A record has been read; it is to be done."""
        partition = self._partitions.get(place.partition)
        if partition is None:
            partition = self._partitions[place.partition] = _Partition(place.offset)
            self._told[place.partition] = place.offset  # from where Kafka gave it to us
        partition.next_offset = place.offset + 1
        partition.open[place.offset] = None

    def done(self, place: Place) -> None:
        """Nothing is left to do for it. What is not ours any more is left alone."""
        partition = self._partitions.get(place.partition)
        if partition is not None:
            partition.open.pop(place.offset, None)

    def holds(self, place: Place) -> bool:
        """Is it still ours, and still to be done?"""
        partition = self._partitions.get(place.partition)
        return partition is not None and place.offset in partition.open

    def forget(self, partitions: Iterable[int]) -> None:
        """These are ours no more, or are read anew."""
        for number in partitions:
            self._partitions.pop(number, None)
            self._told.pop(number, None)

    def positions(self) -> dict[int, int]:
        """Of each partition read from: the offset before which all is done."""
        return {number: one.position for number, one in self._partitions.items()}

    def untold(self) -> dict[int, int]:
        """The positions that have moved since they were last told."""
        return {
            number: at for number, at in self.positions().items() if self._told.get(number) != at
        }

    def told(self, positions: dict[int, int]) -> None:
        """Kafka knows these now."""
        self._told |= {number: at for number, at in positions.items() if number in self._partitions}
