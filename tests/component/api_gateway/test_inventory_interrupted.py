"""Ctrl-C in the middle of an import leaves nothing half done, and says what is."""

import asyncio
import os
import pty
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psycopg
import pytest
import typer
from psycopg import sql

from api_gateway.adapters.bringing import changed
from api_gateway.adapters.database.fleet import LOCK

WITHIN_S: Final = 30.0
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(
    environment: dict[str, str],
    credentials_key: str,
    fleet_file: Path,
    inventory_command: Callable[..., list[str]],
) -> Start:
    """Begins an import."""

    def begin(stderr: int = subprocess.PIPE, **changed: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            inventory_command("import", fleet_file),
            env={
                **os.environ,
                **environment,
                "MINESTREAM_CREDENTIALS_KEY": credentials_key,
                "MINER_PASSWORD": "hunter2",
                **changed,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    return begin


def count(database_url: str, table: str) -> int:
    with psycopg.connect(database_url) as connection:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier("fleet", table))
        found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def wait_for_a_waiter(connection: psycopg.Connection[tuple[int]]) -> None:
    """Until somebody waits for a lock in this connection's database."""
    deadline = time.monotonic() + WITHIN_S
    waiting = (
        "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database"
        " WHERE d.datname = current_database() AND NOT granted"
    )
    while connection.execute(waiting).fetchone() == (0,):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_ctrl_c_before_the_commit_takes_all_of_it_back_and_says_so(
    start: Start, database_url: str
) -> None:
    with psycopg.connect(database_url) as somebody:
        somebody.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        importing = start()
        wait_for_a_waiter(somebody)
        importing.send_signal(signal.SIGINT)
        out, said = importing.communicate(timeout=WITHIN_S)
    assert (importing.returncode, out) == (130, "")
    assert said == "interrupted: nothing was written\n"
    assert count(database_url, "miner") == 0


def test_a_work_that_fails_in_its_own_way_when_interrupted_is_interrupted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So does the driver, where it is cancelled as it begins to send many statements."""

    async def work() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(WITHIN_S)
        except asyncio.CancelledError as exc:
            raise AssertionError from exc

    with pytest.raises(typer.Exit) as ended:
        changed(work())
    assert ended.value.exit_code == 130
    assert "interrupted: nothing was written" in capsys.readouterr().err


def test_ctrl_c_while_it_is_sent_says_that_it_is_written_and_what_waits(
    start: Start, database_url: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(WITHIN_S)
        importing = start(MINESTREAM_KAFKA_BOOTSTRAP=f"127.0.0.1:{silent.getsockname()[1]}")
        asked, _ = silent.accept()
        importing.send_signal(signal.SIGINT)
        with asked:
            out, said = importing.communicate(timeout=WITHIN_S)
    assert importing.returncode == 130
    assert out == "3 added, 0 changed, 0 removed, 0 unchanged\n"
    assert "interrupted: all of it is written; what is not sent yet waits in the outbox" in said
    assert (count(database_url, "miner"), count(database_url, "outbox")) == (3, 3)


def shown_by(importing: subprocess.Popen[str], screen: int) -> bytes:
    """What it writes to a terminal until it ends."""
    shown = b""
    try:
        while said := os.read(screen, 4096):
            shown += said
    except OSError:  # Linux's word for the end of a terminal
        pass
    finally:
        os.close(screen)
    importing.wait(WITHIN_S)
    return shown


def test_each_step_of_an_import_is_shown_on_a_terminal(start: Start) -> None:
    screen, terminal = pty.openpty()
    with start(terminal, MINESTREAM_KAFKA_BOOTSTRAP="127.0.0.1:1", TERM="xterm") as importing:
        os.close(terminal)
        shown = shown_by(importing, screen)
    assert importing.returncode == 0, shown
    steps = (b"reading the file", b"reading the fleet", b"sealing credentials", b"writing")
    at = [shown.find(step) for step in steps]
    assert -1 not in at
    assert at == sorted(at)


def test_on_a_terminal_what_ctrl_c_did_is_told_on_a_line_of_its_own(
    start: Start, database_url: str
) -> None:
    screen, terminal = pty.openpty()
    with psycopg.connect(database_url) as somebody:
        somebody.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        with start(terminal, TERM="xterm") as importing:
            os.close(terminal)
            wait_for_a_waiter(somebody)
            importing.send_signal(signal.SIGINT)
            shown = shown_by(importing, screen)
    assert importing.returncode == 130
    before, _, after = shown.partition(b"interrupted: nothing was written")
    begun = re.split(rb"[\r\n]|\x1b\[2K", before)[-1]
    assert re.sub(rb"\x1b\[[?0-9;]*[a-zA-Z]", b"", begun) == b"", "no bar stands before it"
    assert b"waiting for the database" not in after, "nor is one drawn once more"
