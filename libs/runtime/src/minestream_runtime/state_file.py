"""A small value on disk that outlives its process: replaced in one step, checked when read."""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec
import structlog

T = TypeVar("T")


class StateFile(Generic[T]):
    """One file with one JSON value.

    A file that is damaged, or of another shape, is as none: that is told once. A disk that refuses
    is told at the first write that it refuses, and leaves the old value standing.

    Args:
        path: the file; its folder is made when needed.
        kind: the value's type, anything that msgspec reads.
    """

    def __init__(self, path: Path, kind: type[T]) -> None:
        self._path = path
        self._kind = kind
        self._refused = False
        self._log = structlog.get_logger()

    def load(self) -> T | None:
        """The value as last saved; None where there is none."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=self._kind)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            self._log.warning(
                "state_file_unreadable", file=self._path.name, error=type(exc).__name__
            )
            return None

    def save(self, value: T) -> bool:
        """Replace the value; it survives the process from here on, a power cut perhaps not.

        Returns:
            False when the disk refused it.
        """
        beside = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(msgspec.json.encode(value))
            beside.replace(self._path)
        except OSError as exc:
            if not self._refused:
                self._log.warning(
                    "state_file_not_written", file=self._path.name, error=type(exc).__name__
                )
            self._refused = True
            return False
        self._refused = False
        return True
