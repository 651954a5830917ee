"""When a partition's open files are closed, and which of them go to disk while memory is short."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decide (see ``ArchiverSettings``).

    Args:
        file_bytes: of records as they came: more make no file larger.
        file_rows: likewise.
        file_age_s: no record waits longer for its file.
        open_files: of one partition; records of ever other sources and days make no more.
        memory_bytes: of all records that are on no disk yet.
        group_bytes: of the records of one file that are written together, at least.
    """

    file_bytes: int
    file_rows: int
    file_age_s: float
    open_files: int
    memory_bytes: int
    group_bytes: int


@dataclass(frozen=True, slots=True)
class Fill:
    """How much a partition's open files hold.

    Args:
        most_bytes: of the largest.
        most_rows: of the longest.
        files: how many.
        age_s: since its oldest record was read.
    """

    most_bytes: int
    most_rows: int
    files: int
    age_s: float


def full(fill: Fill, limits: Limits) -> bool:
    """Is it time to close a partition's files?"""
    return fill.files > 0 and (
        fill.most_bytes >= limits.file_bytes
        or fill.most_rows >= limits.file_rows
        or fill.files > limits.open_files
        or fill.age_s >= limits.file_age_s
    )


def to_write(buffered: Mapping[K, int], limits: Limits) -> list[K]:
    """Which buffers are to be written out now.

    Those that hold enough for a group; and while all together hold more than the limit, the
    largest ones, until half of it is free.

    Args:
        buffered: bytes in memory, by file.
        limits: the settings that decide.
    """
    total = sum(buffered.values())
    short = total > limits.memory_bytes
    chosen = []
    for key, size in sorted(buffered.items(), key=lambda item: -item[1]):
        if size >= limits.group_bytes or (short and size and total > limits.memory_bytes // 2):
            chosen.append(key)
            total -= size
    return chosen
