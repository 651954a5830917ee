"""A test's ledger: one line per event that Kafka or the spool has taken, and per drop."""

import os
from pathlib import Path
from typing import Literal, Self

import msgspec

Via = Literal["kafka", "spool"]


class Ledger:
    """Appends JSON lines; each is with the operating system when the call returns.

    Safe to use from several threads: one line is one ``write`` to a file opened for appending.

    Args:
        path: the file; None writes nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: int | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_APPEND | os.O_CREAT | os.O_WRONLY
            self._file = os.open(self._path, flags, 0o600)
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def taken(self, memo: bytes, via: Via) -> None:
        """An event is safe.

        Args:
            memo: a JSON object; empty for events that no ledger counts.
            via: who has it.
        """
        if self._file is not None and memo:
            os.write(self._file, memo[:-1] + b',"via":' + msgspec.json.encode(via) + b"}\n")

    def dropped(self, memo: bytes, event: str) -> None:
        """An event is lost, and counted as lost."""
        if self._file is not None and memo:
            os.write(self._file, msgspec.json.encode({"dropped": event}) + b"\n")
