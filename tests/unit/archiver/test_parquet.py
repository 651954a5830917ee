"""A file is read by any Parquet reader, and says of a record what the record was."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.archiver.lakes import AT, PARTITION, filled, hold, record

from archiver.adapters.lake import Lake
from archiver.adapters.parquet import ParquetFile, Row, cut_of
from archiver.domain.cuts import Cut
from archiver.domain.places import Envelope

CUT = Cut("cluster", 0, 0, 10, ("a",))


def written(path: Path, rows: list[Row]) -> pa.Table:
    file = ParquetFile(path, topic=PARTITION.topic, generation=0, zstd_level=1)
    file.write(rows)
    file.close(CUT)
    return pq.read_table(path)


def test_every_column_says_what_it_should(tmp_path: Path) -> None:
    envelope = Envelope("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11", AT, "site-a-m001", "vnish")
    (row,) = written(tmp_path / "x", [Row(record(7), envelope)]).to_pylist()
    assert row == {
        "topic": "minestream.raw.miner.v1",
        "partition": 3,
        "generation": 0,
        "offset": 7,
        "kafka_at": datetime(1970, 1, 1, 0, 0, 1, 7000, tzinfo=UTC),
        "key": b"key",
        "value": b"value 7",
        "headers": [("h", b"\xff")],
        "schema_version": 1,
        "event_id": "0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11",
        "event_at": AT,
        "subject": "site-a-m001",
    }


def test_a_record_that_says_nothing_is_kept_with_nothing_but_its_place(tmp_path: Path) -> None:
    bare = record(7, key=None, value=None, headers={}, at_ms=-1)
    (row,) = written(tmp_path / "x", [Row(bare, None)]).to_pylist()
    assert {name for name, value in row.items() if value is None} == {
        "kafka_at", "key", "value", "event_id", "event_at", "subject",
    }  # fmt: skip
    assert row["headers"] == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    key=st.none() | st.binary(max_size=50),
    value=st.none() | st.binary(max_size=500),
    headers=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=9), st.binary()),
    at_ms=st.integers(-1, 2**62),
)
def test_any_bytes_come_back_as_they_were(
    tmp_path: Path, key: bytes | None, value: bytes | None, headers: dict[str, bytes], at_ms: int
) -> None:
    path = tmp_path / "x"
    path.unlink(missing_ok=True)
    table = written(
        path, [Row(record(1, key=key, value=value, headers=headers, at_ms=at_ms), None)]
    )
    assert table["key"].to_pylist() == [key]
    assert table["value"].to_pylist() == [value]
    assert dict(table["headers"].to_pylist()[0]) == headers


def test_a_file_tells_its_cut_and_a_broken_one_none(tmp_path: Path) -> None:
    path = tmp_path / "x"
    written(path, [Row(record(1), None)])
    assert cut_of(path) == CUT
    path.write_bytes(path.read_bytes()[:-9])
    assert cut_of(path) is None
    assert cut_of(tmp_path / "none") is None
    pq.write_table(pa.table({"a": [1]}), path)
    assert cut_of(path) is None


def test_a_plain_reader_passes_over_the_sources_and_days_that_it_does_not_want(
    tmp_path: Path,
) -> None:
    lake = Lake(tmp_path)
    filled(lake, hold(lake), range(12), sources=["vnish", "cgminer"], days=3).keep()
    hive = ds.dataset(tmp_path / "raw.miner", format="parquet", partitioning="hive")
    wanted = (ds.field("source") == "cgminer") & (ds.field("date") == "2026-11-22")
    assert hive.count_rows() == 12
    fragments = list(hive.get_fragments(filter=wanted))
    assert [Path(one.path).parent.name for one in fragments] == ["date=2026-11-22"]
    rows = hive.to_table(filter=wanted, columns=["offset", "source", "date"]).to_pylist()
    assert rows == [
        {"offset": 1, "source": "cgminer", "date": "2026-11-22"},
        {"offset": 7, "source": "cgminer", "date": "2026-11-22"},
    ]


def test_a_file_that_is_discarded_while_the_disk_refuses_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    file = ParquetFile(path, topic=PARTITION.topic, generation=0, zstd_level=1)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archiver.adapters.parquet.os.write", full)
    with pytest.raises(OSError, match="No space left"):
        file.write([Row(record(1), None)])
    file.discard()
    assert not path.exists()
