"""How much of a batch one transaction takes."""

from collections.abc import Iterator


class BatchSize:
    """How much to write at once: half after each failure, twice after each quick success.

    So a batch that takes longer than the database allows is not tried again at the same size for
    ever, and one that was nearly too much is not doubled.

    Args:
        most: records, at the most.
        most_bytes: of their values, at the most.
        quick_s: a success that took longer leaves the size as it is.
    """

    def __init__(self, *, most: int, most_bytes: int, quick_s: float) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._quick_s = quick_s
        self._halved = 0

    @property
    def records(self) -> int:
        """At the most so many records now."""
        return max(1, self._most >> self._halved)

    @property
    def size(self) -> int:
        """At the most so many bytes now."""
        return max(1, self._most_bytes >> self._halved)

    def failed(self, tried: int) -> None:
        """A batch of so many records was not written, and not for what is in it."""
        while self.records > max(1, tried // 2):
            self._halved += 1

    def written(self, took_s: float) -> None:
        """A batch was written."""
        if took_s < self._quick_s:
            self._halved = max(0, self._halved - 1)


def pieces(sizes: list[int], *, most: int, most_bytes: int) -> Iterator[range]:
    """Cut a batch so that one transaction holds neither too many records nor too many bytes.

    Args:
        sizes: bytes of each record, in order.
        most: records in a piece.
        most_bytes: bytes in a piece; a single larger record is a piece of its own.
    """
    start, total = 0, 0
    for index, size in enumerate(sizes):
        if index > start and (index - start >= most or total + size > most_bytes):
            yield range(start, index)
            start, total = index, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))
