"""A loop whose world is away now and then: said once, waited out, and said when it is over."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.errors import Disposition, MinestreamError


class Turns:
    """The turns of one loop, and what keeps it from its work.

    Args:
        waits: the log's event when a turn fails for what passes by itself.
        works: the log's event when one succeeds after that.
        failed: told of the error, before the pause.
        backoff: how long it waits before the next.
    """

    def __init__(
        self,
        *,
        waits: str,
        works: str,
        failed: Callable[[MinestreamError], None] = lambda _: None,
        backoff: Backoff | None = None,
    ) -> None:
        self._waits = waits
        self._works = works
        self._failed = failed
        self._backoff = backoff or Backoff()
        self._fault: str | None = "has not read yet"
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """Why it does not work just now; None when it does."""
        return self._fault

    async def go_on(self, turn: Callable[[], Awaitable[bool]]) -> NoReturn:
        """One turn after the other, until cancelled; see ``take``."""
        while True:
            heed_cancellation()
            await self.take(turn())

    async def take(self, turn: Awaitable[bool]) -> None:
        """One turn; after one that failed for a while, a pause.

        Args:
            turn: the work; it gives False when it has asked nobody, so that nothing is known.

        Raises:
            MinestreamError: one that trying again does not mend.
        """
        try:
            known = await turn
        except MinestreamError as exc:
            if exc.disposition is not Disposition.RETRY:
                raise
            if self._fault != exc.kind:
                self._log.warning(self._waits, error_type=exc.kind, reason=str(exc))
            self._fault = exc.kind
            self._failed(exc)
            await asyncio.sleep(self._backoff.next_s())
            return
        if not known:
            return
        if self._fault is not None:
            self._log.info(self._works, after=self._fault)
        self._fault = None
        self._backoff.reset()
