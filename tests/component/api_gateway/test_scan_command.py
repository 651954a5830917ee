"""A scan finds emulated miners of every model, and what it writes can be imported."""

import asyncio
import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from minestream_devstack.ports import ANY_HOST, Ports
from minestream_emulators.fleet import Fleet
from minestream_emulators.models import MODELS
from minestream_emulators.running import emulated_fleet
from minestream_schemas.inventory import INVENTORY

Run = Callable[..., subprocess.CompletedProcess[str]]
NETWORK = "127.9.3.0/27"
FAST = ("--rate", "2000")


@pytest.fixture
def given(environment: dict[str, str]) -> dict[str, str]:
    return {**os.environ, **environment, "MINESTREAM_MINER_PASSWORD": "admin"}


@pytest.fixture
def run(given: dict[str, str], inventory_command: Callable[..., list[str]]) -> Run:
    def start(*words: object, **changed: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            inventory_command(*words),
            env=given | changed,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
        )

    return start


@asynccontextmanager
async def everybody(folder: Path) -> AsyncIterator[tuple[Fleet, int]]:
    """One emulated miner of each model, each at an address of its own, all at one port."""
    port = Ports(folder / "ports").claim("miners", 0, host=ANY_HOST)
    mix = dict.fromkeys(MODELS, 1.0)
    first = NETWORK.replace(".0/27", ".1")
    async with emulated_fleet(miners=len(MODELS), mix=mix, first_address=first, port=port) as fleet:
        yield fleet, port


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


async def test_miners_of_every_model_go_from_scan_to_file_to_fleet_and_out_again(
    run: Run, tmp_path: Path, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    file, back = tmp_path / "found.yaml", tmp_path / "back.yaml"
    async with everybody(tmp_path) as (fleet, port):
        where = ("scan", NETWORK, "--port", port, "--site", "barn", *FAST)
        login = ("--username", "admin")
        done = await asyncio.to_thread(run, *where, *login, "--json", "--out", file)
        found = {one["address"]: one for one in lines(done)}
        stations = fleet.stations.values()
        assert {at: one["family"] for at, one in found.items()} == {
            station.address: station.resident.model.family for station in stations
        }
        assert list(found) == [station.address for station in stations], "in their order"
        assert all(one["evidence"] for one in found.values())
        assert not any(one["in_fleet"] for one in found.values())
        assert "admin" not in done.stdout + done.stderr + file.read_text()
        one = found[f"127.9.3.1:{port}"]
        assert one["miner_id"] == f"barn-127-9-3-1-{port}"
        imported = await asyncio.to_thread(run, "import", file)
        assert imported.stdout.startswith(f"{len(MODELS)} added"), imported.stderr
        exported = await asyncio.to_thread(run, "export", back)
        assert exported.returncode == 0, exported.stderr
        assert (
            yaml.safe_load(back.read_text())["miners"] == yaml.safe_load(file.read_text())["miners"]
        )
        kept = file.read_bytes()
        over = await asyncio.to_thread(run, *where, "--out", file)
        assert (over.returncode, "is there already" in over.stderr) == (2, True)
        assert file.read_bytes() == kept
        rest = tmp_path / "rest.yaml"
        again = await asyncio.to_thread(run, *where, "--json", "-v", "--out", rest)
        known = lines(again)
        wrong = await asyncio.to_thread(run, *where, *login, "--password", "guessed", "--json")
    assert all(one["in_fleet"] for one in known)
    silent = {at for at, one in found.items() if one["family"] == "vnish-cgi"}
    assert {one["address"] for one in known} == found.keys() - silent
    assert f"{len(silent)} answer and are no miner that we know" in again.stderr
    assert all(f"{at.partition(':')[0]} (open: {port})" in again.stderr for at in silent)
    assert f"{len(silent)} of these want credentials first" in again.stderr
    refusing = len(silent) + sum(one["locked"] for one in lines(wrong))
    assert refusing > len(silent)
    assert f"{refusing} refuse this user name or password" in wrong.stderr
    assert "want credentials first" not in wrong.stderr
    assert not rest.exists(), "nothing new: the name stays free for the next scan"


async def test_what_was_found_is_added_as_an_import_adds_it(
    run: Run, database_url: str, make_topics: Any
) -> None:
    await make_topics(INVENTORY)
    async with emulated_fleet(miners=1, first_address="127.9.4.1") as fleet:
        address = next(iter(fleet.stations.values())).address
        host, port = address.split(":")
        where = ("scan", host, "--port", port, "--site", "barn", "--add")
        unasked = await asyncio.to_thread(run, *where)
        assert (unasked.returncode, "give --yes" in unasked.stderr) == (2, True)
        done = await asyncio.to_thread(run, *where, "--yes")
        elsewhere = ("scan", host, "--port", port, "--site", "attic", "--json")
        known = await asyncio.to_thread(run, *elsewhere)
        repeated = await asyncio.to_thread(run, *elsewhere, "--repeated")
    [one], [another] = lines(known), lines(repeated)
    assert (one["in_fleet"], one["site_id"]) == (True, "barn")
    assert f"1 of these are in the fleet at barn ({one['miner_id']}, …): left out" in known.stderr
    assert (another["in_fleet"], another["site_id"]) == (False, "attic")
    assert done.returncode == 0, done.stderr
    assert "1 added" in done.stdout
    assert "published" in done.stderr
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT site_id, address, transport FROM fleet.miner").fetchall()
    assert rows == [("barn", address, "auto")]


def test_networks_outside_are_refused_before_anything_is_asked(
    run: Run,
) -> None:
    outside = run("scan", "8.8.8.0/24")
    assert (outside.returncode, outside.stdout) == (2, "")
    assert "8.8.8.0/24 is outside of MINESTREAM_ALLOWED_NETWORKS" in outside.stderr
    narrow = run("scan", NETWORK, MINESTREAM_ALLOWED_NETWORKS="127.9.3.0/28")
    assert narrow.returncode == 2


async def test_control_c_even_pressed_often_keeps_what_was_found(
    given: dict[str, str], inventory_command: Callable[..., list[str]], tmp_path: Path
) -> None:
    file = tmp_path / "found.csv"
    terminal, ours = pty.openpty()
    async with everybody(tmp_path) as (fleet, port):
        words = ("scan", "127.9.3.0/24", "--port", port, "--site", "barn", "--out", file)
        process = subprocess.Popen(  # noqa: ASYNC220 - it returns at once
            inventory_command(*words, "--rate", "20"),
            env=given | {"TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=ours,
            text=True,
        )
        os.close(ours)
        shown = await asyncio.to_thread(watched, process, terminal)
        process.wait(timeout=60)
    assert process.returncode == 130
    assert re.search(r"interrupted: \d+ of 254 addresses were looked at", shown)
    found = file.read_text().splitlines()
    assert 3 < len(found) <= len(fleet.stations) + 1
    assert found[1].startswith("barn-127-9-3-1-")


def watched(process: subprocess.Popen[str], terminal: int) -> str:
    """What is shown until it ends; from three found on it is interrupted whenever it shows more."""
    shown, pressed = "", False
    while True:
        try:
            read = os.read(terminal, 65_536).decode(errors="replace")
        except OSError:  # nobody holds the other end any more
            os.close(terminal)
            return shown
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown + read)
        pressed |= re.search(r"\d+/254.* [3-9] found", shown) is not None
        if pressed and "were looked at" not in shown and process.poll() is None:
            process.send_signal(signal.SIGINT)
