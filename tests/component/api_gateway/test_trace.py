import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tests.component.api_gateway.conftest import NOW, Check, Telemetry, reading

from api_gateway.adapters.database import Reader, open_reader
from api_gateway.adapters.http.app import create_app
from api_gateway.settings import GatewaySettings
from minestream_runtime import traces
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.health import Health
from minestream_runtime.settings import Settings
from minestream_schemas.ids import derived_id

PATH = "/api/v1/readings/{event_id}/trace"
COMMAND = """
import typer
from api_gateway.adapters.trace_command import trace
app = typer.Typer()
app.command()(trace)
app()
"""


@dataclass(frozen=True)
class Stored:
    """A reading whose rows are there."""

    raw_event_id: UUID
    event_id: UUID


def put(
    telemetry: Telemetry,
    miner_id: str = "m-1",
    *,
    days_ago: int = 0,
    raw_id: UUID | None = None,
    **parts: bool,
) -> Stored:
    """Write the rows of one poll: raw_event, reading and latest, but those that are False."""
    ts = NOW - timedelta(days=days_ago)
    raw_id = raw_id or new_event_id(ts)
    own_id = derived_id("telemetry", raw_id)
    row = reading(miner_id, ts, event_id=own_id, raw_event_id=raw_id, latency_ms=40.0) | {
        "published_at": ts + timedelta(milliseconds=90),
        "stored_at": ts + timedelta(milliseconds=200),
    }
    raw = {
        "event_id": raw_id,
        "polled_at": ts,
        "miner_id": miner_id,
        "site_id": "site-a",
        "collector_id": "collector-vnish-0",
        "dialect": "vnish",
        "status": "ok",
        "event": "{}",
        "published_at": ts + timedelta(milliseconds=50),
        "stored_at": ts + timedelta(milliseconds=150),
    }
    telemetry.room(ts, ts + timedelta(seconds=1), "reading", "raw_event")
    for table, values in (("raw_event", raw), ("reading", row), ("latest", row)):
        if parts.get(table, table != "latest"):
            telemetry.insert(table, values)
    return Stored(raw_id, own_id)


def spans_into(folder: Path, event_id: UUID) -> None:
    with traces.configured("collector-vnish", Settings(trace_folder=folder, trace_ratio=1)):
        with traces.root("poll miner", event_id) as span:
            headers = dict(traces.headers_of(span))
        with traces.child("send", traces.sampled(headers)):
            pass


@pytest.mark.parametrize("id_of", ["raw_event_id", "event_id"])
@pytest.mark.parametrize("days_ago", [0, 3, 20])
async def test_a_readings_way_is_found_by_either_id_however_old_it_is(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check, id_of: str, days_ago: int
) -> None:
    put(telemetry, "m-2", days_ago=days_ago)
    stored = put(telemetry, days_ago=days_ago)
    answer = await api.get(PATH.format(event_id=getattr(stored, id_of)))
    fits(PATH, answer)
    said = answer.json()
    assert said["raw_event_id"] == str(stored.raw_event_id)
    assert said["event_id"] == str(stored.event_id)
    assert said["miner_id"] == "m-1"
    assert said["trace_id"] == stored.raw_event_id.hex
    assert (said["sampled"], said["spans"]) == (False, [])
    assert [(step["step"], step["after_s"], step["service"]) for step in said["steps"]] == [
        ("polled", 0.04, "collector-vnish-0"),
        ("published", 0.05, "collector-vnish-0"),
        ("normalised", 0.09, "processor"),
        ("stored", 0.2, "timescale-sink"),
    ]


async def test_the_newest_reading_of_a_miner_is_found_at_once(
    api: httpx.AsyncClient, telemetry: Telemetry
) -> None:
    stored = put(telemetry, latest=True)
    answer = await api.get(PATH.format(event_id=stored.event_id))
    assert len(answer.json()["steps"]) == 4


async def test_a_raw_event_of_which_no_reading_came_yet_shows_how_far_it_got(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    stored = put(telemetry, reading=False)
    answer = await api.get(PATH.format(event_id=stored.raw_event_id))
    fits(PATH, answer)
    assert answer.json()["event_id"] is None
    assert [step["step"] for step in answer.json()["steps"]] == ["polled", "published"]


async def test_a_reading_outlives_its_raw_event(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    stored = put(telemetry, raw_event=False)
    for event_id in (stored.event_id, stored.raw_event_id):
        answer = await api.get(PATH.format(event_id=event_id))
        fits(PATH, answer)
        steps = answer.json()["steps"]
        assert [step["step"] for step in steps] == ["polled", "normalised", "stored"]


@pytest.mark.parametrize(
    "event_id",
    [
        str(uuid4()),
        str(new_event_id(NOW)),
        str(UUID(int=(2**48 - 1) << 80 | 7 << 76 | 2 << 62)),
        str(UUID(int=7 << 76 | 2 << 62)),
        str(UUID(int=0)),
        str(derived_id("telemetry", "nobody")),
    ],
    ids=["random", "young", "of the last instant", "of the first", "nil", "derived"],
)
async def test_an_unknown_id_is_answered_with_404(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check, event_id: str
) -> None:
    put(telemetry)
    answer = await api.get(PATH.format(event_id=event_id))
    fits(PATH, answer)
    assert answer.status_code == 404
    assert event_id in answer.json()["detail"]


@pytest.mark.parametrize("event_id", ["m-1", "0199d2a4", "x" * 36, "%00", "é"])
async def test_what_is_no_uuid_is_answered_with_422(
    api: httpx.AsyncClient, fits: Check, event_id: str
) -> None:
    answer = await api.get(PATH.format(event_id=event_id))
    fits(PATH, answer)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["parameter"] == "event_id"


async def test_a_reading_that_is_stored_while_it_is_waited_for_is_answered(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    telemetry.room(NOW, NOW + timedelta(seconds=1), "reading", "raw_event")
    raw_id = new_event_id(NOW)
    own_id = derived_id("telemetry", raw_id)
    path = PATH.format(event_id=own_id)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(api.get(path, params={"wait_s": 10}))
        assert not (await asyncio.wait([waiting], timeout=0.3))[0]
        put(telemetry, raw_id=raw_id)
    answer = waiting.result()
    fits(PATH, answer)
    assert answer.status_code == 200
    assert answer.json()["event_id"] == str(own_id)


async def test_what_is_not_stored_in_time_is_unknown(
    api: httpx.AsyncClient, telemetry: Telemetry, fits: Check
) -> None:
    put(telemetry)
    began = asyncio.get_running_loop().time()
    answer = await api.get(PATH.format(event_id=uuid4()), params={"wait_s": 0.6})
    assert asyncio.get_running_loop().time() - began >= 0.6
    fits(PATH, answer)
    assert answer.status_code == 404


@pytest.mark.parametrize("wait_s", ["-1", "10.1", "nan", "soon"])
async def test_a_wait_out_of_bounds_is_refused(
    api: httpx.AsyncClient, fits: Check, wait_s: str
) -> None:
    answer = await api.get(PATH.format(event_id=uuid4()), params={"wait_s": wait_s})
    fits(PATH, answer)
    assert answer.status_code == 422
    assert answer.json()["faults"][0]["parameter"] == "wait_s"


async def test_many_who_wait_leave_the_database_to_the_others(
    settings: GatewaySettings, telemetry: Telemetry
) -> None:
    stored = put(telemetry)
    few = settings.model_copy(update={"gateway_read_connections": 2})
    async with open_reader(few) as reader:
        transport = httpx.ASGITransport(create_app(few, reader, Health(), SystemClock()))
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://gateway") as client,
            asyncio.TaskGroup() as group,
        ):
            paths = [PATH.format(event_id=uuid4()) for _ in range(100)]
            asked = [group.create_task(client.get(p, params={"wait_s": 10})) for p in paths]
            done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            assert done, "more than may wait at once are answered at once"
            assert len(waiting) >= 50, "and the others wait"
            path = PATH.format(event_id=stored.event_id)
            assert {(await client.get(path)).status_code for _ in range(20)} == {200}
            for each in waiting:
                each.cancel()
    assert {each.result().status_code for each in done} == {404}


@pytest.fixture
async def traced(reader: Reader, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The app where spans lie in a folder, though no poll but those of the test is traced."""
    settings = GatewaySettings(trace_folder=tmp_path, trace_ratio=0)
    app = create_app(settings, reader, Health(), SystemClock())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_the_spans_of_a_traced_poll_follow_its_steps(
    traced: httpx.AsyncClient, telemetry: Telemetry, fits: Check, tmp_path: Path
) -> None:
    stored, other = put(telemetry), put(telemetry, "m-2")
    spans_into(tmp_path, stored.raw_event_id)
    answer = await traced.get(PATH.format(event_id=stored.event_id))
    fits(PATH, answer)
    poll, send = answer.json()["spans"]
    assert (poll["name"], poll["parent_id"]) == ("poll miner", None)
    assert (send["name"], send["parent_id"]) == ("send", poll["span_id"])
    assert answer.json()["sampled"]
    plain = (await traced.get(PATH.format(event_id=other.event_id))).json()
    assert (plain["sampled"], plain["spans"]) == (False, [])


async def test_many_who_ask_at_once_are_all_answered(
    traced: httpx.AsyncClient, telemetry: Telemetry, tmp_path: Path
) -> None:
    stored = put(telemetry)
    spans_into(tmp_path, stored.raw_event_id)
    path = PATH.format(event_id=stored.event_id)
    answers = await asyncio.gather(*(traced.get(path) for _ in range(50)))
    assert {len(answer.json()["spans"]) for answer in answers} == {2}


async def run(environment: dict[str, str], *words: str) -> tuple[int, str, str]:
    """Exit code, output and errors of ``minestream trace``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        COMMAND,
        *words,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, errors = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode(), errors.decode()


async def test_the_command_shows_the_way_and_says_the_same_as_rest(
    database_url: str, telemetry: Telemetry, traced: httpx.AsyncClient, tmp_path: Path
) -> None:
    stored = put(telemetry, latest=True)
    spans_into(tmp_path, stored.raw_event_id)
    environment = {
        "MINESTREAM_DATABASE_URL": database_url,
        "MINESTREAM_TRACE_FOLDER": str(tmp_path),
        "MINESTREAM_TRACE_RATIO": "0",
    }
    code, said, _ = await run(environment, str(stored.event_id))
    assert code == 0
    for expected in ("polled", "published", "normalised", "stored", "200.0 ms", "110.0 ms"):
        assert expected in said
    assert said.index("poll miner") < said.index("└── send")
    code, by_miner, _ = await run(environment, "m-1", "--json")
    rest: dict[str, Any] = (await traced.get(PATH.format(event_id=stored.event_id))).json()
    assert (code, json.loads(by_miner)) == (0, rest)


async def test_the_command_says_what_is_wrong(database_url: str, postgres_url: str) -> None:
    there = {"MINESTREAM_DATABASE_URL": database_url}
    stranger = uuid4()
    outcomes = await asyncio.gather(
        run(there, str(stranger)),
        run(there, "m-nobody"),
        run(there, "no such thing"),
        run({"MINESTREAM_DATABASE_URL": postgres_url}, str(stranger)),
        run({"MINESTREAM_DATABASE_URL": "postgresql://127.0.0.1:9/x"}, str(stranger)),
        run({"MINESTREAM_TRACE_RATIO": "2"}, str(stranger)),
    )
    assert [code for code, _, _ in outcomes] == [1, 1, 2, 1, 1, 2]
    wanted = (
        f"no reading and no raw event {stranger}",
        "no reading of a miner m-nobody",
        "neither an event's id",
        "run minestream migrate",
        "is a stack running here",
        "MINESTREAM_TRACE_RATIO",
    )
    for (_, said, errors), text in zip(outcomes, wanted, strict=True):
        assert said == ""
        assert text in " ".join(errors.split())
        assert "Traceback" not in errors
