"""A batch that fails for what is in it: halved until what is at fault stands alone."""

from collections.abc import Awaitable, Callable, Iterator

from minestream_runtime.errors import Disposition, MinestreamError

Take = Callable[[range, MinestreamError | None], Awaitable[None]]


class Halving:
    """The pieces of a batch still to be tried, in the batch's order.

    Args:
        length: of the batch.
        singly: begin with pieces of one.
    """

    def __init__(self, length: int, *, singly: bool = False) -> None:
        starts = range(0, length, 1 if singly else max(1, length))
        self._todo = [range(length)[start : start + starts.step] for start in reversed(starts)]

    def pieces(self, most: int = 1) -> Iterator[list[range]]:
        """What to try next: so many pieces at the same time, until none is left."""
        while self._todo:
            yield [self._todo.pop() for _ in range(min(most, len(self._todo)))]

    def refused(self, piece: range) -> bool:
        """A piece failed for what is in it: its halves are the next.

        Returns:
            False of a piece of one, which has none: this one is at fault.
        """
        middle = len(piece) // 2
        if middle:
            self._todo += [piece[middle:], piece[:middle]]
        return middle > 0


async def by_halves(length: int, take: Take) -> None:
    """Take a batch; where it fails for what is in it, all but the very ones at fault.

    Pieces come in the batch's order, so that each partition's offset only moves forward.

    Args:
        length: of the batch.
        take: takes a piece. One that was refused alone it gets again, with the refusal: to set it
            aside.

    Raises:
        MinestreamError: one that no record is at fault for, or of one that was set aside.
    """
    halving = Halving(length)
    for (piece,) in halving.pieces():
        try:
            await take(piece, None)
        except MinestreamError as exc:
            if exc.disposition is not Disposition.DEAD_LETTER:
                raise
            if not halving.refused(piece):
                await take(piece, exc)
