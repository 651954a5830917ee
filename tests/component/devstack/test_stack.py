"""The stack as a person drives it: real servers, a real supervisor, and nothing left behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest

from minestream_devstack.home import MARK, Home
from minestream_devstack.orphans import find, sweep


class Person:
    """Somebody in a folder of his own, who types commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / ".minestream")

    def types(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MINESTREAM_")}
        return subprocess.run(
            [sys.executable, "-m", "minestream_devstack", *words],
            cwd=self.folder,
            env=kept,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def starts(self) -> None:
        done = self.types("up", "--only", "kafka,postgres")
        assert done.returncode == 0, done.stderr

    def sees(self) -> dict[str, dict[str, object]]:
        return {row["name"]: row for row in json.loads(self.types("status", "--json").stdout)}


@pytest.fixture
def person() -> Iterator[Person]:
    with TemporaryDirectory(prefix="minestream-") as folder:
        Path(folder).chmod(0o711)
        person = Person(Path(folder))
        yield person
        sweep(person.home)


def test_up_status_down_leave_nothing_behind(person: Person) -> None:
    person.starts()
    seen = person.sees()
    assert {name: row["ready"] for name, row in seen.items()} == {"kafka": True, "postgres": True}
    assert all(psutil.pid_exists(int(str(row["pid"]))) for row in seen.values())
    assert person.types("down").returncode == 0
    assert find(person.home) == []
    assert person.types("status").returncode == 1


def test_up_again_changes_nothing(person: Person) -> None:
    person.starts()
    before = person.sees()
    person.starts()
    assert person.sees() == before
    person.types("down")


def test_a_killed_supervisor_is_recovered_from(person: Person) -> None:
    person.starts()
    before = person.sees()
    os.kill(int((person.home.folder / "supervisor.pid").read_text()), signal.SIGKILL)
    person.starts()
    after = person.sees()
    assert {row["address"] for row in after.values()} == {row["address"] for row in before.values()}
    assert not {row["pid"] for row in after.values()} & {row["pid"] for row in before.values()}
    assert person.types("down").returncode == 0
    assert find(person.home) == []


def test_down_alone_ends_what_a_killed_supervisor_left(person: Person) -> None:
    person.starts()
    os.kill(int((person.home.folder / "supervisor.pid").read_text()), signal.SIGKILL)
    assert len(find(person.home)) > 1
    assert person.types("down").returncode == 0
    assert find(person.home) == []


def test_a_server_that_dies_is_started_again(person: Person) -> None:
    person.starts()
    before = person.sees()["postgres"]["pid"]
    os.kill(int(str(before)), signal.SIGKILL)
    person.starts()
    assert person.sees()["postgres"]["pid"] != before
    assert person.types("restart", "postgres").returncode == 0
    person.types("down")


def test_commands_find_the_stack_that_runs_here(person: Person) -> None:
    person.starts()
    assert person.types("migrate").returncode == 0
    exported = person.types("env").stdout
    assert f"export MINESTREAM_KAFKA_BOOTSTRAP={person.sees()['kafka']['address']}" in exported
    created = person.types("topics", "create")
    assert created.stdout.startswith("0 created")
    person.types("down")


def test_processes_carry_the_mark_of_their_home(person: Person) -> None:
    person.starts()
    kafka = psutil.Process(int(str(person.sees()["kafka"]["pid"])))
    assert kafka.environ()[MARK] == person.home.id
    person.types("down")
    assert not kafka.is_running()
