import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import jsonschema
import psycopg
import pytest
from tests.component.api_gateway.conftest import Telemetry, entry, put

from api_gateway.adapters.database import Reader, Writer, open_reader
from api_gateway.adapters.http.app import create_app
from api_gateway.domain.listing import SORTABLE
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health
from minestream_schemas.ids import derived_id
from minestream_schemas.inventory import Sealed

NOW = datetime.now(UTC).replace(microsecond=0)


def reading(miner_id: str, ts: datetime = NOW, **fields: Any) -> dict[str, Any]:
    given = {
        "event_id": derived_id("t", miner_id, ts, fields.get("n", 0)),
        "raw_event_id": derived_id("raw", miner_id, ts),
        "ts": ts,
        "miner_id": miner_id,
        "site_id": "site-a",
        "dialect": "vnish-1.2",
        "algorithm": "sha256d",
        "status": "mining",
    }
    fields.pop("n", None)
    return given | fields


def check(app_document: dict[str, Any], path: str, answer: httpx.Response) -> None:
    """An answer fits the API's own description."""
    content = app_document["paths"][path]["get"]["responses"][str(answer.status_code)]["content"]
    media_type = answer.headers["content-type"].partition(";")[0]
    if "json" in media_type:
        schema = content[media_type]["schema"] | {"components": app_document["components"]}
        jsonschema.validate(answer.json(), schema)
    else:
        assert media_type in content


@pytest.fixture
def document(settings: GatewaySettings) -> dict[str, Any]:
    app: Any = create_app(settings, None, Health(), SystemClock())  # type: ignore[arg-type] # only described
    described: dict[str, Any] = app.openapi()
    return described


Check = Callable[[str, httpx.Response], None]


@pytest.fixture
def fits(document: dict[str, Any]) -> Check:
    return lambda path, answer: check(document, path, answer)


async def test_a_miner_never_heard_of_is_listed_as_unknown(
    api: httpx.AsyncClient, writer: Writer, fits: Check
) -> None:
    await put(writer, [entry("m-1", model="Antminer S19", workers=("alpha",))])
    answer = await api.get("/api/v1/miners")
    fits("/api/v1/miners", answer)
    [item] = answer.json()["items"]
    assert (item["status"], item["ts"], item["age_s"]) == ("unknown", None, None)
    assert (item["model"], item["worker"]) == ("Antminer S19", "alpha")
    assert answer.json()["next"] is None


async def test_a_miner_is_listed_with_what_it_said_last(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1", model="as entered", algorithm="scrypt")])
    ts = datetime.now(UTC) - timedelta(seconds=30)
    telemetry.insert(
        "latest",
        reading("m-1", ts, model="Antminer L9", algorithm="unknown", power_w=3360.0)
        | {"hashrate_hs": 0.0, "fan_rpm": [1, 2], "boards": [], "quality_flags": ["late"]},
    )
    answer = await api.get("/api/v1/miners")
    fits("/api/v1/miners", answer)
    [item] = answer.json()["items"]
    assert item["ts"] == ts.isoformat().replace("+00:00", "Z")
    assert 29 < item["age_s"] < 60
    assert (item["model"], item["algorithm"]) == ("Antminer L9", "scrypt")
    assert (item["hashrate_hs"], item["power_w"], item["fan_rpm"]) == (0.0, 3360.0, [1, 2])


async def test_filters_narrow_the_list_and_a_repeated_one_widens_it(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry
) -> None:
    await put(
        writer,
        [
            entry("aa-1", rack_id="r-1", model="S19 100%_x"),
            entry("aa-2", site_id="site-b", algorithm="scrypt"),
            entry("aa-3"),
        ],
    )
    telemetry.insert("latest", reading("aa-1"), reading("aa-3", status="offline"))

    async def found(query: str) -> list[str]:
        answer = await api.get(f"/api/v1/miners?{query}")
        assert answer.status_code == 200, answer.text
        return [item["miner_id"] for item in answer.json()["items"]]

    assert await found("site=site-a") == ["aa-1", "aa-3"]
    assert await found("site=site-a&site=site-b") == ["aa-1", "aa-2", "aa-3"]
    assert await found("rack=r-1") == ["aa-1"]
    assert await found("status=offline") == ["aa-3"]
    assert await found("status=offline&status=unknown") == ["aa-2", "aa-3"]
    assert await found("algorithm=scrypt") == ["aa-2"]
    assert await found("model=S19%20100%25_x") == ["aa-1"]
    assert await found("q=A-3.LOCAL") == ["aa-3"]
    assert await found("q=100%25_") == ["aa-1"]  # wildcards stand for themselves
    assert await found("q=1__%25") == []
    assert await found("site=site-a&status=mining&q=s19") == ["aa-1"]


async def collect(api: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(200):
        answer = await api.get(path, params=query | cursor)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        assert len(answer.json()["items"]) == query["limit"]
        cursor = {"cursor": answer.json()["next"]}
    raise AssertionError("the pages do not end")


async def test_pages_over_a_thousand_equal_values_give_each_miner_once(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry
) -> None:
    ids = [f"m-{number:04}" for number in range(1000)]
    await put(writer, [entry(each) for each in ids])
    telemetry.insert(
        "latest",
        *(
            # a third says nothing, a third is never heard of, the others say one of two values
            reading(each, hashrate_hs=None if n % 3 == 1 else float(n % 2))
            for n, each in enumerate(ids)
            if n % 3 != 2
        ),
    )
    for sort in ("hashrate_hs", "-hashrate_hs", "status", "-ts", "-miner_id", "rack_id"):
        items = await collect(api, "/api/v1/miners", sort=sort, limit=37)
        assert sorted(item["miner_id"] for item in items) == ids, sort
        values = [item[sort.removeprefix("-")] for item in items]
        said = [value for value in values if value is not None]
        assert values == said + [None] * (len(values) - len(said)), sort
        assert said == sorted(said, reverse=sort.startswith("-")), sort


async def test_every_field_sorts_and_pages(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry
) -> None:
    await put(writer, [entry(f"m-{n}", slot=n, rack_id=f"r-{n}") for n in range(5)])
    for n in range(3):
        row = reading(f"m-{n}", NOW - timedelta(seconds=n), hashrate_avg_hs=n * 1e13 / 3)
        numbers = ["power_w", "efficiency_j_per_th", "chip_temp_max_c", "pcb_temp_max_c"]
        numbers += ["uptime_s", "anomaly_score", "quality_score"]
        telemetry.insert("latest", row | dict.fromkeys(numbers, n / 7) | {"boards_healthy": n})
    for field in SORTABLE:
        for sort in (field, f"-{field}"):
            items = await collect(api, "/api/v1/miners", sort=sort, limit=1)
            assert len({item["miner_id"] for item in items}) == len(items) == 5, sort


async def test_one_miner_is_told_with_entry_reading_boards_and_open_gaps(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    box = Sealed(key_id="0123abcd", box="c2VjcmV0")
    await put(writer, [entry("m-1", sealed=box), entry("m-2")])
    board = {"slot": 1, "status": "mining", "hashrate_hs": 5e13}
    telemetry.insert("latest", reading("m-1", hashrate_hs=1e14, boards=[board]))
    gap = {"subject": "m-1", "cause": "miner_silent", "reported_by": "processor"}
    for number, ended_at in enumerate([None, NOW]):
        ids = {"gap_id": UUID(int=number), "event_id": UUID(int=number)}
        telemetry.insert(
            "gap", gap | ids | {"began_at": NOW - timedelta(hours=1), "ended_at": ended_at}
        )
    answer = await api.get("/api/v1/miners/m-1")
    fits("/api/v1/miners/{miner_id}", answer)
    body = answer.json()
    assert body["status"] == "mining"
    assert body["entry"]["has_credentials"] is True
    assert body["latest"]["boards"] == [board]
    assert [each["gap_id"] for each in body["gaps"]] == [str(UUID(int=0))]
    silent = await api.get("/api/v1/miners/m-2")
    fits("/api/v1/miners/{miner_id}", silent)
    assert (silent.json()["latest"], silent.json()["status"]) == (None, "unknown")


async def test_no_answer_ever_holds_a_sealed_box(
    api: httpx.AsyncClient, writer: Writer, document: dict[str, Any]
) -> None:
    await put(writer, [entry("m-1", sealed=Sealed(key_id="0123abcd", box="c2VjcmV0"))])
    for path in document["paths"]:
        answer = await api.get(path.format(miner_id="m-1", site_id="site-a"))
        assert answer.status_code < 300, path
        assert "c2VjcmV0" not in answer.text, path
        assert "0123abcd" not in answer.text, path


async def test_a_reader_may_neither_write_nor_see_the_private_schemas(
    reader: Reader, writer: Writer
) -> None:
    await put(writer, [entry("m-1", sealed=Sealed(key_id="0123abcd", box="c2VjcmV0"))])
    [row] = await reader.rows("SELECT * FROM fleet_v1.miner")
    assert "sealed" not in row
    for statement in (
        "SELECT sealed FROM fleet.miner",
        "DELETE FROM fleet_v1.miner",
        "SELECT * FROM fleet.outbox",
        "SELECT * FROM telemetry.reading",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.rows(statement)


async def test_the_history_is_told_in_pages_with_the_gaps_of_the_range(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1")])
    start = NOW - timedelta(hours=2)
    telemetry.room(start - timedelta(days=1), NOW, "reading")
    instants = [start + timedelta(minutes=n // 2) for n in range(100)]  # two of each instant
    telemetry.insert("reading", *(reading("m-1", ts, n=n) for n, ts in enumerate(instants)))
    telemetry.insert("reading", reading("m-1", start - timedelta(seconds=1)), reading("m-2", start))
    gap = {"subject": "m-1", "cause": "collector_down", "reported_by": "processor"}
    spans = [(-90, -80), (5, 6), (50, None), (-10, 0), (125, 126)]
    for number, (began, ended) in enumerate(spans):
        times = {
            "began_at": start + timedelta(minutes=began),
            "ended_at": None if ended is None else start + timedelta(minutes=ended),
        }
        ids = {"gap_id": UUID(int=number), "event_id": UUID(int=number)}
        telemetry.insert("gap", gap | ids | times)
    path, template = "/api/v1/miners/m-1/telemetry", "/api/v1/miners/{miner_id}/telemetry"
    asked: dict[str, Any] = {"from": start.isoformat(), "to": NOW.isoformat(), "limit": 7}
    answer = await api.get(path, params=asked)
    fits(template, answer)
    body = answer.json()
    assert (body["resolution"], len(body["items"])) == ("raw", 7)
    assert [each["gap_id"][-1] for each in body["gaps"]] == ["1", "2"]
    items = await collect(api, path, **asked)
    assert len({item["event_id"] for item in items}) == len(items) == 100
    assert [item["ts"] for item in items] == [
        instant.isoformat().replace("+00:00", "Z") for instant in instants
    ]
    # the cursor brings its range along
    alone = await api.get(path, params={"cursor": body["next"], "limit": 5000})
    assert len(alone.json()["items"]) == 93


async def test_each_resolution_reads_its_own_series(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1")])
    day = NOW.replace(hour=0, minute=0, second=0) - timedelta(days=2)
    noon = day + timedelta(hours=12)
    telemetry.room(day, NOW, "reading", "window", "reading_hourly", "reading_daily")
    telemetry.insert("reading", reading("m-1", noon, hashrate_hs=2e14, power_w=3000.0))
    telemetry.insert("reading", reading("m-1", noon + timedelta(minutes=1), hashrate_hs=4e14))
    telemetry.execute(f"SELECT telemetry.refresh_hour('{noon}'), telemetry.refresh_day('{day}')")
    counts = {"readings": 2, "answered": 2, "mining": 2, "hashrate_mean_hs": 3e14}
    window = {"event_id": UUID(int=1), "miner_id": "m-1", "site_id": "site-a", "window_s": 300}
    telemetry.insert("window", window | {"window_start_at": noon} | counts)
    template = "/api/v1/miners/{miner_id}/telemetry"
    for resolution, key in (
        ("raw", "ts"),
        ("window", "window_start_at"),
        ("hour", "bucket_at"),
        ("day", "bucket_at"),
    ):
        asked = {"from": noon.isoformat(), "to": (noon + timedelta(hours=2)).isoformat()}
        answer = await api.get(
            "/api/v1/miners/m-1/telemetry", params=asked | {"resolution": resolution}
        )
        fits(template, answer)
        items = answer.json()["items"]
        assert answer.json()["resolution"] == resolution
        assert len(items) == (2 if resolution == "raw" else 1), resolution
        began = day if resolution == "day" else noon  # the day that the span lies in
        assert items[0][key] == began.isoformat().replace("+00:00", "Z")
        if resolution != "raw":
            assert items[0]["hashrate_mean_hs"] == 3e14
            assert items[0]["readings"] == 2


async def test_boards_and_chips_are_of_the_newest_sample_or_of_one_before(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1"), entry("m-2")])
    earlier = NOW - timedelta(minutes=10)
    telemetry.room(earlier, NOW, "board", "chip_sample")
    arrays = ("hashrate_hs", "temp_c", "frequency_mhz", "voltage_v")
    for ts in (earlier, NOW):
        for slot in (2, 1):
            ids = {"event_id": derived_id("t", ts), "ts": ts, "miner_id": "m-1", "slot": slot}
            telemetry.insert("board", ids | {"hashrate_hs": float(slot), "chips_ok": 76})
            chips: dict[str, Any] = {key: [1.5, None] for key in arrays}
            chips |= {"errors_total": [0, 3], "grade": ["A", None], "quality_flags": []}
            raw = {"raw_event_id": derived_id("raw", ts), "site_id": "site-a"}
            telemetry.insert("chip_sample", ids | raw | chips)
    for noun in ("boards", "chips"):
        newest = await api.get(f"/api/v1/miners/m-1/{noun}")
        fits(f"/api/v1/miners/{{miner_id}}/{noun}", newest)
        assert newest.json()["ts"] == NOW.isoformat().replace("+00:00", "Z")
        assert [item["slot"] for item in newest.json()["items"]] == [1, 2]
        at = (NOW - timedelta(minutes=5)).isoformat()
        before = await api.get(f"/api/v1/miners/m-1/{noun}", params={"at": at})
        assert before.json()["ts"] == earlier.isoformat().replace("+00:00", "Z")
        none = await api.get(f"/api/v1/miners/m-2/{noun}")
        fits(f"/api/v1/miners/{{miner_id}}/{noun}", none)
        assert none.json() == {"miner_id": "m-2", "ts": None, "items": []}
        assert (await api.get(f"/api/v1/miners/nobody/{noun}")).status_code == 404


async def test_a_site_is_summed_up_by_algorithm(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    entries = [entry(f"m-{n}", interval_s=600.0 if n == 5 else None) for n in range(6)]
    await put(writer, [*entries, entry("z-1", site_id="site-b")])
    old = NOW - timedelta(minutes=10)
    telemetry.insert(
        "latest",
        reading("m-0", hashrate_hs=1e14, power_w=3000.0, chip_temp_max_c=60.0),
        reading("m-1", hashrate_hs=1e14, power_w=3000.0, chip_temp_max_c=80.0),
        reading("m-2", old, hashrate_hs=1e14),
        reading("m-3", status="offline"),
        reading("m-5", old, hashrate_hs=1.6e10, algorithm="scrypt"),  # its interval is 10 min
        reading("z-1", site_id="site-b", hashrate_hs=9e14),
    )
    answer = await api.get("/api/v1/sites/site-a/summary")
    fits("/api/v1/sites/{site_id}/summary", answer)
    body = answer.json()
    states = (body["online"], body["stale"], body["offline"], body["unknown"])
    assert states == (3, 1, 1, 1)
    assert body["algorithms"]["sha256d"]["hashrate_hs"] == 2e14
    assert body["algorithms"]["sha256d"]["efficiency_j_per_th"] == pytest.approx(30.0)
    assert body["algorithms"]["scrypt"]["hashrate_hs"] == 1.6e10
    assert body["algorithms"]["scrypt"]["efficiency_j_per_th"] == 0.0
    assert (body["power_w"], body["chip_temp_mean_c"]) == (6000.0, 70.0)
    sites = await api.get("/api/v1/sites")
    fits("/api/v1/sites", sites)
    assert [site["miners_total"] for site in sites.json()["items"]] == [6, 1]
    assert len(await collect(api, "/api/v1/sites", limit=1)) == 2
    assert (await api.get("/api/v1/sites/site-z/summary")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status", "told"),
    [
        ("GET", "/nowhere", 404, "Not Found"),
        ("POST", "/api/v1/miners", 405, "Method Not Allowed"),
        ("GET", "/api/v1/miners/nobody", 404, "no miner nobody"),
        ("GET", "/api/v1/miners/nobody/telemetry", 404, "no miner nobody"),
        ("GET", "/api/v1/miners/NOBODY", 422, "pattern"),
        ("GET", "/api/v1/miners?colour=red", 422, "unknown; allowed: site, rack, status"),
        ("GET", "/api/v1/sites/aa/summary?x=1", 422, "unknown; allowed: none"),
        ("GET", "/api/v1/miners/m-1/telemetry?x=1", 422, "unknown; allowed: from, to, resolution"),
        ("GET", "/api/v1/miners?limit=0", 422, "greater than or equal to 1"),
        ("GET", "/api/v1/miners?limit=501", 422, "less than or equal to 500"),
        ("GET", "/api/v1/miners?sort=sealed", 422, "no field to sort by; there are miner_id"),
        ("GET", "/api/v1/miners?status=happy", 422, "'mining'"),
        ("GET", "/api/v1/miners?q=%00", 422, "control characters"),
        ("GET", "/api/v1/miners?cursor=abc", 422, "no cursor of ours"),
        ("GET", f"/api/v1/miners?q={'x' * 5000}", 414, "4096 bytes"),
        ("GET", "/api/v1/miners/m-1/telemetry?from=yesterday", 422, "valid datetime"),
        ("GET", "/api/v1/miners/m-1/telemetry?from=2026-01-01T00:00:00", 422, "timezone"),
        ("GET", "/api/v1/miners/m-1/telemetry?from=0001-01-01T00:00:00%2B14:00", 422, "2000"),
        ("GET", "/api/v1/miners/m-1/telemetry?to=9999-12-31T23:59:59-14:00", 422, "2100"),
        (
            "GET",
            "/api/v1/miners/m-1/telemetry?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
            422,
            "from must be before to",
        ),
        (
            "GET",
            "/api/v1/miners/m-1/telemetry?from=2020-01-01T00:00:00Z&resolution=raw",
            422,
            "at most 31 days",
        ),
    ],
)
async def test_every_error_is_a_problem_that_says_what_is_allowed(
    api: httpx.AsyncClient, method: str, path: str, status: int, told: str
) -> None:
    answer = await api.request(method, path, headers={"X-Request-Id": "mine-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert body["type"].startswith("urn:minestream:problem:")
    assert body["request_id"] == answer.headers["x-request-id"] == "mine-1"
    assert told in answer.text


async def test_a_query_that_takes_too_long_is_504(
    settings: GatewaySettings, telemetry: Telemetry
) -> None:
    telemetry.execute(
        "CREATE OR REPLACE VIEW fleet_v1.site AS SELECT s.* FROM fleet.site s, "
        "(SELECT pg_sleep(30) OFFSET 0) AS slow"
    )
    telemetry.execute("INSERT INTO fleet.site (site_id) VALUES ('site-a')")
    hasty = settings.model_copy(update={"gateway_statement_timeout_s": 0.2})
    async with open_reader(hasty) as impatient:
        app = create_app(hasty, impatient, Health(), SystemClock())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as api:
            answer = await api.get("/api/v1/sites")
    assert answer.status_code == 504
    assert answer.json()["type"] == "urn:minestream:problem:query-timeout"


async def test_random_requests_never_break_the_gateway(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, document: dict[str, Any]
) -> None:
    await put(writer, [entry("m-1"), entry("m-2")])
    telemetry.insert("latest", reading("m-1"))
    seed = random.randrange(2**32)
    rng = random.Random(seed)
    words = ["", "m-1", "m-2", "0", "-1", "1e999", "null", "é漢", "'; DROP TABLE x", "\x00", "%"]
    words += ["a" * 300, "2026-01-01T00:00:00Z", "NaN", "-ts", "[]", "raw", "auto", "-", "🙂"]
    words += ["WyJzaXRlcyIsMV0"]  # a cursor that holds a number where a word should be
    statuses = set()
    for _ in range(600):
        path = rng.choice(list(document["paths"]))
        names = [p["name"] for p in document["paths"][path]["get"].get("parameters", [])]
        query = {rng.choice([*names, "other"]): rng.choice(words) for _ in range(rng.randint(0, 3))}
        filled = path.format(
            miner_id=rng.choice(["m-1", "m-2", "x", "%00", "..", "é"]),
            site_id=rng.choice(["site-a", "x", "%00", "é"]),
        )
        answer = await api.get(filled, params=query)
        assert answer.status_code < 500, f"seed {seed}: {filled} {query}: {answer.text}"
        statuses.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
    assert {200, 404, 422} <= statuses
