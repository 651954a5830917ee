"""Whose a miner is: one site's, so that no key speaks for another's."""

from collections.abc import Collection
from typing import Final

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import owners_of
from minestream_runtime.clock import Clock
from minestream_runtime.errors import StoreUnavailableError

_FRESH_S: Final = 60.0
_MOST: Final = 500_000


class Owners:
    """Remembers for a minute whose names are; longer while the database is away.

    Args:
        writer: of the fleet schema.
        clock: how old what we know is.
    """

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._known: dict[str, tuple[str, float]] = {}

    async def foreign(self, names: Collection[str], site_id: str) -> set[str]:
        """Those names that are another site's; whatever is nobody's becomes this site's.

        Args:
            names: of miners, and of what gaps are about.
            site_id: who speaks of them.

        Raises:
            StoreUnavailableError: some are not known, and cannot be asked for.
        """
        now_s = self._clock.monotonic()
        # a copy: while we wait for the database another upload may empty what is remembered
        known = {name: self._known[name] for name in names if name in self._known}
        old = {n for n in names if n not in known or now_s - known[n][1] > _FRESH_S}
        if old:
            try:
                found = await owners_of(self._writer, old, site_id)
            except StoreUnavailableError:
                if old - known.keys():
                    raise
            else:
                if len(self._known) > _MOST:
                    self._known.clear()
                fresh = {name: (site, now_s) for name, site in found.items()}
                self._known |= fresh
                known |= fresh
        return {name for name, (site, _) in known.items() if site != site_id}
