"""The failure table: how a poll ended, and the event it makes."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from minestream_runtime.collecting.plan import Memory, Plan
from minestream_runtime.collecting.polls import (
    ErrorClass,
    Poll,
    Speech,
    class_of,
    fit,
    outcome,
    to_event,
)
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

PLAN = Plan(
    main="summary",
    cadence_s=dict.fromkeys(("info", "status", "chips", "settings"), 300.0),
    rides_along=frozenset({"info", "status"}),
    never_dropped=frozenset({"info"}),
    identity="info",
    guarded=frozenset({"settings"}),
)
SPEECH = Speech("vnish", "inventory", PLAN)
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
ID = UUID("0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11")
ENTRY = InventoryEntry(
    miner_id="site-a-r01-s01",
    site_id="site-a",
    rack_id="site-a-r01",
    address="127.0.0.1:80",
    model="Antminer L9",
    algorithm="scrypt",
    workers=("w1", "w2"),
)


def body(
    status: PollStatus = PollStatus.OK, *, http: int | None = 200, text: str = "{}"
) -> EndpointBody:
    return EndpointBody(
        status=status,
        fetched_at=AT,
        http_status=http,
        body=text if status is PollStatus.OK else None,
        error=None if status is PollStatus.OK else "why",
    )


def poll(**bodies: EndpointBody) -> Poll:
    missing = frozenset(name for name, answer in bodies.items() if answer.http_status == 404)
    return Poll(ID, AT, 12.5, bodies, missing=missing)


TABLE = [
    ({"summary": body(), "info": body()}, PollStatus.OK),
    ({"summary": body(), "info": body(PollStatus.TIMEOUT, http=None)}, PollStatus.PARTIAL),
    ({"summary": body(), "status": body(PollStatus.GARBAGE)}, PollStatus.PARTIAL),
    ({"summary": body(), "status": body(PollStatus.ERROR, http=500)}, PollStatus.PARTIAL),
    ({"summary": body(), "chips": body(PollStatus.ERROR, http=404)}, PollStatus.OK),
    ({"summary": body(), "settings": body(PollStatus.UNAUTHORISED)}, PollStatus.UNAUTHORISED),
    ({"summary": body(PollStatus.TIMEOUT, http=None)}, PollStatus.TIMEOUT),
    ({"summary": body(PollStatus.REFUSED, http=None)}, PollStatus.REFUSED),
    ({"summary": body(PollStatus.GARBAGE), "info": body()}, PollStatus.GARBAGE),
    ({"summary": body(PollStatus.ERROR, http=500), "info": body()}, PollStatus.GARBAGE),
    ({"summary": body(PollStatus.UNAUTHORISED, http=401)}, PollStatus.UNAUTHORISED),
]


@pytest.mark.parametrize(("bodies", "status"), TABLE)
def test_the_endpoints_decide_the_status(
    bodies: dict[str, EndpointBody], status: PollStatus
) -> None:
    found, error = outcome(poll(**bodies), "summary")
    assert found is status
    assert (error is None) == (status is PollStatus.OK)


def test_endpoints_for_which_no_time_was_left_make_it_partial() -> None:
    status, error = outcome(Poll(ID, AT, 1.0, {"summary": body()}, ("chips",)), "summary")
    assert (status, error) == (PollStatus.PARTIAL, "chips: no time left")


def test_the_event_carries_the_latest_known_and_the_inventorys_hints() -> None:
    old = body(text='{"fw_version": "1.2.7"}').model_copy(
        update={"fetched_at": AT - timedelta(minutes=30)}
    )
    memory = Memory(firmware="1.2.7", bodies={"info": old})
    event = to_event(
        poll(summary=body()),
        ENTRY,
        memory,
        SPEECH,
        collector_id="collector-vnish-0",
        interval_s=60.0,
    )
    assert event.endpoints["info"] == old
    assert (event.dialect, event.dialect_evidence) == ("vnish", "inventory")
    assert (event.firmware, event.polled_at) == ("1.2.7", AT)
    assert (event.rack_id, event.model_hint, event.algorithm_hint, event.worker_hint) == (
        "site-a-r01",
        "Antminer L9",
        "scrypt",
        "w1",
    )
    failed = poll(summary=body(), info=body(PollStatus.TIMEOUT, http=None))
    event = to_event(failed, ENTRY, memory, SPEECH, collector_id="c", interval_s=60.0)
    assert event.endpoints["info"] == old, "the units stay known"
    assert event.status is PollStatus.PARTIAL
    assert event.error == "info: why"


def test_an_offline_miner_is_an_event_with_the_error_in_it() -> None:
    event = to_event(
        poll(summary=body(PollStatus.REFUSED, http=None)),
        ENTRY,
        Memory(),
        SPEECH,
        collector_id="c",
        interval_s=600.0,
    )
    assert (event.status, event.error, event.interval_s) == (
        PollStatus.REFUSED,
        "summary: why",
        600.0,
    )
    assert RawMiner.from_json(event.to_json()) == event


def test_an_event_that_is_too_large_loses_its_largest_optional_bodies_first() -> None:
    bodies = {
        "summary": body(text="s" * 3000),
        "info": body(text="i" * 5000),
        "chips": body(text="c" * 4000),
        "status": body(text="t" * 2000),
    }
    event = to_event(poll(**bodies), ENTRY, Memory(), SPEECH, collector_id="c", interval_s=60.0)
    small, value = fit(event, RawMiner.to_json, 12_000, PLAN)
    assert len(value) <= 12_000
    assert small.endpoints["chips"].body is None
    assert small.endpoints["chips"].error == "too large for one event"
    assert small.endpoints["status"].body
    assert small.status is PollStatus.PARTIAL
    tiny, value = fit(event, RawMiner.to_json, 5_000, PLAN)
    assert tiny.endpoints["summary"].body == "s" * 3000
    assert tiny.status is PollStatus.PARTIAL
    least, value = fit(event, RawMiner.to_json, 2_000, PLAN)
    assert least.status is PollStatus.GARBAGE
    assert RawMiner.from_json(value) == least
    assert fit(event, RawMiner.to_json, 1 << 20, PLAN)[0] is event


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (body(), None),
        (body(PollStatus.TIMEOUT, http=None), ErrorClass.CONNECTIVITY),
        (body(PollStatus.REFUSED, http=None), ErrorClass.CONNECTIVITY),
        (body(PollStatus.UNAUTHORISED, http=401), ErrorClass.AUTH),
        (body(PollStatus.ERROR, http=429), ErrorClass.RATE_LIMIT),
        (body(PollStatus.ERROR, http=500), ErrorClass.MALFORMED),
        (body(PollStatus.GARBAGE), ErrorClass.MALFORMED),
    ],
)
def test_every_error_is_of_one_class(answer: EndpointBody, kind: ErrorClass | None) -> None:
    assert class_of(answer) is kind
