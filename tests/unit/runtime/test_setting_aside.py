"""Records set aside: untouched, with the reason in headers, and not without end."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from pydantic import BaseModel, ValidationError

from minestream_runtime import traces
from minestream_runtime.errors import (
    BrokerUnavailableError,
    DeadLetterLimitError,
    RecordTooLargeError,
)
from minestream_runtime.kafka import Partition, Producer, Record
from minestream_runtime.kafka.setting_aside import (
    Refused,
    SettingAside,
    show_refused,
    what_is_wrong,
)
from minestream_runtime.settings import Settings
from minestream_schemas.dead_letter import DeadLetterKind, Fault

AT = datetime(2026, 11, 21, tzinfo=UTC)
RECORD = Record(Partition("minestream.feature.v1", 3), 17, b"k", b"value", {"own": b"x"}, 0)


class FakeProducer:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.away = False
        self.most_bytes = 10_000

    async def send(self, topic: object, **what: Any) -> None:
        if self.away:
            raise BrokerUnavailableError("away")
        if len(what["value"] or b"") > self.most_bytes:
            raise RecordTooLargeError("too large")
        self.sent.append({"topic": topic, **what})


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer()


def aside(producer: FakeProducer, **more: int) -> SettingAside:
    return SettingAside(cast("Producer", producer), service="abacus-sink", **more)


def refused(kind: DeadLetterKind, reason: str = "no good", record: Record = RECORD) -> Refused:
    return [(record, Fault(kind, reason))]


async def test_a_record_goes_untouched_with_where_it_lay_and_why(producer: FakeProducer) -> None:
    await aside(producer).publish(refused(DeadLetterKind.SCHEMA, "no good: \udcff"), at=AT)
    (sent,) = producer.sent
    assert sent["topic"].name == "minestream.dlq.abacus-sink.v1"
    assert (sent["key"], sent["value"]) == (b"k", b"value")
    assert dict(sent["headers"]) == {
        "own": b"x",
        "dlq-topic": b"minestream.feature.v1",
        "dlq-partition": b"3",
        "dlq-offset": b"17",
        "dlq-kind": b"schema",
        "dlq-reason": b"no good: \\udcff",
        "dlq-at": b"2026-11-21T00:00:00+00:00",
    }


async def test_a_reason_without_end_is_cut(producer: FakeProducer) -> None:
    await aside(producer).publish(refused(DeadLetterKind.STORE, "x" * 10_000), at=AT)
    assert dict(producer.sent[0]["headers"])["dlq-reason"] == b"x" * 1000


async def test_a_record_without_key_and_value_can_be_set_aside_too(producer: FakeProducer) -> None:
    empty = RECORD._replace(key=None, value=None)
    await aside(producer).publish(refused(DeadLetterKind.SCHEMA, "no value", empty), at=AT)
    assert (producer.sent[0]["key"], producer.sent[0]["value"]) == (None, b"")


async def test_a_record_too_large_for_a_letter_holds_up_no_other(producer: FakeProducer) -> None:
    producer.most_bytes = 10
    large = RECORD._replace(value=b"x" * 11)
    both = refused(DeadLetterKind.SCHEMA, record=large) + refused(DeadLetterKind.SCHEMA)
    with structlog.testing.capture_logs() as said:
        await aside(producer).publish(both, at=AT)
    assert [sent["value"] for sent in producer.sent] == [b"value"]
    assert [line["event"] for line in said] == ["dead_letter_too_large"]


def test_only_our_own_bugs_count_towards_the_limit(producer: FakeProducer) -> None:
    letters = aside(producer, bug_limit=2)
    for kind in set(DeadLetterKind) - {DeadLetterKind.BUG}:
        letters.count(refused(kind) * 5)
    letters.count(refused(DeadLetterKind.BUG))
    with pytest.raises(DeadLetterLimitError):
        letters.count(refused(DeadLetterKind.BUG))


async def test_more_than_go_at_once_all_arrive(producer: FakeProducer) -> None:
    await aside(producer).publish(refused(DeadLetterKind.SCHEMA) * 1201, at=AT)
    assert len(producer.sent) == 1201


async def test_what_is_not_acknowledged_is_told(producer: FakeProducer) -> None:
    producer.away = True
    with pytest.raises(BrokerUnavailableError):
        await aside(producer).publish(refused(DeadLetterKind.BUG), at=AT)


def test_a_record_set_aside_has_a_span_though_its_trace_is_not_sampled(tmp_path: Path) -> None:
    trace_id = "0af7651916cd43dd8448eb211c80319c"
    headers = {traces.TRACEPARENT: f"00-{trace_id}-b7ad6b7169203331-00".encode()}
    with traces.configured("svc", Settings(trace_folder=tmp_path, trace_ratio=0)):
        known = refused(DeadLetterKind.STORE, "no good", RECORD._replace(headers=headers))
        show_refused(known, verb="send")
    (span,) = map(json.loads, (tmp_path / "svc-0.jsonl").read_text().splitlines())
    assert (span["name"], span["trace_id"]) == ("send minestream.feature.v1", trace_id)
    assert span["error"]
    assert span["attributes"].items() >= RECORD.place.items()


def test_what_no_schema_accepts_is_told_without_what_it_was() -> None:
    class Wanted(BaseModel):
        a: int
        b: int
        c: int
        d: int

    with pytest.raises(ValidationError) as wrong:
        Wanted.model_validate_json('{"a": "secret"}')
    said = what_is_wrong(wrong.value)
    assert said.startswith("a: Input should be a valid integer")
    assert said.endswith("; and 1 more")
    assert "secret" not in said
