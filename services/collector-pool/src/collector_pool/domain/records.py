"""Every worker's whole record, kept up to date by what changed."""

from collections.abc import Mapping
from typing import Any

Record = dict[str, Any]
_MOST_ID = 190


def name_of(record: Mapping[str, Any]) -> str | None:
    """What a record is known by: its ``uuid``, else its worker's name; None: by nothing."""
    for field in ("uuid", "miner_name"):
        value = record.get(field)
        if isinstance(value, str) and value.strip() and value.isprintable():
            return value.strip()[:_MOST_ID]
    return None


class Records:
    """The workers of one account."""

    def __init__(self) -> None:
        self._known: dict[str, Record] = {}

    def __len__(self) -> int:
        return len(self._known)

    def replace(self, records: Mapping[str, Record]) -> None:
        """A snapshot: what is not in it is no more."""
        self._known = {name: dict(record) for name, record in records.items()}

    def change(self, name: str, change: Record) -> Record | None:
        """Merge what changed of one worker.

        A change that tells the worker's name is the first whole word of a new worker.

        Args:
            name: of ``name_of``.
            change: the fields that it tells.

        Returns:
            the whole record after it; None: nobody knows the rest of it yet.
        """
        before = self._known.get(name)
        if before is None and "miner_name" not in change:
            return None
        self._known[name] = {**(before or {}), **change}
        return dict(self._known[name])

    def knows(self, name: str) -> bool:
        """Has it been told whole?"""
        return name in self._known
