"""Which alerts fire: the database's, then each transition that comes, and none of them twice."""

from collections.abc import Mapping
from typing import Final

from api_gateway.domain.stream.entries import Entry, Place

MOST_OVER: Final = 10_000
"""Alerts that are over and whose last number is kept, so that what is told again stays over."""


class Alerts:
    """The alerts that fire.

    The alerter writes its table first and publishes from an outbox after it has committed. So the
    topic's end offsets are taken *before* the table is read: the table has all that lies before
    them, and what it has from beyond comes once more and is known by alert and number.
    """

    def __init__(self) -> None:
        self._firing: dict[str, Entry] = {}
        self._over: dict[str, int] = {}
        self._told_up_to: dict[Place, int] = {}

    def begin(self, told_up_to: Mapping[Place, int]) -> None:
        """What the database's alerts reach: records before these offsets change nothing here."""
        self._told_up_to = dict(told_up_to)

    def note(self, entry: Entry) -> None:
        """Take a transition; one from before what is known is passed over."""
        if entry.offset < self._told_up_to.get(entry.place, entry.offset):
            return
        name, fires = entry.told_of, self._firing.get(entry.told_of)
        known = self._over.get(name, 0) if fires is None else fires.number
        if entry.number <= known:
            return
        self._over.pop(name, None)
        if not entry.ended:
            self._firing[name] = entry
            return
        if fires is not None:  # the miner may have moved since: who heard of it hears of its end
            del self._firing[name]
            entry.site_id = fires.site_id
        self._over[name] = entry.number
        if len(self._over) > MOST_OVER:
            del self._over[next(iter(self._over))]

    def firing(self) -> list[Entry]:
        """Each that fires, by its newest transition."""
        return list(self._firing.values())
