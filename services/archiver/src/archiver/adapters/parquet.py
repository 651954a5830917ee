"""One Parquet file while it grows: row groups of records as they came, and its cut in the footer.

Nothing of ours is needed to read it: bytes are bytes, instants are instants, and the columns
beside the value are what the record itself and Kafka say.
"""

import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from archiver.domain.cuts import Cut
from archiver.domain.places import Envelope
from minestream_runtime.kafka import Record

CUT: Final = b"minestream.cut"
"""Under which key of its metadata a file tells its cut."""
SCHEMA: Final = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("generation", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("kafka_at", pa.timestamp("ms", tz="UTC")),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field("headers", pa.map_(pa.string(), pa.binary()), nullable=False),
        pa.field("schema_version", pa.int32(), nullable=False),
        pa.field("event_id", pa.string()),
        pa.field("event_at", pa.timestamp("us", tz="UTC")),
        pa.field("subject", pa.string()),
    ]
)
_DICTIONARIES: Final = ["topic", "subject", "key"]
_PAGE_BYTES: Final = 4 * 1024 * 1024
"""Compressed as one: polls of one fleet resemble each other, and a page sees many of them."""
_ROWS_CHECKED: Final = 16
"""A page is looked at for its size after so many rows; rows are up to 4 MiB."""


class Row(NamedTuple):
    """A record, and what it says about itself."""

    record: Record
    envelope: Envelope | None


class _Sink(io.RawIOBase):
    """A file that can be given up: what is written afterwards goes nowhere."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self.given_up = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        size = rest.nbytes
        while rest and not self.given_up:
            rest = rest[os.write(self._descriptor, rest) :]
        return size

    def sync(self) -> int:
        """Make it safe on disk: its size, bytes."""
        os.fsync(self._descriptor)
        return os.fstat(self._descriptor).st_size

    def release(self) -> None:
        """Let go of the file itself; ``close`` is the Parquet writer's, and is not its end."""
        os.close(self._descriptor)


class ParquetFile:
    """A file of records of one topic, source and day.

    Args:
        path: a temporary name.
        topic: registered name of the records' topic.
        generation: see ``Cut``.
        zstd_level: how hard to compress.

    Raises:
        OSError: it cannot be made, written or closed; then it is to be discarded.
    """

    def __init__(self, path: Path, *, topic: str, generation: int, zstd_level: int) -> None:
        self.path = path
        self._topic = topic
        self._version = int(topic.rpartition(".v")[2])
        self._generation = generation
        self._finished = False
        self._sink = _Sink(path)
        try:
            self._writer = pq.ParquetWriter(
                self._sink,
                SCHEMA,
                compression="zstd",
                compression_level=zstd_level,
                use_dictionary=_DICTIONARIES,
                data_page_size=_PAGE_BYTES,
                write_batch_size=_ROWS_CHECKED,
            )
        except OSError:
            self._sink.release()
            path.unlink(missing_ok=True)
            raise

    def write(self, rows: Sequence[Row]) -> None:
        """Add records, as a row group."""
        self._writer.write_table(_table(rows, self._topic, self._generation, self._version))

    def close(self, cut: Cut) -> int:
        """Finish it, safe on disk.

        Returns:
            its size, bytes.
        """
        self._writer.add_key_value_metadata({CUT: json.dumps(cut.to_json())})
        self._writer.close()
        size = self._sink.sync()
        self._sink.release()
        self._finished = True
        return size

    def discard(self) -> None:
        """Remove it, unless it is finished: then a manifest may already name it."""
        if self._finished:
            return
        self._sink.given_up = True
        self._writer.close()
        self._sink.release()
        self.path.unlink(missing_ok=True)


def cut_of(path: Path) -> Cut | None:
    """The cut that a file tells; None: it tells none, or is no whole file."""
    try:
        return cut_in(pq.read_metadata(path).metadata)
    except (pa.ArrowException, OSError):
        return None


def cut_in(metadata: Mapping[bytes, bytes] | None) -> Cut | None:
    """The cut that a file's metadata tell; None: they tell none."""
    try:
        return Cut.from_json(json.loads((metadata or {})[CUT]))
    except (KeyError, ValueError):
        return None


def _table(rows: Sequence[Row], topic: str, generation: int, version: int) -> pa.Table:
    count = len(rows)
    records = [row.record for row in rows]
    said = [row.envelope for row in rows]
    columns = {
        "topic": pa.repeat(pa.scalar(topic), count),
        "partition": [record.partition.number for record in records],
        "generation": pa.repeat(pa.scalar(generation, pa.int32()), count),
        "offset": [record.offset for record in records],
        "kafka_at": [record.at_ms if record.at_ms >= 0 else None for record in records],
        "key": [record.key for record in records],
        "value": [record.value for record in records],
        "headers": [list(record.headers.items()) for record in records],
        "schema_version": pa.repeat(pa.scalar(version, pa.int32()), count),
        "event_id": [None if one is None else one.event_id for one in said],
        "event_at": [None if one is None else one.at for one in said],
        "subject": [None if one is None else one.subject for one in said],
    }
    return pa.Table.from_pydict(columns, schema=SCHEMA)
