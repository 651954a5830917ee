"""Which gaps are open, on disk: a restart closes what another run has opened."""

import asyncio
import os
from datetime import datetime
from pathlib import Path

import msgspec
import structlog


class GapFile:
    """The open gaps by what they are of, and when each began.

    Args:
        path: written whole at each change; a file that cannot be read is as none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = structlog.get_logger()

    def read(self) -> dict[str, datetime]:
        """What the last run left open."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, datetime])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as exc:
            self._log.warning("gap_file_unreadable", error=type(exc).__name__)
            return {}

    async def write(self, gaps: dict[str, datetime]) -> None:
        """Keep these; a disk that refuses is told, and costs a gap's end after a restart."""
        try:
            await asyncio.to_thread(self._replace, msgspec.json.encode(gaps))
        except OSError as exc:
            self._log.warning("gap_file_not_written", error=os.strerror(exc.errno or 0))

    def _replace(self, text: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_bytes(text)
        new.replace(self._path)
