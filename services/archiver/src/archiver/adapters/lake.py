"""The lake's folder: each partition's manifest and lock, and cuts that are whole or not there.

The files of a cut are first written under temporary names, then named in the manifest, whose
renaming is the one moment at which the cut becomes part of the archive; then they are moved to
their places. Killed before that moment, nothing has happened; after it, the moves are made good by
whoever holds the partition next.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from archiver.adapters.errors import PartitionBusyError, lake_errors
from archiver.adapters.parquet import ParquetFile, cut_of
from archiver.domain.cuts import Manifest, continued, recovered
from archiver.domain.places import Name, Place
from minestream_runtime.errors import PartitionLostError
from minestream_runtime.kafka import Partition
from minestream_schemas.topics import BY_NAME

PARTITIONS: Final = "_partitions"
"""The folder of manifests; readers of hives pass over names that begin so."""
_MANIFEST: Final = "manifest.json"
_LOCK: Final = "lock"


class Stage(StrEnum):
    """What a cut has just passed; where tests cut the power."""

    WRITTEN = "written"
    """Its files are on disk under temporary names."""
    DECIDED = "decided"
    """The manifest names it."""
    MOVING = "moving"
    """One of its files has its name."""
    KEPT = "kept"
    """All have."""
    TOLD = "told"
    """Kafka knows of it."""


Passing = Callable[[Stage], None]


class Grown(NamedTuple):
    """A file of a cut, its records written.

    Args:
        place: where it belongs.
        file: not yet closed.
        first: its first record's offset.
        last: its last record's offset.
    """

    place: Place
    file: ParquetFile
    first: int
    last: int


class Lake:
    """The folder, as the write path sees it. Blocks: call it from a thread.

    Args:
        folder: made when it is not there.
        passing: told of each stage that a cut passes.
    """

    def __init__(self, folder: Path, *, passing: Passing = lambda _: None) -> None:
        self._folder = folder
        self._passing = passing
        self._log = structlog.get_logger()

    def hold(self, partition: Partition, *, cluster: str, beginning: int, end: int) -> Manifest:
        """Take a partition up: make good what was left half done, and find where it goes on.

        Args:
            partition: of which topic, and its number.
            cluster: the Kafka cluster that we read.
            beginning: the offset of the first record that it still has.
            end: the offset after its last.

        Returns:
            its manifest; the cut's ``upto`` is the offset of the next record to archive.

        Raises:
            LakeUnavailableError: the folder cannot be written.
            PartitionBusyError: another archiver is at the partition.
        """
        with lake_errors(), self._locked(partition):
            written = self._read(partition)
            known = written or self._recovered(partition, beginning)
            if known is not None:
                self._finish(partition, known)
            self._remove_temporary(partition)
            manifest, jump = continued(known, cluster=cluster, beginning=beginning, end=end)
            if jump is not None and known is not None:
                self._log.error(
                    jump.value,
                    topic=partition.topic,
                    partition=partition.number,
                    archived_upto=known.cut.upto,
                    beginning=beginning,
                    end=end,
                )
            if manifest != written:
                self._write(partition, manifest)
            return manifest

    def temporary(self, partition: Partition) -> Path:
        """A name for a file that is not finished.

        Raises:
            LakeUnavailableError: its folder cannot be made.
        """
        with lake_errors():
            return self._own(partition) / f"{secrets.token_hex(8)}.parquet"

    def keep(
        self, partition: Partition, held: Manifest, grown: Sequence[Grown], *, upto: int
    ) -> tuple[Manifest, int]:
        """Make files part of the archive, all of them or none.

        Args:
            partition: whose records they hold.
            held: its manifest when the cut began.
            grown: the files; closed here.
            upto: the offset of the next record after them.

        Returns:
            the partition's manifest now, and the files' bytes.

        Raises:
            LakeUnavailableError: the disk is full or away: hold the partition again.
            PartitionBusyError: another archiver is at it just now.
            PartitionLostError: another archiver holds it; none of the files is kept.
        """
        waiting = {self._path_of(partition, held, each): each.file.path.name for each in grown}
        cut = replace(held.cut, first=held.cut.upto, upto=upto, files=tuple(waiting))
        with lake_errors():
            size = sum(each.file.close(cut) for each in grown)
            with self._locked(partition):
                known = self._read(partition)
                if known is None or known.mark != held.mark:
                    raise PartitionLostError(f"{partition.topic} {partition.number}")
                if not all(each.file.path.exists() for each in grown):
                    raise PartitionLostError(f"{partition.topic} {partition.number}: taken up")
                for path in waiting:
                    _make_folder((self._folder / path).parent)
                _sync_folder(self._own(partition))
                self._passing(Stage.WRITTEN)
                manifest = Manifest(cut, waiting)
                self._write(partition, manifest)
                self._passing(Stage.DECIDED)
                self._finish(partition, manifest)
        self._passing(Stage.KEPT)
        return manifest, size

    def _path_of(self, partition: Partition, held: Manifest, grown: Grown) -> str:
        name = Name(partition.topic, partition.number, held.cut.generation, grown.first, grown.last)
        return str(grown.place.folder / name.text)

    def _own(self, partition: Partition) -> Path:
        folder = self._folder / PARTITIONS / f"{partition.topic}-p{partition.number}"
        _make_folder(folder)
        return folder

    @contextmanager
    def _locked(self, partition: Partition) -> Iterator[None]:
        """Alone with a partition, among all processes."""
        path = self._own(partition) / _LOCK
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as exc:
                raise PartitionBusyError(f"{partition.topic} {partition.number}") from exc
            yield
        finally:
            os.close(descriptor)

    def _read(self, partition: Partition) -> Manifest | None:
        path = self._own(partition) / _MANIFEST
        try:
            return Manifest.from_json(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except ValueError as exc:
            self._log.error("manifest_unreadable", path=str(path), reason=str(exc))
            return None

    def _write(self, partition: Partition, manifest: Manifest) -> None:
        folder = self._own(partition)
        draft = folder / f"{_MANIFEST}.new"
        with draft.open("wb") as file:
            file.write(json.dumps(manifest.to_json()).encode())
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder / _MANIFEST)
        _sync_folder(folder)

    def _finish(self, partition: Partition, manifest: Manifest) -> None:
        """Move the newest cut's files to their places, those that are not there yet."""
        touched = set()
        own = self._own(partition)
        for path, name in manifest.waiting.items():
            source, target = own / name, self._folder / path
            if source.exists():
                _make_folder(target.parent)
                source.rename(target)
                touched.add(target.parent)
                self._passing(Stage.MOVING)
            elif not target.exists():
                self._log.error("archived_file_is_gone", path=path)
        for folder in touched:
            _sync_folder(folder)

    def _remove_temporary(self, partition: Partition) -> None:
        """What is left was begun by a process that has lost the partition, or its life."""
        for path in self._own(partition).glob("*.parquet"):
            path.unlink(missing_ok=True)

    def _recovered(self, partition: Partition, beginning: int) -> Manifest | None:
        kept = {
            str(path.relative_to(self._folder)): cut
            for path in self._files(partition)
            if (cut := cut_of(path)) is not None
        }
        if not kept:
            return None
        found = recovered(kept, beginning=beginning)
        self._log.warning(
            "manifest_recovered",
            topic=partition.topic,
            partition=partition.number,
            upto=None if found.manifest is None else found.manifest.cut.upto,
            leftovers=len(found.leftovers),
        )
        for path in found.leftovers:
            (self._folder / path).unlink()
        return found.manifest

    def _files(self, partition: Partition) -> Iterator[Path]:
        subject = BY_NAME[partition.topic].subject
        for path in self._folder.glob(f"{subject}/source=*/date=*/*.parquet"):
            name = Name.read(path.name)
            if name is not None and name[:2] == (partition.topic, partition.number):
                yield path


def _make_folder(folder: Path) -> None:
    """Make a folder with those above it, each safe on disk."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        _sync_folder(each.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
