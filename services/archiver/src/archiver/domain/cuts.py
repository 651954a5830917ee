"""How the archive of a partition grows: by cuts, each of them whole or not there.

A cut holds every record of a partition from one offset to before another, in one file for each
place (source and day) that they belong to. The manifest tells the newest cut; each file tells its
own cut too, so that a lost manifest is found again from the files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Cut:
    """One step of a partition's archive.

    Args:
        cluster: the name of the Kafka cluster whose offsets these are.
        generation: how often the topic has begun anew, each time with offsets from 0.
        first: the offset from which on it holds the partition's records.
        upto: the offset of the next record after it.
        files: paths within the lake.
    """

    cluster: str
    generation: int
    first: int
    upto: int
    files: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As it stands in each of its files."""
        return {
            "version": _VERSION,
            "cluster": self.cluster,
            "generation": self.generation,
            "first": self.first,
            "upto": self.upto,
            "files": list(self.files),
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read what a file says.

        Raises:
            ValueError: it says something else.
        """
        try:
            return cls(
                cluster=str(told["cluster"]),
                generation=int(told["generation"]),
                first=int(told["first"]),
                upto=int(told["upto"]),
                files=tuple(map(str, told["files"])),
            )
        except (KeyError, TypeError) as exc:
            raise ValueError(f"not a cut: {exc}") from exc


@dataclass(frozen=True, slots=True)
class Manifest:
    """Up to where a partition is archived, and the newest cut.

    Args:
        cut: the newest; one without files where there is none yet, or none after a jump.
        waiting: which of its files may still stand under a temporary name: by path, the name.
    """

    cut: Cut
    waiting: Mapping[str, str]

    @property
    def mark(self) -> tuple[str, int, int]:
        """What must not have changed while a cut was made: cluster, generation, next offset."""
        return self.cut.cluster, self.cut.generation, self.cut.upto

    def to_json(self) -> dict[str, Any]:
        """As it stands in its file."""
        return {**self.cut.to_json(), "waiting": dict(self.waiting)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Read a manifest's file.

        Raises:
            ValueError: it says something else.
        """
        cut = Cut.from_json(told)
        try:
            waiting = told["waiting"].items()
        except (KeyError, AttributeError) as exc:
            raise ValueError(f"not a manifest: {exc}") from exc
        return cls(cut, {str(path): str(name) for path, name in waiting})


class Jump(StrEnum):
    """Why a partition's archive does not go on where it ended."""

    ANOTHER_CLUSTER = "another_cluster"
    """Kafka was made anew: its offsets are others."""
    SHORTER = "topic_is_shorter_than_our_offset"
    """The topic was made anew."""
    EXPIRED = "records_expired_unread"
    """We were away for longer than the topic keeps records."""


def continued(
    manifest: Manifest | None, *, cluster: str, beginning: int, end: int
) -> tuple[Manifest, Jump | None]:
    """From where on a partition is to be archived.

    Args:
        manifest: of the partition; None: nothing of it is archived.
        cluster: the Kafka cluster that we read.
        beginning: the offset of the first record that the partition still has.
        end: the offset after its last.

    Returns:
        the manifest to go on with (its ``upto`` is the next offset), and why it is another one.
    """
    if manifest is None:
        return Manifest(Cut(cluster, 0, beginning, beginning), {}), None
    cut = manifest.cut
    if cut.cluster != cluster:
        jump = Jump.ANOTHER_CLUSTER
    elif cut.upto > end:
        jump = Jump.SHORTER
    elif cut.upto < beginning:
        return Manifest(Cut(cluster, cut.generation, beginning, beginning), {}), Jump.EXPIRED
    else:
        return manifest, None
    return Manifest(Cut(cluster, cut.generation + 1, beginning, beginning), {}), jump


@dataclass(frozen=True, slots=True)
class Recovery:
    """What files tell about a partition whose manifest is lost.

    Args:
        manifest: the newest whole cut; None: there is none.
        leftovers: files of cuts that were never whole and come after it: their records are read
            again, so they must go.
    """

    manifest: Manifest | None
    leftovers: tuple[str, ...] = ()


def recovered(kept: Mapping[str, Cut], *, beginning: int) -> Recovery:
    """Find a lost manifest again.

    A cut is whole when each of its files is there; the newest whole cut counts. Files of later cuts
    are leftovers, unless Kafka has lost their records: then they are all there is, and count as if
    whole.

    Args:
        kept: by path, the cut that each file of the partition says it is part of.
        beginning: the offset of the first record that Kafka still has.
    """
    usable = [
        cut for cut in set(kept.values()) if kept.keys() >= set(cut.files) or cut.first < beginning
    ]
    newest = max(usable, key=lambda cut: (cut.generation, cut.upto), default=None)
    if newest is None:
        return Recovery(None, tuple(sorted(kept)))
    reached = (newest.generation, newest.upto)
    leftovers = (path for path, cut in kept.items() if (cut.generation, cut.first) >= reached)
    return Recovery(Manifest(newest, {}), tuple(sorted(leftovers)))


@dataclass(frozen=True, slots=True)
class Hole:
    """Offsets of a partition that the lake should hold and does not."""

    generation: int
    first: int
    upto: int


def holes(cuts: Sequence[tuple[str, Cut]]) -> Iterator[Hole]:
    """What a partition's files lack: cuts of which a file is gone, and offsets between cuts.

    Args:
        cuts: each file's path, and the cut that it says it is part of.
    """
    there = {path for path, _ in cuts}
    whole = sorted({cut for _, cut in cuts}, key=lambda cut: (cut.generation, cut.first))
    reached: dict[int, int] = {}
    for cut in whole:
        upto = reached.get(cut.generation, cut.first)
        if cut.first > upto:
            yield Hole(cut.generation, upto, cut.first)
        if not there.issuperset(cut.files):
            yield Hole(cut.generation, cut.first, cut.upto)
        reached[cut.generation] = max(upto, cut.upto)
