"""What has been read and is not done: rows that gather, records to be set aside, offsets."""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from abacus_sink.adapters.taking import entry_of, place_of
from abacus_sink.domain.gathering import Entry, Gathering
from abacus_sink.domain.offsets import Offsets, Place
from abacus_sink.settings import AbacusSettings
from minestream_runtime.kafka import Partition, Record
from minestream_runtime.metrics import counter
from minestream_schemas.dead_letter import Fault
from minestream_schemas.feature import FEATURE, FeatureGroup

_BATCHES: Final = 5
"""So many full batches are held at the most; the rest waits on the topic."""


class Holding:
    """Shared by the half that reads and the half that sends; both live on one loop.

    Args:
        settings: how large batches are.
    """

    def __init__(self, settings: AbacusSettings) -> None:
        self._flush_s = settings.abacus_flush_s
        self._most = settings.abacus_batch_rows * _BATCHES
        self._records: dict[Place, Record] = {}
        self._log = structlog.get_logger()
        self.gathering = Gathering(
            most_rows=settings.abacus_batch_rows, most_bytes=settings.abacus_batch_bytes
        )
        self.offsets = Offsets()
        self.aside: list[tuple[Record, Fault]] = []
        self.news = asyncio.Event()
        """Set when there may be something to send."""

    @property
    def room(self) -> int:
        """How many records more may be read."""
        return max(0, self._most - len(self._records))

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``."""
        self._log.info("partitions_assigned", count=len(partitions))

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """See ``Ownership``. What another reads again, we need not send."""
        self._log.info("partitions_revoked", count=len(partitions))
        numbers = frozenset(partition.number for partition in partitions)
        self.offsets.forget(numbers)
        self.gathering.forget(numbers)
        self.aside = [one for one in self.aside if one[0].partition.number not in numbers]
        self._records = {
            place: record
            for place, record in self._records.items()
            if place.partition not in numbers
        }

    def take(self, records: Iterable[Record], now_s: float) -> None:
        """Hold what was read."""
        for record in records:
            place = place_of(record)
            self.offsets.read(place)
            self._records[place] = record
            found = entry_of(record, due_s=now_s + self._flush_s)
            if isinstance(found, Fault):
                self.aside.append((record, found))
            else:
                self.gathering.add(*found)
                self.news.set()

    def records_of(self, entries: Iterable[Entry]) -> list[Record]:
        """The records that rows came from, but for those that are not ours any more."""
        found = (self._records.get(entry.place) for entry in entries)
        return [record for record in found if record is not None]

    def put_back(self, group: FeatureGroup, entries: Iterable[Entry]) -> None:
        """They were not sent."""
        ours = [entry for entry in entries if self.offsets.holds(entry.place)]
        self.gathering.put_back(group, ours)

    def set_aside(self, entry: Entry, fault: Fault) -> None:
        """A row that nobody takes: its record is to become a dead letter."""
        record = self._records.get(entry.place)
        if record is not None:
            self.aside.append((record, fault))

    def done(self, place: Place) -> None:
        """Nothing is left to do for a record."""
        self.offsets.done(place)
        if self._records.pop(place, None) is not None:
            counter("minestream_events_processed_total").labels(FEATURE.name).inc()
