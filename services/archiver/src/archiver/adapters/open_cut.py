"""The records of one partition since its last cut: in memory, and in files that still grow."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from opentelemetry.trace import SpanContext

from archiver.adapters.errors import lake_errors
from archiver.adapters.lake import Grown, Lake
from archiver.adapters.parquet import ParquetFile, Row
from archiver.domain.cuts import Manifest
from archiver.domain.places import Place
from archiver.domain.rolling import Fill
from minestream_runtime.kafka import Partition, Record
from minestream_runtime.traces import Attributes

_TRACED_MOST = 500
"""Sampled records of one cut that get a span of their own; a demo samples all."""


@dataclass(slots=True)
class Growing:
    """A file's records: those that are written, and those that wait in memory."""

    place: Place
    first: int
    last: int
    rows: list[Row] = field(default_factory=list)
    waiting_bytes: int = 0
    total_bytes: int = 0
    count: int = 0
    file: ParquetFile | None = None

    def add(self, row: Row) -> int:
        """Take a record: its bytes."""
        record = row.record
        size = len(record.value or b"") + len(record.key or b"")
        self.rows.append(row)
        self.last = record.offset
        self.count += 1
        self.waiting_bytes += size
        self.total_bytes += size
        return size


class OpenCut:
    """What of a partition is read and not yet archived.

    Args:
        lake: where to.
        partition: whose records.
        held: the partition's manifest.
        zstd_level: how hard to compress.
    """

    def __init__(
        self, lake: Lake, partition: Partition, held: Manifest, *, zstd_level: int
    ) -> None:
        self.partition = partition
        self.held = held
        self.next = held.cut.upto
        self.since_s: float | None = None
        self.traced: list[tuple[SpanContext, Attributes]] = []
        self.total_bytes = 0
        self._lake = lake
        self._level = zstd_level
        self._growing: dict[Place, Growing] = {}

    def add(self, place: Place, row: Row, *, now_s: float) -> None:
        """Take the partition's next record.

        Args:
            place: where it belongs.
            row: the record.
            now_s: monotonic.
        """
        record: Record = row.record
        if self.since_s is None:
            self.since_s = now_s
        growing = self._growing.get(place)
        if growing is None:
            growing = self._growing[place] = Growing(place, record.offset, record.offset)
        self.total_bytes += growing.add(row)
        self.next = record.offset + 1

    def trace(self, parent: SpanContext, about: Attributes) -> None:
        """Remember a record whose trace is sampled."""
        if len(self.traced) < _TRACED_MOST:
            self.traced.append((parent, about))

    @property
    def count(self) -> int:
        """How many records."""
        return sum(growing.count for growing in self._growing.values())

    @property
    def places(self) -> tuple[Place, ...]:
        """Of which files."""
        return tuple(self._growing)

    def waiting(self) -> dict[tuple[Partition, Place], int]:
        """Bytes in memory, by file."""
        return {
            (self.partition, place): growing.waiting_bytes
            for place, growing in self._growing.items()
        }

    def fill(self, now_s: float) -> Fill:
        """How much it holds."""
        growing = self._growing.values()
        return Fill(
            most_bytes=max((each.total_bytes for each in growing), default=0),
            most_rows=max((each.count for each in growing), default=0),
            files=len(growing),
            age_s=0.0 if self.since_s is None else now_s - self.since_s,
        )

    def write(self, places: Iterable[Place]) -> None:
        """Put what waits for these files on disk. Blocks.

        Raises:
            LakeUnavailableError: the disk is full or away: the cut is to be discarded.
        """
        with lake_errors():
            for place in places:
                growing = self._growing[place]
                if growing.file is None:
                    growing.file = ParquetFile(
                        self._lake.temporary(self.partition),
                        topic=self.partition.topic,
                        generation=self.held.cut.generation,
                        zstd_level=self._level,
                    )
                if growing.rows:
                    growing.file.write(growing.rows)
                    growing.rows = []
                    growing.waiting_bytes = 0

    def keep(self) -> tuple[Manifest, int]:
        """Make it part of the archive. Blocks.

        Returns:
            the partition's manifest now, and the files' bytes.

        Raises:
            LakeUnavailableError: see ``Lake.keep``.
            PartitionBusyError: see ``Lake.keep``.
            PartitionLostError: see ``Lake.keep``.
        """
        self.write(self._growing)
        grown = [
            Grown(each.place, each.file, each.first, each.last)
            for each in self._growing.values()
            if each.file is not None
        ]
        return self._lake.keep(self.partition, self.held, grown, upto=self.next)

    def discard(self) -> None:
        """Forget it all; its records are read again."""
        for growing in self._growing.values():
            if growing.file is not None:
                growing.file.discard()
        self._growing = {}
