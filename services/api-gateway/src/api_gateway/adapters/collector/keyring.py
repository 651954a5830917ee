"""The usable keys, read again and again; those last read stay good while the database is away."""

import asyncio
from typing import Final

import structlog

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import usable_keys
from api_gateway.domain.collector.keys import CollectorKey, digest_of, matching, well_formed
from minestream_runtime.clock import Clock
from minestream_runtime.errors import StoreUnavailableError
from minestream_runtime.metrics import counter

_FRESH_S: Final = 5.0
_SOONEST_S: Final = 1.0
"""A key that we do not know has us look anew, but no oftener than this."""
_TOLD_EVERY_S: Final = 10.0


class Keyring:
    """Tells whose a key is.

    Args:
        writer: reads the keys.
        clock: how old what we know is.
    """

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._keys: tuple[CollectorKey, ...] | None = None
        self._read_s = 0.0
        self._reading = asyncio.Lock()
        self._away = False
        self._refused = 0
        self._told_s = -_TOLD_EVERY_S
        self._log = structlog.get_logger()

    def refuse(self, reason: str, client: str | None) -> None:
        """Count a key that is none, and say so now and then: whoever guesses fills no disk.

        Args:
            reason: ``missing`` or ``unknown``; nothing of what was given, which may be another's
                password, or a key with one letter wrong.
            client: who gave it.
        """
        counter("collector_key_refused_total").labels(reason).inc()
        self._refused += 1
        now_s = self._clock.monotonic()
        if now_s - self._told_s >= _TOLD_EVERY_S:
            self._log.warning(
                "collector_key_refused", reason=reason, client=client, refused=self._refused
            )
            self._refused, self._told_s = 0, now_s

    async def find(self, given: str) -> CollectorKey | None:
        """The usable key that this is; None: it is none.

        A key that was made a second ago is known, one that was revoked is not for long.

        Raises:
            StoreUnavailableError: no key has ever been read.
        """
        if not well_formed(given):
            return None
        digest = digest_of(given)
        found = matching(await self._known(_FRESH_S), digest)
        return found or matching(await self._known(_SOONEST_S), digest)

    async def _known(self, most_age_s: float) -> tuple[CollectorKey, ...]:
        async with self._reading:
            if self._keys is None or self._clock.monotonic() - self._read_s >= most_age_s:
                await self._read()
            return self._keys or ()

    async def _read(self) -> None:
        try:
            self._keys = await usable_keys(self._writer)
        except StoreUnavailableError as exc:
            if self._keys is None:
                raise
            if not self._away:
                self._log.warning("collector_keys_not_read", error_type=exc.kind)
            self._away = True
        else:
            self._away = False
        self._read_s = self._clock.monotonic()
