"""What processor and sink made of polls, the lake gives again; a tampered row is named."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
import typer
from tests.component.archiver.conftest import LIMIT_S, publish
from tests.component.archiver.polls import polls
from typer.testing import CliRunner, Result

from archiver.adapters.envelopes import reader_of
from archiver.adapters.lake import Lake
from archiver.adapters.open_cut import OpenCut
from archiver.adapters.parquet import Row
from archiver.adapters.replay.command import replay
from archiver.domain.places import place_of
from minestream_runtime.kafka import Partition, Producer, Record
from minestream_runtime.settings import Settings
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from pathlib import Path

COUNT = 600
_STRANGER = """
DO $$
DECLARE kept telemetry.reading;
BEGIN
    SELECT * INTO kept FROM telemetry.reading LIMIT 1;
    kept.miner_id := 'site-a-m999';
    kept.event_id := gen_random_uuid();
    INSERT INTO telemetry.reading SELECT (kept).*;
END $$
"""
"""One more miner in the database, of which the lake has nothing."""
APP = typer.Typer()
APP.command()(replay)


@dataclass
class Flow:
    """Processor, sink and archiver as processes of their own, on one namespace."""

    folder: Path
    environment: dict[str, str]
    database_url: str
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, module: str, **more: str) -> None:
        """Start ``python -m module``."""
        with (self.folder / f"{module}.log").open("ab") as log:
            self.processes[module] = subprocess.Popen(
                [sys.executable, "-m", module],
                env={**os.environ, **self.environment, **more},
                stdout=log,
                stderr=log,
            )

    def stop(self, module: str) -> int:
        """Tell one to stop: its exit code."""
        process = self.processes.pop(module)
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def ask(self, query: str, *values: object) -> list[Any]:
        """Ask the database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    async def until(self, query: str, wanted: Any) -> None:
        """Ask until the first column of the first row is as wanted."""
        found: Any = None
        for _ in range(int(LIMIT_S * 10)):
            found = (await asyncio.to_thread(self.ask, query))[0][0]
            if found == wanted:
                return
            await asyncio.sleep(0.1)
        logs = [path.read_text()[-1500:] for path in self.folder.glob("*.log")]
        raise AssertionError(f"{query}: {found}, not {wanted}\n" + "\n".join(logs))

    async def replay(self, *arguments: str, **more: str) -> Result:
        """Run ``minestream replay``: in a thread, for it has a loop of its own."""
        run = partial(CliRunner().invoke, APP, arguments, env={**self.environment, **more})
        return await asyncio.to_thread(run)


@pytest.fixture
def flow(environment: dict[str, str], database_url: str, tmp_path: Path) -> Iterator[Flow]:
    more = {
        "MINESTREAM_STATE_DIR": str(tmp_path / "state"),
        "MINESTREAM_LAKE_FOLDER": str(tmp_path / "lake"),
        "MINESTREAM_SESSION_TIMEOUT_S": "6",
        "MINESTREAM_TICK_EVERY_S": "3600",
        "MINESTREAM_HOME": str(tmp_path / "home"),
    }
    flow = Flow(tmp_path, environment | more, database_url)
    name = urlsplit(database_url).path.strip("/")
    # as `minestream migrate` does; what is copied from a template is not granted in the copy
    flow.ask(f'GRANT CREATE ON DATABASE "{name}" TO minestream_owner')
    yield flow
    for process in flow.processes.values():
        process.kill()
        process.wait()


@pytest.fixture
async def producer(
    kafka_bootstrap: str, namespace: str, make_topics: Callable[..., Awaitable[None]]
) -> AsyncIterator[Producer]:
    await make_topics(*TOPICS)
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    async with Producer(settings, deadline_s=60) as producer:
        yield producer


async def test_a_replay_agrees_with_the_processor_and_the_sink_until_a_row_is_tampered_with(
    flow: Flow, producer: Producer
) -> None:
    events = list(polls(COUNT))
    late = events.pop(COUNT // 2)
    await publish(producer, RAW_MINER, *events)
    await publish(producer, RAW_MINER, late, events[0])
    for key, value in ((b"x", b"no json"), (b"x", None), (b"another", events[1].to_json())):
        await producer.send(RAW_MINER, key=key, value=value)
    for module in ("processor", "timescale_sink", "archiver"):
        flow.start(module)
    await flow.until("SELECT count(*) FROM telemetry_v1.reading", COUNT)
    assert flow.stop("archiver") == 0, "what it has read is archived as it goes"

    agreed = await flow.replay("--schema", "replay_one", "--json")
    assert agreed.exit_code == 0, agreed.output
    told = json.loads(agreed.stdout)
    assert told["agrees"] is True
    assert told["records"] == COUNT + 1 + 3
    assert told["rows"]["reading"] == COUNT, "an event that was published twice is one row"
    assert told["refused"] == {"unreadable": 2, "key": 1}
    assert len({(day["table"], day["day"]) for day in told["days"]}) == 3 * 2, "tables, days"
    assert {day["rows"][0] for day in told["days"]}.isdisjoint({0})
    assert flow.ask("SELECT 1 FROM telemetry_v1.reading WHERE 'late' = ANY (quality_flags)")

    taken = await flow.replay("--schema", "replay_one")
    assert (taken.exit_code, "--replace" in taken.stderr) == (2, True)
    ours = await flow.replay("--schema", "telemetry", "--replace")
    assert (ours.exit_code, "no replay made it" in ours.stderr) == (2, True)

    await _a_miner_that_the_lake_lacks_is_told(flow)

    victim = events[7]
    flow.ask(
        "UPDATE telemetry.reading SET power_w = coalesce(power_w, 0) + 0.001 "
        "WHERE raw_event_id = %s",
        victim.event_id,
    )
    flow.ask(
        "DELETE FROM telemetry.board WHERE event_id IN (SELECT max(event_id::text)::uuid "
        "FROM telemetry.board WHERE miner_id = 'site-a-m003')"
    )
    differs = await flow.replay("--schema", "replay_one", "--replace", "--json")
    assert differs.exit_code == 1, differs.output
    wrong = [day for day in json.loads(differs.stdout)["days"] if day["verdict"] == "differs"]
    reading, board = sorted(wrong, key=lambda day: day["table"], reverse=True)
    assert (reading["table"], reading["miners"]) == ("reading", [victim.miner_id])
    assert reading["day"] == victim.polled_at.date().isoformat()
    assert [list(row["columns"]) for row in reading["differences"]] == [["power_w"]]
    assert (board["table"], board["miners"]) == ("board", ["site-a-m003"])
    assert {row["only"] for row in board["differences"]} == {"rebuilt"}

    shown = await flow.replay("--miner", victim.miner_id, "--schema", "replay_two")
    assert (shown.exit_code, "does not agree" in shown.stdout) == (1, True)
    assert f"{victim.miner_id} {victim.polled_at:%Y-%m-%d}" in shown.stdout
    assert "power_w" in shown.stdout
    since = (events[0].polled_at + timedelta(seconds=60)).isoformat()
    part = await flow.replay("--from", since, "--miner", "site-a-m004", "--schema", "r", "--json")
    assert (part.exit_code, json.loads(part.stdout)["polls"]) == (0, (COUNT - 60) / 20)


async def _a_miner_that_the_lake_lacks_is_told(flow: Flow) -> None:
    flow.ask(_STRANGER)
    lacking = await flow.replay("--schema", "replay_one", "--replace", "--json")
    assert (lacking.exit_code, json.loads(lacking.stdout)["agrees"]) == (1, False)
    assert json.loads(lacking.stdout)["unknown_miners"] == ["site-a-m999"]
    said = await flow.replay("--schema", "replay_one", "--replace")
    assert (said.exit_code, "none in the lake" in said.stdout) == (1, True)
    assert "does not agree" in said.stdout
    asked = await flow.replay("--miner", "site-a-m004", "--schema", "replay_three")
    assert asked.exit_code == 0, "the others were not asked for"
    flow.ask("DELETE FROM telemetry.reading WHERE miner_id = 'site-a-m999'")


async def test_what_a_replay_lacks_is_told_in_a_sentence(flow: Flow, tmp_path: Path) -> None:
    nowhere = await flow.replay()
    assert (nowhere.exit_code, "no lake at" in nowhere.stderr) == (2, True)
    (tmp_path / "lake").mkdir()
    empty = await flow.replay()
    assert (empty.exit_code, "holds no polls" in empty.stderr) == (2, True)
    listed = await flow.replay("--list", "--json")
    assert json.loads(listed.stdout)["holdings"] == []
    assert (await flow.replay("--from", "soon")).exit_code == 2


async def test_a_replay_without_its_database_says_so_and_makes_nothing(
    flow: Flow, tmp_path: Path
) -> None:
    lake = Lake(tmp_path / "lake")
    partition = Partition(RAW_MINER.name, 0)
    held = lake.hold(partition, cluster="c", beginning=0, end=9)
    cut = OpenCut(lake, partition, held, zstd_level=1)
    (poll,) = polls(1)
    record = Record(partition, 0, poll.miner_id.encode(), poll.to_json(), {}, 0)
    envelope = reader_of(RAW_MINER)(record.value)
    cut.add(place_of(RAW_MINER.subject, envelope, None), Row(record, envelope), now_s=0)
    cut.keep()
    away = await flow.replay(MINESTREAM_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert away.exit_code == 2, away.output
    assert "127.0.0.1:1" not in away.stderr
    assert "Traceback" not in away.stderr
    assert away.stderr.startswith("minestream replay: "), away.stderr
