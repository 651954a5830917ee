import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from api_gateway.adapters.stream.hub import Hub, RewoundError
from api_gateway.adapters.stream.records import LEFT_OUT, TOPICS, entry_of
from api_gateway.domain.stream.feed import Feed
from api_gateway.domain.stream.subscription import Bounds
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import PayloadInvalidError
from minestream_runtime.kafka import Partition, Record
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY, MinerTelemetry

SCHEMAS = Path(__file__).parents[3] / "libs" / "schemas"


def record(topic: Topic, value: bytes | None, offset: int = 7) -> Record:
    return Record(Partition(topic.name, 3), offset, b"key", value, {}, 0)


def example(topic: Topic) -> bytes:
    return (SCHEMAS / topic.examples_folder / "0001.json").read_bytes()


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.subject)
def test_every_topic_s_example_becomes_an_entry_that_keeps_it_verbatim(topic: Topic) -> None:
    entry = entry_of(record(topic, example(topic)))
    assert entry.body == example(topic)
    assert (entry.place, entry.offset) == ((topic.name, 3), 7)
    said = json.loads(entry.body)
    assert entry.subject == said.get("miner_id", said.get("subject"))
    assert entry.site_id == said.get("site_id")
    assert entry.at.tzinfo is not None


def test_the_row_of_a_status_has_the_reading_s_own_values_but_for_what_is_left_out() -> None:
    whole = json.loads(example(TELEMETRY))
    row = json.loads(entry_of(record(TELEMETRY, example(TELEMETRY))).row)
    assert row == {key: value for key, value in whole.items() if key not in LEFT_OUT}
    assert set(MinerTelemetry.model_fields) > LEFT_OUT


def test_a_gap_is_open_until_it_has_an_end() -> None:
    said = json.loads(example(GAP)) | {"ended_at": None}
    assert not entry_of(record(GAP, json.dumps(said).encode())).ended
    closed = said | {"ended_at": "2026-01-31T12:00:00Z"}
    entry = entry_of(record(GAP, json.dumps(closed).encode()))
    assert entry.ended
    assert entry.told_of == said["gap_id"]


def broken() -> Iterable[bytes | None]:
    whole: dict[str, Any] = json.loads(example(TELEMETRY))
    yield from (None, b"", b"{", b"[]", b'{"ts":1}', b"\xff" + example(TELEMETRY))
    yield json.dumps(whole | {"ts": "2026-01-31T12:00:00"}).encode()
    yield json.dumps({key: value for key, value in whole.items() if key != "site_id"}).encode()
    yield json.dumps(whole).encode().replace(b'"mining"', b'"\xff\xfe"')


@pytest.mark.parametrize("value", list(broken()))
def test_what_would_spoil_the_messages_of_all_is_no_entry(value: bytes | None) -> None:
    with pytest.raises(PayloadInvalidError, match=TELEMETRY.name):
        entry_of(record(TELEMETRY, value))


def test_a_record_that_is_no_event_is_passed_over_and_one_that_comes_again_ends_the_life() -> None:
    hub = Hub(GatewaySettings(), SystemClock())
    feed = Feed("cluster", Bounds())
    place = (TELEMETRY.name, 3)
    feed.begin({place: 7})
    hub.take(feed, [record(TELEMETRY, b"{", 7), record(TELEMETRY, example(TELEMETRY), 8)])
    assert feed.offsets[place] == 9
    assert feed.miners == 1
    assert feed.data_at is not None
    with pytest.raises(RewoundError, match="gives offset 0 again"):
        hub.take(feed, [record(TELEMETRY, example(TELEMETRY), 0)])
