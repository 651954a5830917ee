"""What something said over time, and the newest of it that was known at an instant."""

from bisect import bisect_left
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_THIN_AFTER = 4096
"""Values added between two thinnings."""


class Span(NamedTuple):
    """How much is kept of what was said, µs back from the newest.

    Args:
        fine_us: everything.
        coarse_us: beyond that, one value in each so long.
        kept_us: beyond that, nothing.
    """

    fine_us: int
    coarse_us: int
    kept_us: int


class Known(NamedTuple, Generic[T]):
    """A value, and when it was said."""

    at_us: int
    value: T


class History(Generic[T]):
    """The values of one thing, by event time: the order in which they come does not count."""

    def __init__(self, span: Span) -> None:
        self._span = span
        self._order: list[tuple[int, bytes]] = []
        self._values: list[T] = []
        self._added = 0

    def __len__(self) -> int:
        return len(self._order)

    def add(self, at_us: int, event_id: bytes, value: T) -> None:
        """Remember a value.

        Args:
            at_us: when it was said.
            event_id: of what said it; the same one again changes nothing.
            value: what was said.
        """
        place = (at_us, event_id)
        if not self._order or self._order[-1] < place:
            self._order.append(place)
            self._values.append(value)
        else:
            index = bisect_left(self._order, place)
            if self._order[index] == place:
                return
            self._order.insert(index, place)
            self._values.insert(index, value)
        self._added += 1
        if self._added % _THIN_AFTER == 0:
            self._thin()

    def at(self, at_us: int, *, max_age_us: int) -> Known[T] | None:
        """The newest value that was said by then; None: there is none, or it is too old.

        Args:
            at_us: the instant.
            max_age_us: how old it may be at that instant.
        """
        index = bisect_left(self._order, (at_us + 1, b"")) - 1
        if index < 0:
            return None
        said_us = self._order[index][0]
        return None if at_us - said_us > max_age_us else Known(said_us, self._values[index])

    def _thin(self) -> None:
        newest = self._order[-1][0]
        order, values, last = [], [], None
        for place, value in zip(self._order, self._values, strict=True):
            age = newest - place[0]
            if age > self._span.kept_us:
                continue
            coarse = place[0] // self._span.coarse_us
            if age > self._span.fine_us and coarse == last:
                continue
            last = coarse
            order.append(place)
            values.append(value)
        self._order, self._values = order, values
