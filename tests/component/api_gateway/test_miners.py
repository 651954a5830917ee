import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from tests.component.api_gateway.alerting import transition, writing
from tests.component.api_gateway.conftest import NOW, Check, Telemetry, collect, entry, put, reading

from api_gateway.adapters.database import Reader, Writer
from api_gateway.domain.listing import SORTABLE
from minestream_schemas.inventory import Sealed


async def test_a_miner_never_heard_of_is_listed_as_unknown(
    api: httpx.AsyncClient, writer: Writer, fits: Check
) -> None:
    await put(writer, [entry("m-1", model="Antminer S19", workers=("alpha",), interval_s=600)])
    answer = await api.get("/api/v1/miners")
    fits("/api/v1/miners", answer)
    [item] = answer.json()["items"]
    assert (item["status"], item["ts"], item["age_s"]) == ("unknown", None, None)
    assert (item["model"], item["worker"]) == ("Antminer S19", "alpha")
    assert item["interval_s"] == 600
    assert answer.json()["next"] is None


@pytest.mark.parametrize("noun", ["", "/telemetry"])
async def test_a_miner_whose_first_reading_is_on_its_way_can_be_waited_for(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check, noun: str
) -> None:
    path = f"/api/v1/miners/m-1{noun}"
    unknown = await api.get(path, params={"wait_s": 0.3})
    assert unknown.status_code == 404
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(api.get(path, params={"wait_s": 10}))
        assert not (await asyncio.wait([waiting], timeout=0.3))[0]
        telemetry.insert("latest", reading("m-1"))
    fits(f"/api/v1/miners/{{miner_id}}{noun}", waiting.result())
    assert waiting.result().status_code == 200
    assert waiting.result().json()["miner_id"] == "m-1"


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


async def test_what_a_miner_should_make_is_known_also_while_it_is_dark(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry(f"m-{number}") for number in range(1, 5)])
    before = NOW - timedelta(minutes=5)
    telemetry.room(before, NOW, "reading")
    said: dict[str, Any] = {"hashrate_hs": 9e13, "hashrate_expected_hs": 1e14}
    telemetry.insert("reading", reading("m-1", before, **said), reading("m-1", status="offline"))
    telemetry.insert(
        "latest",
        reading("m-1", status="offline", answered_at=before),
        reading("m-2", answered_at=NOW, **said),
        reading("m-3", status="offline"),
    )
    answer = await api.get("/api/v1/miners")
    fits("/api/v1/miners", answer)
    assert [
        (item["hashrate_expected_hs"], item["hashrate_nominal_hs"])
        for item in answer.json()["items"]
    ] == [(None, 1e14), (1e14, 1e14), (None, None), (None, None)]


async def test_what_it_earns_is_listed_with_what_that_rests_on_and_sorts(
    api: httpx.AsyncClient, writer: Writer, telemetry: Telemetry, fits: Check
) -> None:
    await put(writer, [entry("m-1"), entry("m-2", tariff_usd_per_kwh=0.07), entry("m-3")])
    money: dict[str, Any] = {
        "pool_hashrate_hs": 1.57e10, "pool_coin": "Litecoin", "pool_at": NOW,
        "rate_usd_per_hs_day": 4.5e-10, "revenue_basis": "pool_rate", "price_at": NOW,
        "tariff_usd_per_kwh": 0.05, "revenue_usd_per_day": 7.209,
        "power_cost_usd_per_day": 4.032, "profit_usd_per_day": 3.177,
    }  # fmt: skip
    telemetry.insert("latest", reading("m-1", **money), reading("m-3", profit_usd_per_day=-1.0))
    answer = await api.get("/api/v1/miners", params={"sort": "-profit_usd_per_day"})
    fits("/api/v1/miners", answer)
    items = answer.json()["items"]
    assert [item["miner_id"] for item in items] == ["m-1", "m-3", "m-2"]
    at = NOW.isoformat().replace("+00:00", "Z")
    assert {key: items[0][key] for key in money} == money | {"pool_at": at, "price_at": at}
    assert items[2]["tariff_usd_per_kwh"] == 0.07
    assert items[2]["profit_usd_per_day"] is None


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
    api: httpx.AsyncClient,
    writer: Writer,
    telemetry: Telemetry,
    document: dict[str, Any],
    database_url: str,
) -> None:
    await put(writer, [entry("m-1", sealed=Sealed(key_id="0123abcd", box="c2VjcmV0"))])
    row = reading("m-1")
    telemetry.room(NOW, NOW + timedelta(seconds=1), "reading")
    telemetry.insert("reading", row)
    alert = transition("hot")
    with writing(database_url) as alerting:
        alerting.write(alert)
    ids = {"miner_id": "m-1", "site_id": "site-a"}
    ids |= {"event_id": row["event_id"], "alert_id": alert["alert_id"]}
    for path in (path for path, said in document["paths"].items() if "get" in said):
        answer = await api.get(path.format(**ids))
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
        "SELECT * FROM alerting.notification",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await reader.rows(statement)
