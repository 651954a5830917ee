"""Whose a miner is: one site's, so that no key speaks for another's."""

from collections.abc import Collection
from typing import Final

import structlog

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import owners_of
from api_gateway.domain.collector.claims import ClaimRules
from api_gateway.domain.collector.keys import CollectorKey
from minestream_runtime.clock import Clock
from minestream_runtime.errors import StoreUnavailableError

_FRESH_S: Final = 60.0
_MOST: Final = 500_000
_TOLD_EVERY_S: Final = 3600.0


class Owners:
    """Remembers for a minute whose names are; longer while the database is away.

    Args:
        writer: of the fleet schema.
        clock: how old what we know is.
        rules: of names that no inventory has.
    """

    def __init__(self, writer: Writer, clock: Clock, rules: ClaimRules) -> None:
        self._writer = writer
        self._clock = clock
        self._rules = rules
        self._known: dict[str, tuple[str, float]] = {}
        self._told_s: dict[str, float] = {}
        self._log = structlog.get_logger()

    async def refused(self, names: Collection[str], key: CollectorKey) -> dict[str, str]:
        """Why a key may not speak of these; whatever is nobody's becomes its site's.

        Args:
            names: of miners, and of what gaps are about.
            key: who speaks of them.

        Returns:
            by name; those that are not in it are the site's.

        Raises:
            KeyRevokedError: of the key; nothing more is the site's through it.
            StoreUnavailableError: some are not known, and cannot be asked for.
        """
        now_s = self._clock.monotonic()
        # a copy: while we wait for the database another upload may empty what is remembered
        known = {name: self._known[name] for name in names if name in self._known}
        old = {n for n in names if n not in known or now_s - known[n][1] > _FRESH_S}
        homeless: set[str] = set()
        if old:
            try:
                found = await owners_of(self._writer, old, key, self._rules)
            except StoreUnavailableError:
                if old - known.keys():
                    raise
            else:
                if len(self._known) > _MOST:
                    self._known.clear()
                fresh = {name: (site, now_s) for name, site in found.items() if site is not None}
                homeless = found.keys() - fresh.keys()
                self._known |= fresh
                known |= fresh
                self._note(key.site_id, len(homeless), now_s)
        foreign = {name for name, (site, _) in known.items() if site != key.site_id} - homeless
        return {name: f"{name} is another site's" for name in foreign} | {
            name: self._rules.full(name, key.site_id) for name in homeless
        }

    def _note(self, site_id: str, homeless: int, now_s: float) -> None:
        """Say now and then, not at each upload, that a site has no room."""
        if homeless and now_s - self._told_s.get(site_id, -_TOLD_EVERY_S) >= _TOLD_EVERY_S:
            self._told_s[site_id] = now_s
            self._log.warning(
                "collector_claims_full", site_id=site_id, most=self._rules.most, refused=homeless
            )
