"""A lake in a test's folder, and cuts of made-up records."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.dataset as ds

from archiver.adapters.lake import Lake
from archiver.adapters.open_cut import OpenCut
from archiver.adapters.parquet import Row
from archiver.domain.cuts import Manifest
from archiver.domain.places import Envelope, place_of
from minestream_runtime.kafka import Partition, Record
from minestream_schemas.raw import RAW_MINER

PARTITION = Partition(RAW_MINER.name, 3)
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def record(offset: int, partition: Partition = PARTITION, **more: object) -> Record:
    """A record; no schema accepts it, and the lake does not mind."""
    plain = Record(partition, offset, b"key", b"value %d" % offset, {"h": b"\xff"}, 1000 + offset)
    return plain._replace(**more)  # type: ignore[arg-type]


def opened(lake: Lake, held: Manifest, partition: Partition = PARTITION) -> OpenCut:
    """The next cut of a partition."""
    return OpenCut(lake, partition, held, zstd_level=1)


def filled(
    lake: Lake,
    held: Manifest,
    offsets: Sequence[int],
    *,
    sources: Sequence[str] = ("vnish",),
    days: int = 1,
) -> OpenCut:
    """A cut with records of these sources and so many days, in turns."""
    cut = opened(lake, held)
    for number, offset in enumerate(offsets):
        at = AT.replace(day=21 + number % days)
        source = sources[number % len(sources)]
        envelope = Envelope(f"id-{offset}", at, f"m-{offset % 5}", source)
        place = place_of(RAW_MINER.subject, envelope, None)
        cut.add(place, Row(record(offset), envelope), now_s=float(number))
    return cut


def hold(lake: Lake, *, beginning: int = 0, end: int = 10_000, cluster: str = "c") -> Manifest:
    """Take the partition up."""
    return lake.hold(PARTITION, cluster=cluster, beginning=beginning, end=end)


def unfinished(folder: Path) -> list[Path]:
    """Files that stand under temporary names."""
    return sorted(folder.glob("_partitions/*/*.parquet"))


def offsets(folder: Path) -> list[int]:
    """All offsets that a Parquet reader finds, in order."""
    where = folder / RAW_MINER.subject
    if not where.exists():
        return []
    table = ds.dataset(where, format="parquet", partitioning="hive").to_table(columns=["offset"])
    return sorted(table["offset"].to_pylist())
