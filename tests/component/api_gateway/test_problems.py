import random
import sys
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.component.api_gateway.conftest import Telemetry, entry, put, reading

from api_gateway.adapters.database import Writer, open_reader
from api_gateway.adapters.http.app import create_app
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health


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
        ("GET", "/api/v1/miners/m-1/telemetry?x=1", 422, "unknown; allowed: wait_s, from, to"),
        ("GET", "/api/v1/miners?limit=0", 422, "greater than or equal to 1"),
        ("GET", "/api/v1/miners?limit=501", 422, "less than or equal to 500"),
        ("GET", "/api/v1/miners?sort=sealed", 422, "no field to sort by; there are miner_id"),
        ("GET", "/api/v1/miners?status=happy", 422, "'mining'"),
        ("GET", "/api/v1/miners?q=%00", 422, "control characters"),
        ("GET", "/api/v1/miners?cursor=abc", 422, "no cursor of ours"),
        ("GET", f"/api/v1/miners?q={'x' * 5000}", 414, "4096 bytes"),
        ("GET", "/api/v1/gaps?cause=laziness", 422, "'link_down'"),
        ("GET", "/api/v1/gaps?from=2026-01-02T00:00:00Z&to=2026-01-02T00:00:00Z", 422, "before to"),
        ("GET", "/api/v1/gaps?cursor=WyJzaXRlcyIsMV0", 422, "no cursor of ours"),
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
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    words = ["", "m-1", "m-2", "0", "-1", "1e999", "null", "é漢", "'; DROP TABLE x", "\x00", "%"]
    words += ["a" * 300, "2026-01-01T00:00:00Z", "NaN", "-ts", "[]", "raw", "auto", "-", "🙂"]
    words += ["300", "86400", "true"]
    words += ["WyJzaXRlcyIsMV0"]  # a cursor that holds a number where a word should be
    read = {path: said["get"] for path, said in document["paths"].items() if "get" in said}
    statuses = set()
    for _ in range(600):
        path = rng.choice(list(read))
        names = [p["name"] for p in read[path].get("parameters", [])]
        query = {rng.choice([*names, "other"]): rng.choice(words) for _ in range(rng.randint(0, 3))}
        some_id = rng.choice([str(UUID(int=rng.getrandbits(128))), "m-1", "%00", "é"])
        filled = path.format(
            miner_id=rng.choice(["m-1", "m-2", "x", "%00", "..", "é"]),
            site_id=rng.choice(["site-a", "x", "%00", "é"]),
            event_id=some_id,
            alert_id=some_id,
        )
        answer = await api.get(filled, params=query)
        assert answer.status_code < 500, f"{filled} {query}: {answer.text}"
        statuses.add(answer.status_code)
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == "application/problem+json"
    assert {200, 404, 422} <= statuses
