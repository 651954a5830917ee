"""The site's key, followed while the file that holds it changes: a new one needs no restart."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import structlog
from pydantic import SecretStr

from minestream_runtime.documents import DocumentError
from minestream_runtime.edge.config import Edge, read_edge
from minestream_runtime.edge.watching import Stamp, stamp_of, woken

LOOK_EVERY_S: Final = 2.0


class KeyFile:
    """Tells of another key as soon as a file has it.

    One of the environment stays what it was when the process began. A file with faults changes
    nothing.

    Args:
        edge: as it was read at the start.
        take: told the key that the files have now.
    """

    def __init__(self, edge: Edge, take: Callable[[SecretStr], None]) -> None:
        self._edge = edge
        self._take = take
        self._fault: str | None = None
        self._wake = asyncio.Event()
        self._stamp = self._now()
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why the key cannot be read anew; None: it can."""
        return self._fault

    def look(self) -> None:
        """Look now: an operator asks for it."""
        self._stamp = None
        self._wake.set()

    async def run(self) -> None:
        """Follow the files until cancelled."""
        await self._warn(self._edge)
        while True:
            await woken(self._wake, LOOK_EVERY_S)
            self._wake.clear()
            stamp = self._now()
            if stamp is None or stamp != self._stamp:
                await self._look()
            self._stamp = stamp

    async def _look(self) -> None:
        try:
            edge = await asyncio.to_thread(read_edge, self._edge.path, os.environ)
        except (DocumentError, OSError, UnicodeDecodeError) as exc:
            faults = exc.faults if isinstance(exc, DocumentError) else ()
            said = "; ".join(f"line {each.line}: {each.text}" for each in faults)
            said = said or f"cannot be read: {type(exc).__name__}"
            if said != self._fault:
                self._log.error("key_not_read", reason=said)
            self._fault = said
            return
        self._fault = None
        self._take(edge.key)
        await self._warn(edge)

    async def _warn(self, edge: Edge) -> None:
        with suppress(OSError, UnicodeDecodeError):  # the next look tells of it
            exposed = await asyncio.to_thread(edge.exposed)
            if exposed is not None:
                self._log.warning("key_readable_by_all", reason=exposed)

    def _now(self) -> Stamp | None:
        """What tells whether a file has changed; None: one is not there."""
        key_file = self._edge.file.key_file
        paths = [self._edge.path] + ([self._edge.path.parent / key_file] if key_file else [])
        try:
            return stamp_of(*paths)
        except OSError:
            return None
