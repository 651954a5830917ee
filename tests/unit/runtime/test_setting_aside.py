"""Records set aside: untouched, with the reason in headers, and not without end."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from pydantic import BaseModel, ValidationError

from minestream_runtime.errors import BrokerUnavailableError, DeadLetterLimitError
from minestream_runtime.kafka import Partition, Producer, Record
from minestream_runtime.kafka.setting_aside import SettingAside, what_is_wrong
from minestream_schemas.dead_letter import DeadLetterKind

AT = datetime(2026, 11, 21, tzinfo=UTC)
RECORD = Record(Partition("minestream.feature.v1", 3), 17, b"k", b"value", {"own": b"x"}, 0)


class FakeProducer:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.away = False

    async def send(self, topic: object, **what: Any) -> None:
        if self.away:
            raise BrokerUnavailableError("away")
        self.sent.append({"topic": topic, **what})


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer()


def aside(producer: FakeProducer, **more: int) -> SettingAside:
    return SettingAside(cast("Producer", producer), service="abacus-sink", **more)


async def test_a_record_goes_untouched_with_where_it_lay_and_why(producer: FakeProducer) -> None:
    await aside(producer).publish(RECORD, DeadLetterKind.SCHEMA, "no good: \udcff", at=AT)
    (sent,) = producer.sent
    assert sent["topic"].name == "minestream.dlq.abacus-sink.v1"
    assert (sent["key"], sent["value"]) == (b"k", b"value")
    assert dict(sent["headers"]) == {
        "own": b"x",
        "dlq-topic": b"minestream.feature.v1",
        "dlq-partition": b"3",
        "dlq-offset": b"17",
        "dlq-kind": b"schema",
        "dlq-reason": b"no good: ?",
        "dlq-at": b"2026-11-21T00:00:00+00:00",
    }


async def test_a_record_without_key_and_value_can_be_set_aside_too(producer: FakeProducer) -> None:
    empty = RECORD._replace(key=None, value=None)
    await aside(producer).publish(empty, DeadLetterKind.SCHEMA, "no value", at=AT)
    assert (producer.sent[0]["key"], producer.sent[0]["value"]) == (None, b"")


async def test_only_our_own_bugs_count_towards_the_limit(producer: FakeProducer) -> None:
    letters = aside(producer, bug_limit=2)
    for _ in range(5):
        await letters.publish(RECORD, DeadLetterKind.SCHEMA, "no good", at=AT)
    await letters.publish(RECORD, DeadLetterKind.BUG, "KeyError", at=AT)
    with pytest.raises(DeadLetterLimitError):
        await letters.publish(RECORD, DeadLetterKind.BUG, "KeyError", at=AT)
    assert len(producer.sent) == 7, "the last one too is set aside before the service ends"


async def test_what_was_not_acknowledged_does_not_count(producer: FakeProducer) -> None:
    letters = aside(producer, bug_limit=1)
    producer.away = True
    with pytest.raises(BrokerUnavailableError):
        await letters.publish(RECORD, DeadLetterKind.BUG, "KeyError", at=AT)


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
