import json
from datetime import UTC, datetime

import pytest

from minestream_runtime.kafka import Partition, Record
from minestream_schemas.dead_letter import DeadLetterKind, Fault
from timescale_sink.adapters.decoding import decode


def record(value: bytes | None, at_ms: int = 0) -> Record:
    return Record(Partition("minestream.telemetry.v1", 3), 17, b"k", value, {}, at_ms)


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
    (item,) = decode([record(value)])
    assert isinstance(item.content, Fault)
    assert item.content.kind is DeadLetterKind.SCHEMA


def test_the_reason_names_fields_and_never_their_contents() -> None:
    (item,) = decode([record(b'{"miner_id": "SECRET!", "ts": "SECRET!"}')])
    assert isinstance(item.content, Fault)
    assert "event_id" in item.content.reason
    assert "SECRET" not in item.content.reason


@pytest.mark.parametrize(
    ("at_ms", "instant"),
    [
        (1_772_627_400_250, datetime(2026, 3, 4, 12, 30, 0, 250_000, tzinfo=UTC)),
        (-1, None),
        (2**63 - 1, None),
    ],
)
def test_an_item_knows_when_it_was_published_if_its_record_says_an_instant(
    at_ms: int, instant: datetime | None
) -> None:
    (item,) = decode([record(b"{}", at_ms)])
    assert item.published_at == instant
