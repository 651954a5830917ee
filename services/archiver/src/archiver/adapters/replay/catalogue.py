"""What a lake holds: its files, by topic, source and day, and the offsets that it lacks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.adapters.parquet import cut_in
from archiver.domain.cuts import Cut, Hole, holes
from archiver.domain.places import Name, Place
from minestream_runtime.errors import ConfigurationError

_SOURCE: Final = "source="
_DATE: Final = "date="


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One file of a lake, by its footer.

    Args:
        path: where it is.
        place: topic's subject, source and day.
        name: what its name tells.
        rows: records in it.
        file_bytes: on disk.
        record_bytes: before compression.
        cut: of which it is part; None: it does not say.
    """

    path: Path
    place: Place
    name: Name
    rows: int
    file_bytes: int
    record_bytes: int
    cut: Cut | None


@dataclass(slots=True)
class Holding:
    """All files of one place."""

    place: Place
    files: int = 0
    rows: int = 0
    file_bytes: int = 0
    record_bytes: int = 0
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By partition, the first and the last."""

    def add(self, file: LakeFile) -> None:
        """Count a file in."""
        self.files += 1
        self.rows += file.rows
        self.file_bytes += file.file_bytes
        self.record_bytes += file.record_bytes
        first, last = self.offsets.get(file.name.partition, (file.name.first, file.name.last))
        self.offsets[file.name.partition] = (min(first, file.name.first), max(last, file.name.last))


@dataclass(frozen=True, slots=True)
class Lack:
    """Offsets that should be in the lake and are not."""

    topic: str
    partition: int
    hole: Hole


def look(folder: Path, subject: str | None = None) -> tuple[list[LakeFile], list[Path]]:
    """Read the footers of a lake's files.

    Args:
        folder: the lake.
        subject: of one topic alone.

    Returns:
        the files in the order of topic, day and offset; and those that are no whole Parquet files.

    Raises:
        ConfigurationError: there is no lake.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no lake at {folder}: where is the archiver's? MINESTREAM_LAKE_FOLDER or --lake tells"
        )
    found: list[LakeFile] = []
    unreadable: list[Path] = []
    for path in sorted(folder.glob(f"{subject or '*'}/{_SOURCE}*/{_DATE}*/*.parquet")):
        name, place = Name.read(path.name), _place_of(path)
        if name is None or place is None:
            continue
        try:
            footer = pq.read_metadata(path)
        except (pa.ArrowException, OSError):
            unreadable.append(path)
            continue
        groups = (footer.row_group(number) for number in range(footer.num_row_groups))
        size = sum(group.total_byte_size for group in groups)
        cut = cut_in(footer.metadata)
        found.append(LakeFile(path, place, name, footer.num_rows, path.stat().st_size, size, cut))
    found.sort(key=lambda file: (file.place.subject, file.place.day, file.name))
    return found, unreadable


def holdings(files: Iterable[LakeFile]) -> list[Holding]:
    """What there is of each topic, source and day."""
    found: dict[Place, Holding] = {}
    for file in files:
        found.setdefault(file.place, Holding(file.place)).add(file)
    return [found[place] for place in sorted(found)]


def lacks(files: Sequence[LakeFile], folder: Path) -> Iterator[Lack]:
    """The offsets that the files say should be there, and are not."""
    parts: dict[tuple[str, int], list[tuple[str, Cut]]] = {}
    for file in files:
        if file.cut is not None:
            path = str(file.path.relative_to(folder))
            parts.setdefault(file.name[:2], []).append((path, file.cut))
    for (topic, partition), cuts in sorted(parts.items()):
        for hole in holes(cuts):
            yield Lack(topic, partition, hole)


def described(holding: Holding) -> dict[str, Any]:
    """A holding as JSON."""
    return {
        "topic": holding.place.subject,
        "source": holding.place.source,
        "date": holding.place.day.isoformat(),
        "files": holding.files,
        "rows": holding.rows,
        "bytes": holding.file_bytes,
        "uncompressed_bytes": holding.record_bytes,
        "offsets": {
            str(partition): list(span) for partition, span in sorted(holding.offsets.items())
        },
    }


def _place_of(path: Path) -> Place | None:
    subject, source, day = path.parts[-4:-1]
    try:
        return Place(subject, source.removeprefix(_SOURCE), date.fromisoformat(day[len(_DATE) :]))
    except ValueError:
        return None
