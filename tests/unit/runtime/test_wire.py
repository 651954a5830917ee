"""What goes onto the wire is what the contract's model would have written."""

from datetime import UTC, datetime, timedelta, timezone
from typing import get_args
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minestream_runtime.outlet import wire
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ZONES = st.sampled_from(
    [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(1) / 3)]
)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=ZONES)  # noqa: DTZ001
SECONDS = st.floats(min_value=0.001, max_value=1e9)
NAMES = st.sampled_from(["site-a", "miner-0001"])


def maybe(given: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | given


BODIES = st.builds(
    EndpointBody,
    status=st.sampled_from(PollStatus),
    fetched_at=INSTANTS,
    latency_ms=SECONDS,
    http_status=maybe(st.integers(100, 599)),
    encoding=st.sampled_from(get_args(EndpointBody.model_fields["encoding"].annotation)),
    body=maybe(TEXT),
    server_at=maybe(INSTANTS),
    reply_id=maybe(TEXT),
    error=maybe(TEXT),
)
EVENTS = st.builds(
    RawMiner,
    event_id=st.uuids(),
    site_id=NAMES,
    miner_id=NAMES,
    collector_id=TEXT,
    dialect=TEXT,
    dialect_evidence=maybe(TEXT),
    firmware=maybe(TEXT),
    polled_at=INSTANTS,
    latency_ms=SECONDS,
    status=st.sampled_from(PollStatus),
    error=maybe(TEXT),
    interval_s=SECONDS,
    endpoints=st.dictionaries(TEXT, BODIES, max_size=3),
    rack_id=maybe(NAMES),
    model_hint=maybe(TEXT),
    algorithm_hint=maybe(TEXT),
    worker_hint=maybe(TEXT),
)


@given(EVENTS)
def test_every_event_is_read_back_as_it_was(event: RawMiner) -> None:
    assert RawMiner.from_json(wire.encode(event)) == event


def test_the_bytes_are_those_of_the_model() -> None:
    at = datetime(2026, 11, 21, 12, 0, 0, 250_000, UTC)
    body = EndpointBody(status=PollStatus.OK, fetched_at=at, latency_ms=1.5, body='{"a": "ü\\n"}')
    event = RawMiner(
        event_id=UUID("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11"),
        site_id="site-a",
        miner_id="miner-1",
        collector_id="collector-vnish-0",
        dialect="vnish",
        dialect_evidence="GET /api/v1/info: fw_name",
        firmware="1.2.7",
        polled_at=at,
        latency_ms=12.25,
        status=PollStatus.OK,
        interval_s=60.0,
        endpoints={"summary": body},
        rack_id="rack-1",
    )
    assert wire.encode(event) == event.to_json()


@pytest.mark.parametrize(("model", "ours"), [(EndpointBody, "_Body"), (RawMiner, "_Event")])
def test_no_field_of_the_contract_is_left_out(
    model: type[EndpointBody | RawMiner], ours: str
) -> None:
    fields = msgspec.structs.fields(getattr(wire, ours))
    assert [field.name for field in fields] == list(model.model_fields)
