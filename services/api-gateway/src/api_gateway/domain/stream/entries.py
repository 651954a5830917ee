"""What the stream is made of: entries, and which of them somebody wants."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What a client can ask for."""

    STATUS = "status"
    """One short row per miner; made from a reading."""
    READING = "reading"
    GAP = "gap"
    ALERT = "alert"
    ANOMALY = "anomaly"
    WINDOW = "window"


FROM_READINGS: Final = frozenset({Kind.STATUS, Kind.READING})
IN_SNAPSHOTS: Final = frozenset({Kind.STATUS, Kind.READING, Kind.GAP, Kind.ALERT})
RARE: Final = frozenset({Kind.GAP, Kind.ALERT, Kind.ANOMALY, Kind.WINDOW})
"""Kinds of which each single one counts: none is overtaken by another."""

Place = tuple[str, int]
"""A topic's registered name and a partition's number."""
NOWHERE: Final[Place] = ("", -1)


@dataclass(slots=True, eq=False)
class Entry:
    """One event, encoded once.

    Args:
        kind: ``READING`` stands for the row of its status too.
        subject: the miner; a gap's may be a collector, an alert's whatever it is about.
        site_id: None: it has none.
        at: event time.
        body: the event as it lay on its topic, JSON.
        row: of a reading: the row of its status, JSON.
        place: the partition; ``NOWHERE`` when it came from the database.
        offset: on that partition.
        told_of: of a gap or an alert: its id, the same in all that is told of it.
        number: of an alert: the transition's, from 1.
        ended: of a gap or an alert: it is over.
        seq: the place among all entries of this life, counted from 1.
        newest: of a reading: none that came before is newer.
    """

    kind: Kind
    subject: str
    site_id: str | None
    at: datetime
    body: bytes
    row: bytes = b""
    place: Place = NOWHERE
    offset: int = -1
    told_of: str = ""
    number: int = 0
    ended: bool = False
    seq: int = 0
    newest: bool = True

    @property
    def size(self) -> int:
        """Bytes, about."""
        return len(self.body) + len(self.row)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which entries somebody wants: of some kinds; of any of the sites or miners, or all."""

    kinds: frozenset[Kind]
    sites: frozenset[str] = frozenset()
    miners: frozenset[str] = frozenset()
    entry_kinds: frozenset[Kind] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """A row of status comes with its reading."""
        entry_kinds = self.kinds - {Kind.STATUS}
        if Kind.STATUS in self.kinds:
            entry_kinds |= {Kind.READING}
        object.__setattr__(self, "entry_kinds", entry_kinds)

    @property
    def everything(self) -> bool:
        """Neither sites nor miners were named."""
        return not self.sites and not self.miners

    def takes(self, entry: Entry) -> bool:
        """Is the entry one of these?"""
        return entry.kind in self.entry_kinds and (
            self.everything or entry.site_id in self.sites or entry.subject in self.miners
        )

    def __str__(self) -> str:
        """The same text for the same scope, whatever the order it was asked for in."""
        return json.dumps([sorted(names) for names in (self.kinds, self.sites, self.miners)])
