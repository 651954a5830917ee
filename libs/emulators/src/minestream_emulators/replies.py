"""The log of every reply: what the world has truly said, in the order of its numbers (the set S).

A line is with the operating system before its reply leaves: a kill can cost a reply, never a line.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

_TAIL_BYTES: Final = 64 * 1024


class ReplyLine(msgspec.Struct, frozen=True, gc=False):
    """One reply: its number, who gave it, to what, when, with which HTTP status."""

    reply: int
    miner: str
    path: str
    at: str
    status: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ReplyLine).decode


class ReplyLog:
    """Numbers replies and keeps them, across restarts.

    Args:
        path: JSON lines, appended to; None: numbers only, nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.last = 0
        self._file: int | None = None
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        self._resume()

    def _resume(self) -> None:
        """Go on from the last whole line; close a line that a kill has cut off."""
        assert self._file is not None  # noqa: S101 - called with a file only
        size = os.fstat(self._file).st_size
        start = max(0, size - _TAIL_BYTES)
        tail = os.pread(self._file, size - start, start)
        if tail and not tail.endswith(b"\n"):
            os.write(self._file, b"\n")
        for line in reversed(tail.splitlines()):
            try:
                self.last = _decode(line).reply
            except msgspec.MsgspecError:
                continue
            return

    def write(self, miner: str, path: str, at: str, status: int) -> int:
        """Number a reply that is about to be sent, and write its line.

        Args:
            miner: who gives it.
            path: what was asked for, without the query.
            at: ISO 8601.
            status: of HTTP.

        Returns:
            The number: unique, rising.
        """
        self.last += 1
        if self._file is not None:
            line = _encode(ReplyLine(self.last, miner, path, at, status))
            os.write(self._file, line + b"\n")
        return self.last

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        """See ``close``."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """See ``close``."""
        self.close()


def read_replies(path: Path) -> Iterator[ReplyLine]:
    """The lines of a log; what a kill has cut off is left out."""
    if not path.exists():
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                yield _decode(line)
            except msgspec.MsgspecError:
                continue
