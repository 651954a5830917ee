"""One batch on its way: halved where it is too much or holds what nobody takes."""

from collections.abc import Iterator


class Delivery:
    """The pieces of a batch still to be sent, and what has become of the others.

    A piece that is refused for what is in it is given again as halves, until the culprits are
    found. When too many rows are refused in a row it is not they who are wrong, and the batch is
    hopeless: nothing of it may be set aside.

    Args:
        length: rows in the batch.
        singly: begin with pieces of one row.
        refused_in_a_row: of this feature group, before this batch.
        hopeless_at: so many of them.
    """

    def __init__(
        self, length: int, *, singly: bool = False, refused_in_a_row: int = 0, hopeless_at: int = 50
    ) -> None:
        whole = [range(length)] if length else []
        self._todo = [range(at, at + 1) for at in reversed(range(length))] if singly else whole
        self._hopeless_at = hopeless_at
        self.taken: list[int] = []
        self.culprits: dict[int, str] = {}
        """The reason by row."""
        self.refused_in_a_row = refused_in_a_row

    def pieces(self, most: int = 1) -> Iterator[list[range]]:
        """What to send next: so many pieces at the same time, until none is left."""
        while self._todo:
            now = [self._todo.pop() for _ in range(min(most, len(self._todo)))]
            yield now

    def took(self, piece: range) -> None:
        """The far side has these rows."""
        self.taken += piece
        self.refused_in_a_row = 0

    def refused(self, piece: range, reason: str) -> None:
        """The far side has none of these rows, for what is in them or for their size."""
        if len(piece) == 1:
            self.culprits[piece.start] = reason
            self.refused_in_a_row += 1
            return
        middle = piece.start + len(piece) // 2
        self._todo += [range(middle, piece.stop), range(piece.start, middle)]

    @property
    def hopeless(self) -> bool:
        """Are the rows right and the far side wrong?"""
        return self.refused_in_a_row >= self._hopeless_at
