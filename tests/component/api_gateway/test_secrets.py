"""A password goes from the inventory's file to the miner, and is seen nowhere on the way."""

import asyncio
import base64
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import yaml
from tests.component.collector_vnish.line import Line

from api_gateway.settings import GatewaySettings
from minestream_emulators.fleet import Fleet
from minestream_emulators.running import emulated_fleet
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED, INVENTORY
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner

WORD = "open-sesame-4711"
GUARDED = {"vnish": "settings", "antminer-web": "get_miner_conf"}
"""What each family shows to those only who know the password."""
TOPICS = (INVENTORY, RAW_MINER, GAP, DETECTED)


@pytest.fixture
def line(on_kafka: GatewaySettings, tmp_path: Path) -> Iterator[Line]:
    this = Line(on_kafka, tmp_path, key="")
    yield this
    this.end()


def lock(fleet: Fleet) -> None:
    """Give every miner the password that is looked for."""
    for station in fleet.stations.values():
        who = replace(station.resident.who, password=WORD, known_password=True)
        station.resident = station.planned = replace(station.resident, who=who)


def written(fleet: Fleet, folder: Path) -> Path:
    """The fleet as an inventory file, its passwords by reference."""
    miners = [dict(entry) for entry in fleet.inventory]
    for miner in miners:
        miner["credentials"] = miner["credentials"] | {"password": "${MINER_PASSWORD}"}
    file = folder / "fleet.yaml"
    file.write_text(yaml.safe_dump({"miners": miners}))
    return file


def has_guarded(polls: list[RawMiner]) -> bool:
    """Has each miner shown what it shows to those only who know the password?"""
    shown = {
        poll.dialect
        for poll in polls
        for name, body in poll.endpoints.items()
        if name == GUARDED.get(poll.dialect) and body.status is PollStatus.OK
    }
    return shown == GUARDED.keys()


async def test_a_password_is_in_no_topic_log_trace_file_table_or_answer(
    *,
    line: Line,
    environment: dict[str, str],
    api: httpx.AsyncClient,
    document: dict[str, Any],
    database_url: str,
    credentials_key: str,
    inventory_command: Callable[..., list[str]],
    make_topics: Any,
) -> None:
    await make_topics(*TOPICS)
    key_file = line.folder / "keys"
    key_file.write_text(credentials_key)
    key_file.chmod(0o600)
    keyed = {
        "MINESTREAM_CREDENTIALS_KEY_FILE": str(key_file),
        "MINESTREAM_TRACE_FOLDER": str(line.folder / "traces"),
        "MINESTREAM_TRACE_RATIO": "1",
        "MINESTREAM_LOG_LEVEL": "debug",
    }
    mix = {"l9-1.2.7": 1.0, "l7-web": 1.0}
    async with emulated_fleet(miners=2, mix=mix) as fleet:
        lock(fleet)
        done = await asyncio.to_thread(
            subprocess.run,
            inventory_command("import", written(fleet, line.folder)),
            env={**os.environ, **environment, **keyed, "MINER_PASSWORD": WORD},
            capture_output=True,
            check=True,
        )
        line.start(MINESTREAM_CREDENTIALS_KEY="", **keyed)
        await line.polled(has_guarded)
        metrics = repr(line.metrics())
    line.end()
    key_file.unlink()
    seen = {topic.name: b"\n".join(await line.values(topic)) for topic in TOPICS}
    seen |= {str(file): file.read_bytes() for file in line.folder.rglob("*") if file.is_file()}
    seen["terminal"], seen["metrics"] = done.stdout + done.stderr, metrics.encode()
    seen["tables"] = tables(database_url)
    seen["answers"] = await answers(api, document, [*fleet.stations])
    secret = {
        "password": WORD.encode(),
        "Basic": base64.b64encode(f"root:{WORD}".encode()),
        "key": credentials_key.encode(),
        "token": b"Bearer ",
        "Digest": b"cnonce",
    }
    assert not [
        (where, what)
        for where, text in seen.items()
        for what, word in secret.items()
        if word in text
    ]
    [miner_id, *_] = fleet.stations
    there = {where for where, text in seen.items() if miner_id.encode() in text}
    assert {INVENTORY.name, RAW_MINER.name, "tables", "answers"} <= there, "it has looked"
    assert any("/traces/" in where for where in there)


def tables(database_url: str) -> bytes:
    with psycopg.connect(database_url) as connection:
        miners = connection.execute("SELECT m::text FROM fleet.miner m").fetchall()
        outbox = connection.execute("SELECT o::text FROM fleet.outbox o").fetchall()
    return repr((miners, outbox)).encode()


async def answers(api: httpx.AsyncClient, document: dict[str, Any], miners: list[str]) -> bytes:
    """Whatever the gateway answers about miners."""
    paths = [
        path.format(miner_id=each)
        for path in document["paths"]
        for each in miners
        if path.count("{") == path.count("{miner_id}")
    ]
    found = [await api.get(path) for path in dict.fromkeys(paths)]
    return b"\n".join(answer.content for answer in found)
