"""A file of events that the gateway will never take, with its reasons; bounded."""

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog

_MOST_BYTES: Final = 64 * 1024 * 1024


class DeadLetters:
    """A line per event; a full file becomes ``<name>.1``, and takes the place of the one before.

    Args:
        path: the file; readable by its owner alone.
        most_bytes: of each of the two.
    """

    def __init__(self, path: Path, *, most_bytes: int = _MOST_BYTES) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._failing = False
        self._log = structlog.get_logger()

    def put(self, item: bytes, *, kind: str, reason: str, at: datetime) -> None:
        """Append one; a disk that refuses is logged, and the event is counted as lost anyway.

        Args:
            item: as it was uploaded: JSON.
            kind: the gateway's word for why.
            reason: for people.
            at: when it was refused.
        """
        line = msgspec.json.encode(
            {"at": at, "kind": kind, "reason": reason, "item": msgspec.Raw(item)}
        )
        try:
            self._make_room(len(line) + 1)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with os.fdopen(os.open(self._path, flags, 0o600), "ab") as file:
                file.write(line + b"\n")
        except OSError as exc:
            if not self._failing:
                self._log.error("dead_letter_not_written", error=type(exc).__name__)
            self._failing = True
        else:
            self._failing = False

    def _make_room(self, size: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            there = self._path.stat().st_size
        except FileNotFoundError:
            return
        if there + size > self._most_bytes:
            self._path.replace(self._path.with_name(f"{self._path.name}.1"))
