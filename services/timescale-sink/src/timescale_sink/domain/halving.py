"""Finding the rows that fail a whole batch, by halving it."""

from collections.abc import Iterator


class Halving:
    """The pieces of a batch still to be written, in order.

    Each piece given is either written, or ``refused``: then its halves are given next, and a
    refused piece of one is a culprit. Pieces come in the batch's order, so that each partition's
    offset only moves forward.
    """

    def __init__(self, length: int) -> None:
        self._todo = [range(length)] if length else []
        self.culprits: set[int] = set()

    def __iter__(self) -> Iterator[range]:
        while self._todo:
            yield self._todo.pop()

    def refused(self, piece: range) -> None:
        """The piece as a whole was not written.

        Args:
            piece: as it was given. One of a single culprit is given again, once, to be set aside.

        Raises:
            ValueError: a culprit has been refused twice.
        """
        if len(piece) == 1:
            if piece.start in self.culprits:
                raise ValueError(f"{piece.start} was refused even as a culprit")
            self.culprits.add(piece.start)
            self._todo.append(piece)
            return
        middle = piece.start + len(piece) // 2
        self._todo += [range(middle, piece.stop), range(piece.start, middle)]


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
