"""Processes of a stack whose supervisor was killed: found by the mark they carry, and ended."""

import contextlib
import os
import signal

import psutil

from minestream_devstack.home import MARK, Home
from minestream_devstack.postgres import PostgresServer


def find(home: Home) -> list[psutil.Process]:
    """All processes of this home, the supervisor included; never ourselves or our ancestors."""
    ours = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = {process.pid: process for process in _marked(home)}
    postgres = home.folder / "postgres"
    if postgres.is_dir():  # PostgreSQL overwrites its environment with its title
        found |= {process.pid: process for process in PostgresServer(postgres).leftovers()}
    return [process for pid, process in found.items() if pid not in ours]


def sweep(home: Home) -> int:
    """End all of them, those too that an undying supervisor starts meanwhile.

    Returns:
        how many there were.
    """
    ended: set[int] = set()
    for _ in range(3):
        found = find(home)
        if not found:
            break
        ended |= {process.pid for process in found}
        end(found)
    return len(ended)


def end(processes: list[psutil.Process], *, within_s: float = 15) -> None:
    """Tell them to end, then make them.

    Args:
        processes: whom.
        within_s: how long they may take before SIGKILL.
    """
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            is_postgres = process.name().startswith("postgres")
            process.send_signal(signal.SIGINT if is_postgres else signal.SIGTERM)
    _, stubborn = psutil.wait_procs(processes, timeout=within_s)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)


def _marked(home: Home) -> list[psutil.Process]:
    if home.id is None:
        return []
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == home.id:
                found.append(process)
    return found
