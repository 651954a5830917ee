"""Looks at the database again and again, so that readiness is known without asking."""

import asyncio
from typing import Final

import structlog

from api_gateway.adapters.database.access import Reader
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.errors import MinestreamError

_EVERY_S: Final = 1.0
_QUERY: Final = """
SELECT EXISTS (SELECT FROM fleet_v1.miner), EXISTS (SELECT FROM telemetry_v1.latest)
"""


class Watch:
    """Why the database cannot be read at present, if so.

    Args:
        reader: what requests use.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._fault: str | None = "not yet reached"
        self._log = structlog.get_logger()

    def fault(self) -> str | None:
        """None: it can be read."""
        return self._fault

    async def run(self) -> None:
        """Look, for ever."""
        while True:
            heed_cancellation()
            before = self._fault
            try:
                await self._reader.rows(_QUERY)
                self._fault = None
            except MinestreamError as exc:
                self._fault = exc.kind
                if before is None:
                    self._log.warning("database_away", error_type=exc.kind, error=str(exc))
            if before is not None and self._fault is None:
                self._log.info("database_reached")
            await asyncio.sleep(_EVERY_S)
