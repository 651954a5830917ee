"""Uploads of edge sites on a real Kafka and a real database (S3-3.1-upload, S3-7.1-keys)."""

import asyncio
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from tests.component.api_gateway.conftest import entry, put
from tests.component.api_gateway.uploads import (
    KEYS,
    Collectors,
    collectors,
    poll,
    ran,
    revoke,
    wrapped,
)

from api_gateway.adapters.database import Writer
from api_gateway.adapters.database.collectors import give_name
from api_gateway.settings import GatewaySettings
from minestream_schemas.gap import GAP, Gap, GapCause
from minestream_schemas.ids import derived_id
from minestream_schemas.inventory import DETECTED, Detected
from minestream_schemas.raw import RAW_MINER, PollStatus
from minestream_schemas.upload import KEY_HEADER, UPLOAD_PATH

DOCUMENT: dict[str, Any] = {
    "miner_id": "SN123456789",
    "ip_address": "192.168.1.100",
    "online": True,
    "hashrate_ghs": 110000,
    "temperature_chips": [62, 65, 68, 70, 72],
    "boards": [{"id": 0, "hashrate": 36700, "temp": 65, "chips_ok": 76, "chips_total": 76}],
    "model": "Antminer S19 Pro",
    "firmware_version": "Vnish 1.2.3",
    "error_message": "",
    "latency_ms": 45,
}


@pytest.fixture
async def there(
    on_kafka: GatewaySettings, make_topics: Callable[..., Awaitable[None]]
) -> AsyncIterator[Collectors]:
    await make_topics(RAW_MINER, GAP, DETECTED)
    async with collectors(on_kafka) as opened:
        yield opened


@pytest.fixture
async def alone(settings: GatewaySettings) -> AsyncIterator[Collectors]:
    """Without Kafka: what is refused never comes near it."""
    async with collectors(settings, deadline_s=1, kafka_bootstrap="127.0.0.1:1") as opened:
        yield opened


def gap(subject: str, **fields: Any) -> Gap:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    given: dict[str, Any] = {
        "event_id": derived_id("t", subject),
        "gap_id": derived_id("gap", subject, GapCause.LINK_DOWN, at.isoformat()),
        "subject": subject,
        "site_id": "site-a",
        "cause": GapCause.LINK_DOWN,
        "began_at": at,
        "reported_by": subject,
    }
    return Gap(**(given | fields))


async def test_events_arrive_as_they_were_sent_with_their_traces_headers(there: Collectors) -> None:
    sent = poll("site-a-m1")
    parent = "00-0199d2a47c1e7b3a9f102f6d8c0a5e11-00f067aa0ba902b7-00"
    found = Detected(
        miner_id="site-a-m1",
        address="10.0.0.1:80",
        dialect="vnish",
        evidence="GET /api/v1/info",
        detected_at=sent.polled_at,
        collector_id="collector-vnish-site-a",
    )
    text = json.dumps(
        [
            wrapped(sent, headers={"traceparent": parent, "x-secret": "no"}),
            wrapped(poll("site-a-m2", status=PollStatus.TIMEOUT)),
            wrapped(gap("collector-vnish-site-a"), GAP),
            wrapped(found, DETECTED),
        ],
        indent=1,  # not as we would write it
        ensure_ascii=False,
    )
    answer = await there.upload(text.encode())
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body.pop("success") is True
    assert body["data"].pop("processing_time_ms") >= 0
    assert body == {
        "data": {"processed": 4, "online": 1, "offline": 1, "refused": [], "waiting": []}
    }
    [record] = [each for each in await there.records() if each.key == b"site-a-m1"]
    assert record.value is not None
    assert record.value.decode() in text, "to the byte"
    assert dict(record.headers) == {"traceparent": parent.encode()}
    assert [each.key for each in await there.records(GAP)] == [b"collector-vnish-site-a"]
    assert [each.key for each in await there.records(DETECTED)] == [b"site-a-m1"]


async def test_a_key_of_one_site_cannot_upload_for_another(
    there: Collectors, writer: Writer
) -> None:
    await put(writer, [entry("listed-b", site_id="site-b")])
    foreign = [
        wrapped(poll("site-b-m1", "site-b")),
        wrapped(poll("listed-b")),  # says site-a, and is site-b's in the inventory
        wrapped(gap("listed-b"), GAP),
        wrapped(gap("collector-vnish-site-b", site_id="site-b"), GAP),
        wrapped(gap("collector-vnish-site-a", site_id=None), GAP),
        wrapped(gap("collector-vnish-site-a", gap_id=derived_id("another's")), GAP),
        {**DOCUMENT, "miner_id": "listed-b"} | {"ip_address": None},
    ]
    answer = await there.upload([*foreign, wrapped(poll("listed-a"))])
    data = answer.json()["data"]
    kinds = {each["index"]: each["kind"] for each in data["refused"]}
    assert kinds == {0: "site", 1: "site", 2: "site", 3: "site", 4: "site", 5: "schema"}
    assert data["processed"] == 2
    polls = await there.polls()
    # its own miner of that name, if it has one: site-b's is untouched
    assert set(polls) == {"listed-a", "site-a-listed-b"}
    # whoever told a name first keeps it, until an operator gives it to another
    theirs = [wrapped(poll("listed-a", "site-b"))]
    second = await there.upload(theirs, key=KEYS["site-b"])
    assert [each["kind"] for each in second.json()["data"]["refused"]] == ["site"]
    async with writer.connection() as connection:
        assert await give_name(connection, "listed-a", site_id="site-b")
        assert not await give_name(connection, "listed-b", site_id="site-a"), "the inventory counts"
    there.clock.by_s += 61
    assert (await there.upload(theirs, key=KEYS["site-b"])).json()["data"]["processed"] == 1
    mine = (await there.upload([wrapped(poll("listed-a"))])).json()["data"]
    assert [each["kind"] for each in mine["refused"]] == ["site"]


async def test_a_site_that_claims_too_many_names_is_told_so_and_its_others_go_on(
    on_kafka: GatewaySettings, make_topics: Callable[..., Awaitable[None]]
) -> None:
    await make_topics(RAW_MINER, GAP)
    async with collectors(on_kafka.model_copy(update={"upload_claims": 1})) as there:
        items = [wrapped(poll(name)) for name in ("site-a-m1", "site-a-m2", "site-a-m1")]
        data = (await there.upload([*items, wrapped(gap("edge-site-a"), GAP)])).json()["data"]
        assert data["processed"] == 3
        [refused] = data["refused"]
        assert (refused["index"], refused["kind"]) == (1, "site")
        assert "holds 1 such names already: enter its miners in the inventory" in refused["reason"]


async def test_a_wrong_key_is_answered_as_the_document_has_it(
    alone: Collectors, caplog: pytest.LogCaptureFixture
) -> None:
    for key in (None, "", "hsc_short", "x" * 44, "hsc_" + "z" * 40, KEYS["site-a"] + "0"):
        answer = await alone.upload([wrapped(poll("site-a-m1"))], key=key)
        assert answer.status_code == 401, key
        assert answer.json() == {"success": False, "error": "Invalid API key"}
        assert not key or key not in caplog.text


async def test_a_revoked_key_uploads_no_more_within_seconds(alone: Collectors) -> None:
    assert (await alone.upload([])).status_code == 200
    await revoke(alone, 1)
    # not yet known here, yet nothing is refused for good that its next key may bring
    assert (await alone.upload([wrapped(poll("site-a-new"))])).status_code == 401
    alone.clock.by_s = 5.0
    assert (await alone.upload([])).status_code == 401
    assert (await alone.upload([], key=KEYS["site-b"])).status_code == 200


NOT_TAKEN = [
    (b"{}", "", 400, "a JSON array is wanted"),
    (b"[1,", "", 400, "a JSON array is wanted"),
    (b"[" * 40 + b"]" * 40, "", 400, "deep"),
    (b"[" + b"1," * 9000 + b"1]", "", 413, "items"),
    (b"[[" + b"1," * 1_100_000 + b"1]]", "", 413, "values"),
    (b"abc", "gzip", 400, "no gzip"),
    (gzip.compress(b"[]" * 999)[:-4], "gzip", 400, "too early"),
    (gzip.compress(b" " * 100_000_000), "gzip", 413, "unpacked"),
    (gzip.compress(gzip.compress(b"[]")), "gzip", 400, "array"),
    (b"[]", "br", 415, "gzip or none"),
    (b" " * 9_000_000, "", 413, "as sent"),
]


async def test_a_body_that_cannot_be_taken_is_refused_whole_with_the_reason(
    alone: Collectors,
) -> None:
    for body, encoding, status, said in NOT_TAKEN:
        answer = await alone.upload(body, encoding=encoding)
        assert answer.status_code == status, said
        assert answer.json()["success"] is False
        assert said in answer.json()["error"]


async def test_every_answer_under_collector_is_the_documents_envelope(alone: Collectors) -> None:
    http = alone.http
    item = wrapped(poll("site-a-m1"))
    answers = {
        200: await alone.upload([]),
        400: await alone.upload(b"{}"),
        401: await alone.upload([], key=None),
        404: await http.post("/api/collector/nothing", headers={KEY_HEADER: KEYS["site-a"]}),
        405: await http.get(UPLOAD_PATH),
        413: await alone.upload(b"[" + b"1," * 9000 + b"1]"),
        415: await alone.upload(b"[]", encoding="br"),
        503: await alone.upload([item]),
    }
    del alone.door.keys
    answers[500] = await alone.upload([item])
    for status, answer in answers.items():
        assert answer.status_code == status, answer.text
        assert answer.headers["Content-Type"] == "application/json", status
        body = answer.json()
        assert body["success"] is (status == 200), status
        expected = {200: {"success", "data"}, 503: {"success", "data", "error"}}
        assert body.keys() == expected.get(status, {"success", "error"}), status
    assert answers[405].headers["Allow"] == "POST"
    assert answers[401].json()["error"] == "Invalid API key"
    assert answers[404].json()["error"] == "Not Found"


async def test_members_of_one_gzip_stream_are_one_body(there: Collectors) -> None:
    item = json.dumps(wrapped(poll("site-a-m1"))).encode()
    body = gzip.compress(b"[" + item) + gzip.compress(b"]")
    answer = await there.upload(body, encoding="gzip")
    assert answer.json()["data"]["processed"] == 1


async def test_each_item_is_taken_or_refused_with_its_place_and_reason(there: Collectors) -> None:
    broken = wrapped(poll("site-a-m1"))
    del broken["event"]["status"]
    items: list[Any] = [
        5,
        wrapped(poll("site-a-m1")) | {"topic": "minestream.telemetry.v1"},
        broken,
        wrapped(poll("site-a-m1")),
        {"online": True},
        DOCUMENT | {"temperature_avg": {"secret": "deep"}},
        DOCUMENT,
    ]
    data = (await there.upload(items)).json()["data"]
    told = {each["index"]: (each["kind"], each["reason"]) for each in data["refused"]}
    assert {index: kind for index, (kind, _) in told.items()} == {
        0: "shape",
        1: "topic",
        2: "schema",
        4: "schema",
        5: "schema",
    }
    assert told[2][1] == "status: Field required"
    assert "minestream.raw.miner.v1" in told[1][1]
    assert told[5][1].startswith("temperature_avg: ")
    assert "deep" not in told[5][1], "a reason quotes nothing"
    assert data["processed"] == 2


async def test_a_document_becomes_the_poll_that_it_was_of_the_miner_that_it_names(
    there: Collectors, writer: Writer
) -> None:
    known = entry(
        "site-a-m1",
        address="192.168.1.7:4028",
        rack_id="site-a-r1",
        model="Antminer L9",
        workers=("farm.1",),
        interval_s=30.0,
    )
    await put(writer, [known])
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=3)
    items = [
        DOCUMENT | {"ip_address": "192.168.1.7", "timestamp": at.isoformat()[:19]},
        DOCUMENT,
        {"miner_id": "No. 9/ä", "online": False, "error_message": "Connection refused"},
        {"ip_address": "10.0.0.9", "online": True},
    ]
    data = (await there.upload(items)).json()["data"]
    assert (data["processed"], data["online"], data["offline"]) == (4, 3, 1)
    polls = await there.polls()
    first = polls["site-a-m1"]
    assert first.polled_at == at, "an instant without a zone is UTC"
    assert (first.rack_id, first.model_hint, first.worker_hint, first.interval_s) == (
        "site-a-r1",
        "Antminer L9",
        "farm.1",
        30.0,
    )
    assert first.dialect == "upload"
    assert json.loads(first.endpoints["upload"].body or "") == items[0]
    assert polls["site-a-sn123456789"].status is PollStatus.OK
    [odd] = [each for each in polls.values() if each.status is PollStatus.TIMEOUT]
    assert odd.error == "Connection refused"
    assert odd.miner_id.startswith("site-a-no-9-")
    assert len(polls) == 4
    ids = {each.event_id for each in polls.values()}
    assert (await there.upload(items)).status_code == 200, "its answer was lost: sent again"
    assert {each.event_id for each in (await there.polls()).values()} == ids


async def test_while_kafka_is_away_nothing_is_half_told(alone: Collectors) -> None:
    items = [wrapped(poll("site-a-m1")), 5, wrapped(poll("site-a-m2"))]
    answer = await alone.upload(items)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    body = answer.json()
    assert body["success"] is False
    assert (body["data"]["processed"], body["data"]["waiting"]) == (0, [0, 2])
    assert [each["index"] for each in body["data"]["refused"]] == [1]


async def test_a_key_that_comes_too_often_is_told_when_to_come_again(
    settings: GatewaySettings,
) -> None:
    slow = settings.model_copy(update={"upload_rate_per_min": 0.6})
    async with collectors(slow) as there:
        answers = [await there.upload([]) for _ in range(61)]
        assert [answer.status_code for answer in answers] == [200] * 60 + [429]
        assert 1 <= int(answers[-1].headers["Retry-After"]) <= 100
        assert (await there.upload([], key=KEYS["site-b"])).status_code == 200, "its own pace"


async def test_uploads_are_logged_and_the_key_says_when_it_was_used(
    there: Collectors, database_url: str
) -> None:
    await there.upload([wrapped(poll("site-a-m1")), 5])
    logging = asyncio.ensure_future(there.door.log.run())
    try:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as db:
            rows: list[Any] = []
            async with asyncio.timeout(60):
                while not rows:
                    await asyncio.sleep(0.1)
                    rows = await (
                        await db.execute(
                            "SELECT u.site_id, u.outcome, u.processed, u.refused, u.online, "
                            "k.last_used_at = u.at FROM fleet_v1.collector_upload u "
                            "JOIN fleet_v1.collector_key k USING (key_id)"
                        )
                    ).fetchall()
    finally:
        logging.cancel()
        await asyncio.wait([logging])
    assert rows == [("site-a", "published", 1, 1, 1, True)]


def test_the_command_makes_lists_and_revokes_keys_and_shows_each_once(
    environment: dict[str, str], database_url: str
) -> None:
    command = "import sys; from api_gateway.adapters.collector_key_command import app; app()"
    everything = os.environ | environment

    def run(*words: str) -> Any:
        return ran([sys.executable, "-c", command, *words], everything)

    made = run("create", "--site", "site-a", "--name", "roof")
    key = made.stdout.strip()
    assert made.returncode == 0, made.stderr
    assert len(key) == 44
    assert key.startswith("hsc_")
    assert key not in made.stderr
    assert run("create", "--site", "site-a", "--name", "roof").returncode == 2, "the name is taken"
    listed = run("list", "--json")
    assert key not in listed.stdout
    [row] = [json.loads(line) for line in listed.stdout.splitlines()]
    assert (row["site_id"], row["name"], row["revoked_at"]) == ("site-a", "roof", None)
    with psycopg.connect(database_url) as connection:
        dump = connection.execute("SELECT * FROM fleet.collector_key").fetchall()
    assert key not in str(dump)
    assert run("revoke", str(row["key_id"])).returncode == 0
    assert json.loads(run("list", "--json").stdout)["revoked_at"] is not None
    assert run("revoke", "999").returncode == 1
    assert run("create", "--site", "No Site").returncode == 2
    assert (
        run("give", "edge-site-a", "--site", "site-a").stderr.strip() == "edge-site-a is site-a's"
    )
    nowhere = everything | {"MINESTREAM_DATABASE_URL": "postgresql://127.0.0.1:1/x"}
    away = ran([sys.executable, "-c", command, "list"], nowhere)
    first, hint = away.stderr.splitlines()
    assert first.startswith("PoolTimeout: "), "and nothing of each attempt"
    assert "is a stack running here" in hint
