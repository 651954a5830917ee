"""The quick way into a record of raw.miner gives what the schema gives, and its errors."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minestream_runtime.errors import PayloadInvalidError
from minestream_schemas.raw import MAX_EVENT_BYTES, EndpointBody, PollStatus, RawMiner
from processor.adapters.polls import read, read_poll

AT = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
POLL = RawMiner(
    event_id=UUID("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11"),
    site_id="site-a",
    miner_id="site-a-r01-s01",
    collector_id="collector-vnish-0",
    dialect="vnish",
    firmware="1.2.7",
    polled_at=AT,
    latency_ms=5.25,
    status=PollStatus.PARTIAL,
    interval_s=60.0,
    endpoints={
        "summary": EndpointBody(
            status=PollStatus.OK,
            fetched_at=AT,
            latency_ms=4.0,
            http_status=200,
            body='{"miner": "\\u00e9\u00e9", "at_at": 1}',
            server_at=AT.replace(microsecond=0),
        ),
        "info": EndpointBody(status=PollStatus.TIMEOUT, fetched_at=AT, error="no answer"),
    },
    rack_id="site-a-r01",
    worker_hint="w.1",
)
VALUE = POLL.to_json()
INSTANTS = (
    *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.1Z", "2026-01-01T00:00:00.1234567Z"),
    *("2026-01-01T00:00:00.9999999Z", "2026-01-01 00:00:00+02:00", "2026-01-01T00:00:00"),
    *("2026-01-01T00:00:60Z", "9999-12-31T23:59:59.9999999Z", "2026-01-01", 1_700_000_000),
)
ODD: tuple[tuple[str, object], ...] = (
    *(("polled_at", one) for one in INSTANTS),
    *(("endpoints.info.fetched_at", one) for one in INSTANTS),
    *(("endpoints.summary.server_at", one) for one in (*INSTANTS, None)),
    *(("miner_id", one) for one in ("ab", "abc", "abc\n", "aBc", "a" * 63, "a" * 64, 5, None)),
    *(("site_id", one) for one in ("ab", "a", "-ab", "ab\n")),
    *(("rack_id", one) for one in ("ab", None, "", "ab\n")),
    *(("latency_ms", one) for one in (0, -0.0, -1, 10**30, 10**400, True, "5", 2**53 + 1)),
    *(("interval_s", one) for one in (0, 0.5, -1)),
    *(("endpoints.info.http_status", one) for one in (99, 100, 599, 600, 200.0, None)),
    *(("endpoints.info.encoding", one) for one in ("base64", "utf-8", None)),
    *(("endpoints.info.body", one) for one in ("\ud800", "\0", "\U0001f600", 5)),
    *(("event_id", one) for one in (str(UUID(int=1)), UUID(int=1).hex, f"{{{UUID(int=1)}}}", 1)),
    *(("status", one) for one in ("ok", "OK", "new")),
    *(("endpoints", {}), ("endpoints", None), ("endpoints", [])),
    ("a_field_of_tomorrow", "at"),
    ("endpoints.info.a_field_of_tomorrow", 1),
)


def by_schema(value: bytes) -> RawMiner | str:
    """What the schema makes of a record: the event, or its error."""
    try:
        return read(RawMiner, value)
    except PayloadInvalidError as exc:
        return str(exc)


def said(poll: Any) -> dict[str, Any]:
    """Every field of a poll; floats by their text, so that -0.0 is not 0.0."""
    fields = {name: getattr(poll, name) for name in RawMiner.model_fields}
    fields["endpoints"] = [
        (name, {each: getattr(body, each) for each in EndpointBody.model_fields})
        for name, body in poll.endpoints.items()
    ]
    fields["floats"] = repr((poll.latency_ms, poll.interval_s))
    return fields


def agree(value: bytes) -> None:
    """Both ways tell the same poll, or the same error."""
    expected = by_schema(value)
    if isinstance(expected, str):
        with pytest.raises(PayloadInvalidError) as caught:
            read_poll(value)
        assert str(caught.value) == expected
    else:
        assert said(read_poll(value)) == said(expected)


def changed(path: str, odd: object) -> bytes:
    """The poll with something else in one place, as compact as pydantic writes it."""
    poll = json.loads(VALUE)
    *way, last = path.split(".")
    inner = poll
    for step in way:
        inner = inner[step]
    inner[last] = odd
    return json.dumps(poll, separators=(",", ":")).encode()


def test_a_poll_in_order_goes_the_quick_way_and_says_the_same() -> None:
    assert not isinstance(read_poll(VALUE), RawMiner)
    agree(VALUE)


def test_a_poll_written_with_spaces_goes_the_schemas_way() -> None:
    value = json.dumps(json.loads(VALUE)).encode()
    assert read_poll(value) == POLL


@pytest.mark.parametrize(("path", "odd"), ODD)
def test_an_odd_field_is_taken_or_refused_as_the_schema_does(path: str, odd: object) -> None:
    agree(changed(path, odd))


@pytest.mark.parametrize("value", [None, b"", b"{}", b"null", b" " * (MAX_EVENT_BYTES + 1)])
def test_what_is_no_poll_at_all_is_refused(value: bytes | None) -> None:
    with pytest.raises(PayloadInvalidError):
        read_poll(value)


@settings(max_examples=500, deadline=None)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, len(VALUE)),
            st.integers(0, 12),
            st.binary(max_size=2)
            | st.sampled_from(
                [b"null", b"-", b"e9", b'"', b"\\u00", b"}", b"{", b",", b"0", b"[]"]
            ),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_bytes_cut_and_changed_are_taken_or_refused_as_the_schema_does(
    changes: list[tuple[int, int, bytes]],
) -> None:
    value = VALUE
    for at, gone, between in changes:
        value = value[:at] + between + value[at + gone :]
    agree(value)
