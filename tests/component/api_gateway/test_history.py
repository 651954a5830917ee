from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.component.api_gateway.conftest import NOW, Check, Telemetry, collect, entry, put, reading

from api_gateway.adapters.database import Writer
from minestream_schemas.ids import derived_id


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
    telemetry.roll_up(noon, day)
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
    entries = [entry(f"m-{n}", interval_s=600.0 if n == 5 else None) for n in range(7)]
    await put(writer, [*entries, entry("z-1", site_id="site-b")])
    now = datetime.now(UTC)  # NOW may be minutes old by now
    old = now - timedelta(minutes=10)
    telemetry.insert(
        "latest",
        reading("m-0", now, hashrate_hs=1e14, power_w=3000.0, chip_temp_max_c=60.0),
        reading("m-1", now, hashrate_hs=1e14, power_w=3000.0, chip_temp_max_c=80.0),
        reading("m-2", old, hashrate_hs=1e14),
        reading("m-3", now, status="offline"),
        reading("m-5", old, hashrate_hs=1.6e10, algorithm="scrypt"),  # its interval is 10 min
        reading("m-6", now, status="unknown", hashrate_hs=1.5e10, algorithm="scrypt"),
        reading("z-1", now, site_id="site-b", hashrate_hs=9e14),
    )
    answer = await api.get("/api/v1/sites/site-a/summary")
    fits("/api/v1/sites/{site_id}/summary", answer)
    body = answer.json()
    states = (body["online"], body["stale"], body["offline"], body["unknown"])
    assert states == (4, 1, 1, 1)
    assert body["algorithms"]["sha256d"]["hashrate_hs"] == 2e14
    assert body["algorithms"]["sha256d"]["efficiency_j_per_th"] == pytest.approx(30.0)
    assert body["statuses"]["unknown"] == 2
    assert body["algorithms"]["scrypt"]["hashrate_hs"] == 3.1e10
    assert body["algorithms"]["scrypt"]["efficiency_j_per_th"] == 0.0
    assert (body["power_w"], body["chip_temp_mean_c"]) == (6000.0, 70.0)
    sites = await api.get("/api/v1/sites")
    fits("/api/v1/sites", sites)
    assert [site["miners_total"] for site in sites.json()["items"]] == [7, 1]
    assert len(await collect(api, "/api/v1/sites", limit=1)) == 2
    assert (await api.get("/api/v1/sites/site-z/summary")).status_code == 404
