import json

import pytest

from minestream_runtime.kafka import Partition, Record
from minestream_schemas.dead_letter import DeadLetterKind
from timescale_sink.adapters.decoding import decode
from timescale_sink.domain.source import Fault


def record(value: bytes | None) -> Record:
    return Record(Partition("minestream.telemetry.v1", 3), 17, b"k", value, {}, 0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\x00",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"ts": NaN}',
        b"[" * 100_000,
        b'{"miner_id": "\\ud800"}',
        json.dumps({"miner_id": "secret-\x00"}).encode(),
    ],
)
def test_what_no_schema_accepts_is_a_fault_whatever_the_bytes(value: bytes | None) -> None:
    item = decode(record(value))
    assert isinstance(item.content, Fault)
    assert item.content.kind is DeadLetterKind.SCHEMA
    assert item.source.offset == 17


def test_the_reason_names_fields_and_never_their_contents() -> None:
    item = decode(record(b'{"miner_id": "SECRET!", "ts": "SECRET!"}'))
    assert isinstance(item.content, Fault)
    assert "event_id" in item.content.reason
    assert "SECRET" not in item.content.reason
