"""The last entries, in order, bounded in bytes and in time."""

from bisect import bisect_right
from datetime import datetime
from operator import attrgetter
from typing import Final

from api_gateway.domain.stream.entries import Entry

_OVERHEAD: Final = 500
"""Bytes that an entry takes beside its text, about."""
_seq: Final = attrgetter("seq")


class History:
    """Entries by their place in the stream; the oldest leave first.

    Args:
        most_bytes: of all entries together, about.
    """

    def __init__(self, most_bytes: int) -> None:
        self.begins_after = 0
        """The place up to which entries have left: what came later is here."""
        self._most = most_bytes
        self._bytes = 0
        self._entries: list[Entry] = []
        self._arrived: list[datetime] = []

    def add(self, entry: Entry, arrived: datetime) -> None:
        """Append the newest entry."""
        self._entries.append(entry)
        self._arrived.append(arrived)
        self._bytes += entry.size + _OVERHEAD

    def after(self, seq: int) -> list[Entry]:
        """The entries that came after a place, in order."""
        return self._entries[bisect_right(self._entries, seq, key=_seq) :]

    def trim(self, before: datetime) -> list[Entry]:
        """Let go of what is too much, or arrived before an instant.

        Returns:
            what left.
        """
        count = 0
        for entry, arrived in zip(self._entries, self._arrived, strict=True):
            if self._bytes <= self._most and arrived >= before:
                break
            self._bytes -= entry.size + _OVERHEAD
            count += 1
        left = self._entries[:count]
        if left:
            self.begins_after = left[-1].seq
            del self._entries[:count], self._arrived[:count]
        return left
