"""What an upload's parts decide, without a server."""

import asyncio
import contextlib
import gzip
import json
import tracemalloc
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from api_gateway.adapters.collector.body import (
    MOST_MEMBERS,
    BodyRefusedError,
    Limits,
    items_of,
)
from api_gateway.adapters.collector.door import Door, TooManyError
from api_gateway.adapters.collector.items import Message, Record, Refusal, message_of, read_item
from api_gateway.adapters.collector.keyring import Keyring
from api_gateway.adapters.collector.owners import Owners
from api_gateway.adapters.collector.publishing import AT_ONCE, publish
from api_gateway.domain.collector.claims import ClaimRules
from api_gateway.domain.collector.keys import CollectorKey, digest_of, matching, well_formed
from api_gateway.domain.collector.pace import Pace
from api_gateway.domain.collector.records import Directory, Known, derived_miner_id, to_poll
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.edge.config import Spool, Upload
from minestream_runtime.errors import BrokerUnavailableError, RecordTooLargeError
from minestream_schemas.gap import GAP, Gap, GapCause, gap_of
from minestream_schemas.ids import derived_id
from minestream_schemas.inventory import DETECTED
from minestream_schemas.raw import RAW_MINER, PollStatus
from minestream_schemas.upload import MinerRecord

if TYPE_CHECKING:
    from api_gateway.adapters.database import Writer
    from minestream_runtime.kafka import Producer

NOW = datetime(2026, 11, 22, tzinfo=UTC)
LIMITS = Limits(wire_bytes=10_000, bytes=100_000, items=50)
JSON: Any = st.recursive(
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["topic", "event", "headers", "online", "miner_id", "boards"])
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=300), packed=st.sampled_from(["", "gzip", "broken"]))
def test_any_body_gives_items_or_a_refusal(body: bytes, packed: str) -> None:
    sent = gzip.compress(body)[: -4 if packed == "broken" else None] if packed else body
    with contextlib.suppress(BodyRefusedError):
        asyncio.run(items_of(sent, encoding="gzip" if packed else "", limits=LIMITS))


@settings(max_examples=60, deadline=None)
@given(items=st.lists(JSON, max_size=6))
def test_what_is_json_is_split_as_json_says(items: list[Any]) -> None:
    split = asyncio.run(items_of(json.dumps(items).encode(), encoding="", limits=LIMITS))
    assert [json.loads(bytes(item)) for item in split] == items


@settings(max_examples=100, deadline=None)
@given(item=JSON)
def test_any_item_is_a_message_a_record_or_a_refusal_with_its_reason(item: Any) -> None:
    read = read_item(json.dumps(item).encode(), "site-a", NOW)
    assert isinstance(read, Message | Record | Refusal)
    if isinstance(read, Refusal):
        assert read.reason


def test_a_stream_of_ever_so_many_empty_members_is_refused_at_once() -> None:
    body = gzip.compress(b"") * (MOST_MEMBERS + 1)
    with pytest.raises(BodyRefusedError, match="members"):
        asyncio.run(items_of(body, encoding="gzip", limits=LIMITS))


def test_of_what_would_fill_the_memory_no_more_is_unpacked_than_allowed() -> None:
    body = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(BodyRefusedError, match="unpacked"):
            asyncio.run(items_of(body, encoding="gzip", limits=LIMITS))
        _, most_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most_bytes < 10_000_000


@pytest.mark.parametrize("name", ["SN\0", "x" * 201])
def test_a_name_that_no_database_takes_costs_its_own_item_alone(name: str) -> None:
    gap_id = derived_id("gap", name, GapCause.MINER_SILENT, NOW.isoformat())
    gap = Gap(
        event_id=gap_id,
        gap_id=gap_id,
        subject=name,
        site_id="site-a",
        cause=GapCause.MINER_SILENT,
        began_at=NOW,
        reported_by="edge-site-a",
    )
    told = {"topic": GAP.name, "event": json.loads(gap.to_json())}
    items = [told, {"miner_id": name, "online": True}, {"ip_address": name, "online": True}]
    for item in items:
        read = read_item(json.dumps(item).encode(), "site-a", NOW)
        assert isinstance(read, Refusal), item
        assert read.kind == "schema"


def test_only_our_form_of_key_is_one() -> None:
    assert well_formed("hsc_" + "a-_9" * 10)
    for wrong in ("", "hsc_", "hsc_" + "a" * 39, "hsc_" + "a" * 41, "HSC_" + "a" * 40,
                  "hsc_" + "a" * 39 + "=", "hsc_" + "a" * 40 + "\n"):  # fmt: skip
        assert not well_formed(wrong), wrong


def test_a_key_is_found_by_its_digest_alone() -> None:
    keys = [CollectorKey(n, f"site-{n}", "edge", digest_of(f"hsc_{n}")) for n in range(5)]
    found = matching(keys, digest_of("hsc_3"))
    assert found is not None
    assert found.site_id == "site-3"
    assert matching(keys, digest_of("hsc_9")) is None
    assert "hsc_" not in repr(keys)


def test_a_key_may_come_in_a_burst_and_then_at_its_pace() -> None:
    pace = Pace(per_minute=60, burst=3)
    assert [pace.wait_s(1, 0.0) for _ in range(3)] == [0.0] * 3
    assert pace.wait_s(1, 0.0) == pytest.approx(1.0)
    assert pace.wait_s(2, 0.0) == 0.0, "another key has its own"
    assert pace.wait_s(1, 0.5) == pytest.approx(0.5)
    assert pace.wait_s(1, 1.0) == 0.0
    taken = sum(pace.wait_s(1, 100 + step / 10) == 0.0 for step in range(600))
    assert 60 <= taken <= 63


def test_the_door_takes_what_a_site_sends_and_keeps_its_names_longer_than_it_an_event() -> None:
    door = GatewaySettings()
    assert (door.upload_wire_bytes, door.upload_bytes) == (8 << 20, 16 << 20)
    assert (door.upload_items, door.upload_rate_per_min) == (5000, 600)
    assert Upload().most_items <= door.upload_items
    assert Upload().most_bytes + RAW_MINER.max_message_bytes <= door.upload_bytes
    assert (door.upload_claims, door.upload_claim_keep_s) == (50_000, 14 * 86_400)
    assert Spool().most_age_s < door.upload_claim_keep_s


def test_a_record_is_found_by_id_then_by_address_and_an_address_of_two_is_nobodys() -> None:
    directory = Directory(
        "site-a",
        [
            Known("rack-1", "10.0.0.1:80"),
            Known("rack-2", "[fd00::2]:4028"),
            Known("port-1", "10.0.0.9:8001"),
            Known("port-2", "10.0.0.9:8002"),
        ],
    )

    def found(**names: str) -> str:
        return directory.find(MinerRecord(online=True, **names)).miner_id

    assert found(miner_id="RACK-1", ip_address="10.0.0.77") == "rack-1"
    assert found(miner_id="SN1", ip_address="10.0.0.1") == "rack-1"
    assert found(ip_address="FD00::2") == "rack-2"
    assert found(miner_id="SN1", ip_address="10.0.0.9") == "site-a-sn1"


def test_ids_that_our_letters_cannot_tell_apart_stay_apart() -> None:
    names = ["SN 1", "SN-1", "sn_1", "sn.1", "機器", "x" * 100, "x" * 101, "sn1"]
    ids = [derived_miner_id("site-a", name) for name in names]
    assert len(set(ids)) == len(names)
    assert ids[-1] == "site-a-sn1"
    for each in ids:
        assert len(each) <= 63
        assert each.startswith("site-a-")
        assert all(letter.isascii() for letter in each)


def test_a_silent_record_is_a_poll_without_answer_and_the_same_one_the_same_event() -> None:
    record = MinerRecord(miner_id="a", online=False)
    polls = [
        to_poll(
            record, "{}", Known("site-a-a", ":0"), site_id="site-a", received_at=NOW, interval_s=60
        )
        for _ in range(2)
    ]
    assert polls[0] == polls[1]
    assert polls[0].status is PollStatus.TIMEOUT
    assert polls[0].error


class Broker:
    """Takes so many events, then none; one is too large."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.sent: list[bytes] = []

    async def send(self, _: Any, *, key: bytes, value: bytes, **__: Any) -> None:
        await asyncio.sleep(0)
        if key == b"large":
            raise RecordTooLargeError("too large")
        if len(self.sent) >= self.takes:
            raise BrokerUnavailableError("away")
        self.sent.append(value)


def message(subject: str) -> Message:
    began_at = NOW.isoformat()
    gap = Gap(
        event_id=derived_id("t", subject),
        gap_id=derived_id("gap", subject, GapCause.LINK_DOWN, began_at),
        subject=subject,
        cause=GapCause.LINK_DOWN,
        began_at=NOW,
        reported_by=subject,
    )
    return message_of(GAP, gap, subject.encode())


async def test_after_a_slice_with_a_failure_none_is_begun() -> None:
    messages = [message(str(number)) for number in range(3 * AT_ONCE)]
    broker = Broker(takes=AT_ONCE + 7)
    fates = await publish(cast("Producer", broker), messages)
    assert fates == ["published"] * (AT_ONCE + 7) + ["waiting"] * (2 * AT_ONCE - 7)
    assert broker.sent == [message.value for message in messages[: AT_ONCE + 7]]


async def test_what_is_too_large_for_kafka_holds_up_nothing() -> None:
    messages = [message("a"), message("large"), message("b")]
    fates = await publish(cast("Producer", Broker(takes=9)), messages)
    assert fates == ["published", "too_large", "published"]


async def test_another_sites_name_stays_its_own_while_what_is_remembered_is_emptied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {"b-1": "site-b", "new": "site-a"}

    async def owners_of(
        _: object, names: Collection[str], __: object, ___: object
    ) -> dict[str, str]:
        remembered._known.clear()
        return {name: told[name] for name in names}

    monkeypatch.setattr("api_gateway.adapters.collector.owners.owners_of", owners_of)
    rules = ClaimRules(timedelta(days=1), most=10)
    remembered = Owners(cast("Writer", None), SystemClock(), rules)
    key = CollectorKey(1, "site-a", "edge", b"")
    assert (await remembered.refused({"b-1"}, key)).keys() == {"b-1"}
    assert (await remembered.refused({"b-1", "new"}, key)).keys() == {"b-1"}


def test_a_finding_that_cannot_be_held_or_leads_elsewhere_is_refused_at_the_door() -> None:
    event = {
        "miner_id": "site-a-m1",
        "address": "10.0.0.1:80",
        "evidence": "GET /info\0",
        "detected_at": "2026-11-22T00:00:00Z",
        "collector_id": "collector-vnish-site-a",
    }
    item = json.dumps({"topic": DETECTED.name, "event": event}).encode()
    refusal = Refusal("schema", "a NUL, which the database does not take")
    assert read_item(item, "site-a", NOW) == refusal
    event |= {"evidence": "GET /info"}
    other = event | {"found_address": "169.254.169.254:80"}
    item = json.dumps({"topic": DETECTED.name, "event": other}).encode()
    refusal = Refusal("schema", "found_address: another host than the one that was asked")
    assert read_item(item, "site-a", NOW) == refusal
    event |= {"found_address": "10.0.0.1:4028"}
    fine = json.dumps({"topic": DETECTED.name, "event": event}).encode()
    assert isinstance(read_item(fine, "site-a", NOW), Message)


def told_at(at: str) -> list[dict[str, Any]]:
    """One item of each kind, whose time is that."""
    began = datetime.fromisoformat(at)
    ids = {"event_id": str(UUID(int=1))}
    gap_id = derived_id("gap", "edge-site-a", GapCause.LINK_DOWN, began.isoformat())
    gap = {"subject": "edge-site-a", "cause": "link_down", "reported_by": "edge-site-a"}
    poll = {"collector_id": "c", "dialect": "vnish", "latency_ms": 1, "status": "ok"}
    found = {"address": "10.0.0.1:80", "evidence": "GET /info", "collector_id": "c"}
    of = {"site_id": "site-a", "miner_id": "site-a-m1"}
    return [
        {"topic": RAW_MINER.name, "event": ids | of | poll | {"polled_at": at, "interval_s": 60}},
        {"topic": GAP.name, "event": ids | of | gap | {"gap_id": str(gap_id), "began_at": at}},
        {"topic": DETECTED.name, "event": of | found | {"detected_at": at}},
        {"miner_id": "SN1", "online": True, "timestamp": at},
    ]


@pytest.mark.parametrize(
    "at",
    [
        "0001-01-01T00:00:00+14:00",  # before the first year, once it is UTC
        "1970-01-01T00:00:10+00:00",
        "2026-11-23T00:00:01+00:00",
        "9999-12-31T23:59:59-12:00",
    ],
)
def test_nothing_is_told_of_a_time_that_cannot_be(at: str) -> None:
    for item in told_at(at):
        read = read_item(json.dumps(item).encode(), "site-a", NOW)
        assert isinstance(read, Refusal), item
        assert "between 2000 and a day from now" in read.reason


@pytest.mark.parametrize("at", ["2000-01-01T00:00:00+00:00", "2026-11-22T23:59:00+00:00"])
def test_what_a_spool_held_for_long_or_a_clock_is_ahead_of_is_taken(at: str) -> None:
    reads = [read_item(json.dumps(item).encode(), "site-a", NOW) for item in told_at(at)]
    assert [type(read) for read in reads] == [Message, Message, Message, Record]


@pytest.mark.parametrize(
    ("subject", "cause", "kind"),
    [
        ("edge-site-a", GapCause.LINK_DOWN, Message),
        ("collector-vnish-site-a", GapCause.SPOOL_OVERFLOW, Message),
        ("any-miner", GapCause.MINER_SILENT, Message),
        ("edge-site-b", GapCause.LINK_DOWN, Refusal),
        ("edge-north-site-a", GapCause.LINK_DOWN, Refusal),
        ("collector-vnish-0", GapCause.SPOOL_OVERFLOW, Refusal),
        ("litecoinpool", GapCause.SOURCE_SILENT, Refusal),
    ],
)
def test_no_site_tells_of_gaps_of_anothers_link_or_of_our_sources(
    subject: str, cause: GapCause, kind: type
) -> None:
    told = gap_of(subject, cause, NOW, NOW, reported_by="x", site_id="site-a", filled=True)
    item = json.dumps({"topic": GAP.name, "event": json.loads(told.to_json())}).encode()
    read = read_item(item, "site-a", NOW)
    assert isinstance(read, kind)
    assert getattr(read, "kind", "site") == "site"


def test_a_gap_has_an_end_that_can_be_too() -> None:
    _, gap, *_ = told_at("2026-11-21T00:00:00+00:00")
    gap["event"]["ended_at"] = "9999-12-31T23:59:59-12:00"
    read = read_item(json.dumps(gap).encode(), "site-a", NOW)
    assert isinstance(read, Refusal)
    assert read.reason.startswith("ended_at: ")


class Standing(SystemClock):
    """A clock that goes when it is told to."""

    at_s = 0.0

    def monotonic(self) -> float:
        return self.at_s


def test_whoever_guesses_keys_is_counted_and_fills_no_log() -> None:
    clock = Standing()
    keys = Keyring(cast("Writer", None), clock)
    with structlog.testing.capture_logs() as told:
        for _ in range(1000):
            keys.refuse("unknown", "10.0.0.9")
        clock.at_s = 10
        keys.refuse("missing", "10.0.0.8")
    assert [(line["client"], line["refused"]) for line in told] == [
        ("10.0.0.9", 1),
        ("10.0.0.8", 1000),
    ]


def test_a_key_has_two_uploads_under_way_and_another_key_its_own() -> None:
    clock = Standing()
    door = Door(GatewaySettings(), cast("Writer", None), cast("Producer", None), clock)
    mine, other = (CollectorKey(number, f"site-{number}", "", b"") for number in (1, 2))
    door.enter(mine)
    door.enter(mine)
    with pytest.raises(TooManyError):
        door.enter(mine)
    door.enter(other)
    door.leave(mine)
    door.enter(mine)
