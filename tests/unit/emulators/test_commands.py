import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from minestream_emulators.command import fault
from minestream_emulators.control_address import CONTROL_VARIABLE
from minestream_emulators.running import has_loopback_block
from minestream_emulators.serve import mix_of

runner = CliRunner()
app = typer.Typer()
app.command()(fault)


@dataclass
class World:
    """A world in a process of its own."""

    process: subprocess.Popen[str]
    folder: Path
    control: str
    greeting: str

    @property
    def miners(self) -> list[dict[str, object]]:
        read = yaml.safe_load((self.folder / "fleet.yaml").read_text())
        return [{**read["defaults"], **entry} for entry in read["miners"]]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)


def start(folder: Path, *more: str) -> World:
    command = [sys.executable, "-m", "minestream_emulators", "--control", "127.0.0.1:0"]
    command += ["--inventory", str(folder / "fleet.yaml"), "--replies", str(folder / "r.jsonl")]
    command += ["--port", "0", "--miners", "6", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    greeting = process.stdout.readline()
    return World(process, folder, greeting.rpartition(" ")[2].strip(), greeting)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    one = start(tmp_path)
    monkeypatch.setenv(CONTROL_VARIABLE, one.control)
    yield one
    one.process.kill()
    one.process.wait(10)
    assert one.process.stdout is not None
    one.process.stdout.close()


def get(address: object, path: str = "/api/v1/summary") -> dict[str, object]:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=5) as response:
        said: dict[str, object] = json.loads(response.read())
        return said


def test_the_world_announces_itself_writes_its_inventory_and_ends_on_a_signal(
    world: World,
) -> None:
    assert world.greeting.startswith("6 miners from 127.")
    assert get(world.control, "/readyz")["miners"] == 6
    assert all("miner" in get(entry["address"]) for entry in world.miners)
    assert len((world.folder / "r.jsonl").read_text().splitlines()) == 6
    assert world.end(signal.SIGTERM) == 0


def test_control_c_ends_it_too_even_while_a_miner_is_silent(world: World) -> None:
    assert runner.invoke(app, ["silent", "--miner", "demo-r01-s01"]).exit_code == 0
    began = time.monotonic()
    assert world.end(signal.SIGINT) == 0
    assert time.monotonic() - began < 5.0


def test_after_a_kill_numbers_go_on_and_no_line_is_missing(world: World) -> None:
    for entry in world.miners:
        get(entry["address"])
    world.process.kill()
    world.process.wait(10)
    again = start(world.folder)
    try:
        get(again.miners[0]["address"])
        lines = (world.folder / "r.jsonl").read_text().splitlines()
        numbers = [json.loads(line)["reply"] for line in lines]
    finally:
        assert again.end(signal.SIGTERM) == 0
        assert again.process.stdout is not None
        again.process.stdout.close()
    assert numbers == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.usefixtures("world")
def test_fault_breaks_lists_and_heals_a_running_world() -> None:
    broken = runner.invoke(app, ["hot-chip", "--count", "2", "--for", "30"])
    assert (broken.exit_code, broken.output.count("hot-chip at demo-r01-")) == (0, 2)
    assert "for 30 s" in broken.output
    listed = runner.invoke(app, ["--list"])
    assert "now: hot-chip at demo-r01-" in listed.output
    assert "dead-fan" in listed.output
    healed = runner.invoke(app, ["--heal"])
    assert (healed.exit_code, healed.output.strip()) == (0, "healed 2")
    assert "nothing is broken" in runner.invoke(app, []).output


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("arguments", "until"),
    [
        (["dead-fan"], "for 60 s"),
        (["reboot"], "for 30 s"),
        (["reboot", "--for", "5"], "for 5 s"),
        (["silent", "--for", "0"], "until healed"),
    ],
)
def test_a_fault_lasts_as_long_as_is_said_or_usual(arguments: list[str], until: str) -> None:
    assert runner.invoke(app, arguments).output.strip().endswith(until)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nope"], "unknown fault 'nope': --list says what there is"),
        (["market429"], "did you mean market-429?"),
        (["silent", "--miner", "x"], "there are 6, demo-r01-s01 to demo-r01-s06"),
        (["silent", "--share", "2"], "at most 1"),
        (["silent", "--share", "0.5", "--count", "1"], "one of them"),
    ],
)
def test_wrong_orders_end_with_1_and_the_reason(
    world: World, arguments: list[str], reason: str
) -> None:
    refused = runner.invoke(app, arguments)
    assert refused.exit_code == 1
    assert reason in refused.output
    assert world.process.poll() is None


def test_without_a_world_it_says_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONTROL_VARIABLE, "127.0.0.1:1")
    refused = runner.invoke(app, ["hot-chip"])
    assert refused.exit_code == 1
    assert "minestream demo" in refused.output
    monkeypatch.setenv(CONTROL_VARIABLE, "nonsense")
    assert "not an address" in runner.invoke(app, ["--list"]).output


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "minestream_emulators", "--control", "127.0.0.1:0"]
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--fault", "nope"), "there are hot-chip"),
        (("--model", "s9=1"), "unknown model 's9'"),
        (("--model", "l9-1.2.7"), "not MODEL=SHARE"),
        (("--first-address", "10.0.0.1"), "no loopback address"),
        (("--control", "0.0.0.0:1"), "loopback"),
        (("--fault", "silent", "--fault-share", "7"), "at most 1"),
    ],
)
def test_a_world_that_cannot_start_says_why_in_one_line(
    arguments: tuple[str, ...], reason: str
) -> None:
    ended = run("--port", "0", *arguments)
    assert ended.returncode == 1
    assert reason in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.skipif(not has_loopback_block(), reason="addresses of 127.0.0.0/8 needed")
def test_a_second_world_on_the_same_addresses_is_told_what_to_do(world: World) -> None:
    host, _, port = str(world.miners[0]["address"]).rpartition(":")
    ended = run("--first-address", host, "--port", port)
    assert ended.returncode == 1
    assert "another emulated world may be running" in ended.stderr


def test_faults_can_be_set_from_the_start(tmp_path: Path) -> None:
    one = start(tmp_path, "--fault", "hot-chip", "--fault", "silent", "--fault-share", "0.5")
    try:
        active = get(one.control, "/faults")["active"]
        assert isinstance(active, list)
        assert [(o["fault"], len(o["miners"])) for o in active] == [("hot-chip", 3), ("silent", 3)]
    finally:
        assert one.end(signal.SIGTERM) == 0
        assert one.process.stdout is not None
        one.process.stdout.close()


def test_help_names_every_option() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "minestream_emulators", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
    )
    for option in ("--miners", "--seed", "--inventory", "--replies", "--control", "--fault"):
        assert option in told.stdout


def test_the_mix_is_read_from_the_command_line() -> None:
    assert mix_of(["l9-1.2.7=0.5", "s21pro-1.2.7=0.5"]) == {"l9-1.2.7": 0.5, "s21pro-1.2.7": 0.5}
    assert len(mix_of([])) == 4
