"""Of each record no more is read than where it belongs, and nothing makes that fail."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.test_topics import examples

from archiver.adapters.archiver import ARCHIVED
from archiver.adapters.envelopes import reader_of
from archiver.domain.places import FIELDS
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER

SOUND = {
    "event_id": "0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11",
    "miner_id": "site-a-m001",
    "dialect": "vnish",
    "polled_at": "2026-11-21T12:00:00.123456Z",
}


def value(**changes: object) -> bytes:
    return json.dumps(SOUND | changes).encode()


@pytest.mark.parametrize("topic", ARCHIVED, ids=lambda topic: topic.name)
def test_every_golden_example_of_an_archived_topic_tells_its_envelope(topic: Topic) -> None:
    read = reader_of(topic)
    fields = FIELDS[topic.event]
    for path in examples(topic):
        event = topic.event.from_json(path.read_bytes())
        envelope = read(event.to_json())
        assert envelope is not None
        assert envelope.event_id == str(event.event_id)  # type: ignore[attr-defined]
        assert envelope.at == getattr(event, fields.at)
        assert envelope.subject == getattr(event, topic.key)
        assert envelope.source == getattr(event, fields.source)


def test_what_no_schema_accepts_may_still_tell_where_it_belongs() -> None:
    envelope = reader_of(RAW_MINER)(value(status="no such status", endpoints=3))
    assert envelope is not None
    assert (envelope.subject, envelope.source) == ("site-a-m001", "vnish")


@pytest.mark.parametrize(
    "broken",
    [
        None,
        b"",
        b"\xff\xfe",
        b"null",
        b"[" * 100_000,
        b'{"x":' * 100_000,
        value(polled_at="2026-11-21T12:00:00"),
        value(polled_at="0001-01-01T00:00:00+14:00"),
        value(polled_at=1_700_000_000),
        value(event_id="none"),
        value(miner_id=None),
        b'{"miner_id":"\\ud800"}',
    ],
)
def test_what_does_not_tell_is_no_envelope(broken: bytes | None) -> None:
    assert reader_of(RAW_MINER)(broken) is None


@given(st.binary(max_size=200))
def test_no_bytes_make_it_fail(some: bytes) -> None:
    assert reader_of(RAW_MINER)(some) is None
