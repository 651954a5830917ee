"""What has become of a batch's rows: taken, or refused for what is in them."""


class Delivery:
    """One batch on its way.

    When too many rows are refused in a row it is not they who are wrong, and the batch is
    hopeless: nothing of it may be set aside.

    Args:
        refused_in_a_row: of this feature group, before this batch.
        hopeless_at: so many of them.
    """

    def __init__(self, *, refused_in_a_row: int = 0, hopeless_at: int = 50) -> None:
        self._hopeless_at = hopeless_at
        self.taken: list[int] = []
        self.culprits: dict[int, str] = {}
        """The reason by row."""
        self.refused_in_a_row = refused_in_a_row

    def took(self, piece: range) -> None:
        """The far side has these rows."""
        self.taken += piece
        self.refused_in_a_row = 0

    def refused(self, row: int, reason: str) -> None:
        """The far side refuses this very row."""
        self.culprits[row] = reason
        self.refused_in_a_row += 1

    @property
    def hopeless(self) -> bool:
        """Are the rows right and the far side wrong?"""
        return self.refused_in_a_row >= self._hopeless_at
