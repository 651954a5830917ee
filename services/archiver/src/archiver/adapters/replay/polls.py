"""The polls that a lake holds, read again as the processor once read them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.dataset as ds

from archiver.adapters.errors import LakeDamagedError
from archiver.adapters.replay.catalogue import LakeFile
from minestream_schemas.raw import RAW_MINER, RawMiner

_ROWS: Final = 256
_COLUMNS: Final = ["key", "value", "kafka_at"]
_AHEAD: Final = timedelta(days=1)
"""As the processor's: what is further ahead of the clock, it refuses."""


class Refused(StrEnum):
    """Why a record becomes no reading: the processor's own reasons."""

    UNREADABLE = "no schema accepts it"
    KEY = "its key is not its miner"
    TOO_NEW = "more than a day ahead of Kafka's clock"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which polls to read.

    Args:
        since: from this instant on; None: from the first.
        until: before this instant; None: to the last.
        miners: of these alone; none named: of all.
    """

    since: datetime | None = None
    until: datetime | None = None
    miners: frozenset[str] = frozenset()

    def may_hold(self, file: LakeFile) -> bool:
        """Can a file hold such polls? Of unreadable records only their schema can tell."""
        day = datetime.combine(file.place.day, datetime.min.time(), UTC)
        if file.place.subject != RAW_MINER.subject:
            return False
        return (self.until is None or day < self.until) and (
            self.since is None or day + timedelta(days=1) > self.since
        )

    def takes(self, poll: RawMiner) -> bool:
        """Is this one of them?"""
        return (
            (self.since is None or poll.polled_at >= self.since)
            and (self.until is None or poll.polled_at < self.until)
            and (not self.miners or poll.miner_id in self.miners)
        )

    def filter(self) -> Any:
        """The same for Parquet's reader, which passes over groups by their statistics."""
        at, subject = ds.field("event_at"), ds.field("subject")
        chosen = ds.scalar(value=True)
        if self.since is not None:
            chosen &= at.is_null() | (at >= self.since)
        if self.until is not None:
            chosen &= at.is_null() | (at < self.until)
        if self.miners:
            chosen &= subject.is_null() | subject.isin(sorted(self.miners))
        return chosen


@dataclass(slots=True)
class Told:
    """What has been read so far."""

    records: int = 0
    refused: Counter[Refused] = field(default_factory=Counter)


def polls(files: Sequence[LakeFile], wanted: Wanted, told: Told) -> Iterator[list[RawMiner]]:
    """Read polls, a few hundred at a time, one row group in memory.

    Args:
        files: where from.
        wanted: which.
        told: counted up.

    Raises:
        LakeDamagedError: a file's footer is whole, and what it leads to is not.
    """
    chosen = wanted.filter()
    for file in files:
        for rows in _rows(file.path, chosen):
            told.records += len(rows)
            read = (_poll(row, told) for row in rows)
            yield [poll for poll in read if poll is not None and wanted.takes(poll)]


def _rows(path: Path, chosen: Any) -> Iterator[list[dict[str, Any]]]:
    try:
        batches = ds.dataset(path, format="parquet").to_batches(
            columns=_COLUMNS,
            filter=chosen,
            batch_size=_ROWS,
            batch_readahead=1,
            fragment_readahead=1,
            use_threads=False,
        )
        for batch in batches:
            yield batch.to_pylist()
    except (pa.ArrowException, OSError) as exc:
        raise LakeDamagedError(
            f"{path}: cannot be read ({type(exc).__name__}): put it back from a copy, or move it "
            "out of the lake; `--list` then names the offsets that are missing"
        ) from exc


def _poll(row: dict[str, Any], told: Told) -> RawMiner | None:
    try:
        poll = RawMiner.from_json(row["value"] or b"")
    except ValueError:
        told.refused[Refused.UNREADABLE] += 1
        return None
    if row["key"] != poll.miner_id.encode():
        told.refused[Refused.KEY] += 1
        return None
    if row["kafka_at"] is not None and poll.polled_at - row["kafka_at"] > _AHEAD:
        told.refused[Refused.TOO_NEW] += 1
        return None
    return poll
