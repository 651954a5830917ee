"""The log of uploads, written beside them: none waits for it, none fails with it.

It also tidies what uploads leave behind: old rows of the log, and claims that have lapsed.
"""

import asyncio
from collections import deque
from datetime import timedelta
from typing import Final

import structlog

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import (
    expire_claims,
    expire_uploads,
    log_uploads,
)
from api_gateway.domain.collector.uploads import Logged
from minestream_runtime.clock import Clock
from minestream_runtime.errors import MinestreamError

_EVERY_S: Final = 1.0
_TIDY_EVERY_S: Final = 3600.0
_MOST: Final = 10_000
_LAST_S: Final = 2.0


class UploadLog:
    """Holds rows until they are written; the oldest of ten thousand go while they cannot be.

    Args:
        writer: of the fleet schema.
        clock: what is old.
        keep_s: rows older than this are forgotten.
        claim_keep_s: so are claims that were not told for longer.
    """

    def __init__(self, writer: Writer, clock: Clock, *, keep_s: float, claim_keep_s: float) -> None:
        self._writer = writer
        self._clock = clock
        self._keep = timedelta(seconds=keep_s)
        self._claim_keep = timedelta(seconds=claim_keep_s)
        self._rows: deque[Logged] = deque(maxlen=_MOST)
        self._tidied_s = -_TIDY_EVERY_S
        self._failing = False
        self._log = structlog.get_logger()

    def note(self, upload: Logged) -> None:
        """Write this down soon."""
        self._rows.append(upload)

    async def run(self) -> None:
        """Write until cancelled, and then what is left."""
        try:
            while True:
                await asyncio.sleep(_EVERY_S)
                await self._write()
        finally:
            try:
                async with asyncio.timeout(_LAST_S):
                    await self._write()
            except TimeoutError:
                self._log.warning("uploads_not_logged", rows=len(self._rows))

    async def _write(self) -> None:
        rows = list(self._rows)
        try:
            if rows:
                await log_uploads(self._writer, rows)
            now_s = self._clock.monotonic()
            if now_s - self._tidied_s >= _TIDY_EVERY_S:
                await expire_uploads(self._writer, self._clock.now(), self._keep)
                await expire_claims(self._writer, self._claim_keep)
                self._tidied_s = now_s
        except MinestreamError as exc:
            if not self._failing:
                self._log.warning("uploads_not_logged", error_type=exc.kind, rows=len(rows))
            self._failing = True
            return
        self._failing = False
        for row in rows:
            if self._rows and self._rows[0] is row:
                self._rows.popleft()
