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

from minestream_devstack.demo import FOREIGN, World, begin
from minestream_devstack.home import MARK, Home
from minestream_devstack.orphans import find, sweep
from minestream_devstack.screen import Screen
from minestream_devstack.services import Program
from minestream_devstack.stack import Stack
from minestream_devstack.supervision import Supervisor
from minestream_runtime.errors import ConfigurationError


class Person:
    """Somebody in a folder of his own, who types commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = Home(folder / ".minestream")

    def types(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("MINESTREAM_")}
        return subprocess.run(
            [sys.executable, "-m", "minestream_devstack", *words],
            cwd=self.folder,
            env=kept | variables,
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


def test_a_stack_from_up_to_down(person: Person) -> None:
    """One start serves several questions: each costs seconds."""
    person.starts()
    seen = person.sees()
    assert {name: row["ready"] for name, row in seen.items()} == {"kafka": True, "postgres": True}
    kafka = psutil.Process(int(str(seen["kafka"]["pid"])))
    assert kafka.environ()[MARK] == person.home.id

    person.starts()
    assert person.sees() == seen, "up again changes nothing"

    refused = person.types("demo")
    assert refused.returncode == 2
    assert "a stack runs in" in refused.stderr
    assert "minestream down" in refused.stderr
    assert person.sees() == seen, "a demo beside it does not end it"

    assert person.types("migrate").returncode == 0, "commands find the stack that runs here"
    exported = person.types("env").stdout
    assert f"export MINESTREAM_KAFKA_BOOTSTRAP={seen['kafka']['address']}" in exported
    assert person.types("topics", "create").stdout.startswith("0 created")

    postgres = int(str(seen["postgres"]["pid"]))
    os.kill(postgres, signal.SIGKILL)
    person.starts()
    assert person.sees()["postgres"]["pid"] != postgres, "a server that dies is started again"
    assert person.types("restart", "postgres").returncode == 0

    assert person.types("down").returncode == 0
    assert find(person.home) == []
    assert not kafka.is_running()
    assert person.types("status").returncode == 1


def test_a_killed_supervisor_is_recovered_from(person: Person) -> None:
    person.starts()
    before = person.sees()
    os.kill(int((person.home.folder / "supervisor.pid").read_text()), signal.SIGKILL)
    person.starts()
    after = person.sees()
    assert {row["address"] for row in after.values()} == {row["address"] for row in before.values()}
    assert not {row["pid"] for row in after.values()} & {row["pid"] for row in before.values()}

    os.kill(int((person.home.folder / "supervisor.pid").read_text()), signal.SIGKILL)
    assert len(find(person.home)) > 1
    with person.home.changing():
        stopping = person.types("status")
    assert (stopping.returncode, stopping.stdout) == (2, "")
    assert f"another `minestream` (pid {os.getpid()}) is starting or stopping" in stopping.stderr
    assert "was killed and left" in person.types("status").stderr
    assert person.types("down").returncode == 0, "down alone ends what is left"
    assert find(person.home) == []


def test_the_next_demo_has_the_addresses_of_one_whose_supervisor_was_killed(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in FOREIGN:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MINESTREAM_TOPIC_NAMESPACE", "Not A Word")  # it ends before servers start
    person.home.create()
    listening = "import socket; s = socket.create_server(('', 0)); print(s.getsockname()[1])"
    with subprocess.Popen(
        [sys.executable, "-c", f"{listening}; import sys; sys.stdout.flush(); s.accept()"],
        env={**os.environ, MARK: str(person.home.id)},
        stdout=subprocess.PIPE,
        text=True,
    ) as left:
        assert left.stdout is not None
        ports = {"miners": int(left.stdout.readline())}
        (person.home.folder / "ports.json").write_text(json.dumps(ports))
        with pytest.raises(ConfigurationError, match="MINESTREAM_TOPIC_NAMESPACE"):
            begin(Stack(person.home, Screen()), World(1, seed=1))
        left.wait(30)
    assert json.loads((person.home.folder / "ports.json").read_text()).items() >= ports.items()


def test_what_ends_at_once_tells_its_exit_code(person: Person) -> None:
    person.home.create()
    supervisor = Supervisor(person.home)
    supervisor.apply([Program("refused", (sys.executable, "-c", "raise SystemExit(78)"))])
    supervisor.start("refused")
    stack = Stack(person.home, Screen())
    with pytest.raises(ConfigurationError, match=r"refused is not ready: .*exit status 78"):
        stack.wait("refused", within_s=60)
    assert supervisor.state("refused").exit_code == 78
    told = person.types("status").stdout
    assert "exit status 78" in told


def test_a_setting_that_is_wrong_for_all_is_a_sentence_and_nothing_starts(person: Person) -> None:
    done = person.types("up", "--only", "kafka", MINESTREAM_TOPIC_NAMESPACE="Not A Word")
    assert done.returncode == 2
    assert "MINESTREAM_TOPIC_NAMESPACE" in done.stderr
    assert "pydantic" not in done.stderr
    assert "Traceback" not in done.stderr
    assert find(person.home) == []
