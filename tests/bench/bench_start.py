"""How long until the first row, how long does a restart take, and what memory does the demo need?

The demo as a person runs it, 24 emulated miners, in a folder of its own: once where nothing was
ever started (Kafka's jars and the dashboard's page are in the cache), then again. The first row is
the earliest that the sink stored, by the database's clock. A restart is stop, start and readiness.
Memory is what all processes of the demo, its servers and its emulated miners use after half a
minute: PSS, which counts what they share once, and RSS. There is no peer to compare with.

Run: ``python tests/bench/bench_start.py [--quick] [--cold]``; with ``--cold`` the first start also
downloads and builds everything into an empty cache. Last answer: see results/latest.json.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil
import psycopg

from minestream_devstack.dashboard import Dashboard
from minestream_devstack.home import Home
from minestream_devstack.orphans import find
from minestream_devstack.screen import Screen
from minestream_devstack.services import EMULATORS, KAFKA, POSTGRES, SERVICES
from minestream_devstack.stack import Stack

MINERS, ROUNDS, SETTLE_S = 24, 3, 30.0
FIRST_ROW: Final = (
    "SELECT min(stored_at), (SELECT min(polled_at) FROM telemetry.raw_event WHERE stored_at >= %s) "
    "FROM telemetry.reading WHERE stored_at >= %s"
)
MIB: Final = 1024**2


class Demo:
    """One run of ``minestream demo``.

    Args:
        folder: where its data lie.
        arguments: further ones.
        environment: further variables.
    """

    def __init__(self, folder: Path, arguments: Sequence[str], environment: dict[str, str]) -> None:
        self.home = Home(folder / ".minestream")
        self.began_at = datetime.now(UTC)
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minestream_devstack", "demo", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        said = []
        for line in self.process.stdout or ():
            said.append(line)
            progress(f"  {line.rstrip()}")
            if found := re.search(r"first reading after ([\d.]+) s", line):
                self.first_reading_s, self.ready_s = float(found[1]), time.monotonic() - began
                return
        self.process.wait(60)
        raise RuntimeError("".join(said))

    def first_row_s(self) -> tuple[float, float]:
        """Seconds from the command, and from the first poll, to the first stored row."""
        with psycopg.connect(self.home.exports["MINESTREAM_DATABASE_URL"]) as connection:
            row = connection.execute(FIRST_ROW, (self.began_at, self.began_at)).fetchone()
        if row is None or None in row:
            raise RuntimeError("no row was stored")
        stored_at, polled_at = row
        return (stored_at - self.began_at).total_seconds(), (stored_at - polled_at).total_seconds()

    def end(self) -> float:
        """End it as Ctrl-C does; seconds that it took."""
        began = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=120)
        return time.monotonic() - began


@contextmanager
def running(folder: Path, miners: int, environment: dict[str, str]) -> Iterator[Demo]:
    """A demo that is ended with the block."""
    demo = Demo(folder, ["--miners", str(miners)], environment)
    try:
        yield demo
    finally:
        demo.end()


def progress(text: str) -> None:
    """Tell a person what is being done."""
    sys.stderr.write(f"{text}\n")


def memory(demo: Demo) -> dict[str, dict[str, float]]:
    """MiB of each program of the demo, its children included: PSS and RSS."""
    supervisor = Stack(demo.home, Screen()).supervisor
    programs = {state.pid: state.name for state in supervisor.states() if state.pid}
    found: dict[str, dict[str, float]] = {}
    for process in [psutil.Process(demo.process.pid), *find(demo.home)]:
        try:
            line = [process.pid, *(parent.pid for parent in process.parents())]
            used = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        name = next((programs[pid] for pid in line if pid in programs), "minestream")
        of_program = found.setdefault(name, {"pss": 0.0, "rss": 0.0})
        of_program["pss"] += getattr(used, "pss", used.uss) / MIB
        of_program["rss"] += used.rss / MIB
    return {name: {kind: round(mib, 1) for kind, mib in of.items()} for name, of in found.items()}


def restarts(demo: Demo, names: Sequence[str], rounds: int) -> dict[str, list[float]]:
    """Seconds of each restart, in turn."""
    stack = Stack(demo.home, Screen())
    took: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            progress(f"restart {number + 1} of {rounds}: {name}")
            began = time.monotonic()
            stack.restart(name)
            took[name].append(round(time.monotonic() - began, 2))
    return took


def figure(name: str, value: float, unit: str) -> dict[str, Any]:
    """One number without a goal."""
    return {"name": name, "value": round(value, 2), "unit": unit, "goal": None, "met": None}


def starts(folder: Path, environment: dict[str, str], *, quick: bool) -> dict[str, Any]:
    """Everything, in one folder."""
    miners = 3 if quick else MINERS
    found: dict[str, Any] = {}
    progress("first start")
    with running(folder, miners, environment) as demo:
        found["first"] = (demo.ready_s, *demo.first_row_s())
        if quick:
            found["memory"] = memory(demo)
            found["restarts"] = restarts(demo, [SERVICES[-1].name], 1)
            return found
    found["second"] = []
    for number in range(ROUNDS):
        progress(f"second start, {number + 1} of {ROUNDS}")
        with running(folder, miners, environment) as demo:
            found["second"].append((demo.ready_s, *demo.first_row_s()))
            if number == ROUNDS - 1:
                progress(f"{SETTLE_S:.0f} s to settle")
                time.sleep(SETTLE_S)
                found["memory"] = memory(demo)
                names = [service.name for service in SERVICES]
                found["restarts"] = restarts(demo, names, ROUNDS)
    return found


def figures(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The answer as the runner wants it."""
    kinds = ("to the greeting", "to the first row", "from first poll to row")
    for kind, seconds in zip(kinds, found["first"], strict=True):
        yield figure(f"first start, {kind}", seconds, "s")
    for kind, several in zip(kinds, zip(*found.get("second", []), strict=True), strict=False):
        yield figure(f"second start, {kind}", median(several), "s")
    for name, several in found["restarts"].items():
        yield figure(f"restart of {name}", median(several), "s")
    used = found["memory"]
    for kind in ("pss", "rss"):
        yield figure(
            f"memory of the demo, {kind.upper()}", sum(u[kind] for u in used.values()), "MB"
        )
    servers = {KAFKA, POSTGRES, EMULATORS}
    ours = sum(of["pss"] for name, of in used.items() if name not in servers)
    yield figure("memory of our services alone, PSS", ours, "MB")


def main() -> None:
    """Start, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--cold", action="store_true", help="with an empty cache: downloads")
    args = parser.parse_args()
    kept = {"MINESTREAM_CACHE", "MINESTREAM_MAVEN_URL"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if name in kept or not name.startswith("MINESTREAM_")
    }
    with tempfile.TemporaryDirectory(prefix="minestream-") as folder:
        Path(folder).chmod(0o711)  # PostgreSQL runs as another user when we are root
        if args.cold:
            environment["MINESTREAM_CACHE"] = f"{folder}/cache"
        elif (page := Dashboard.here()) is not None:
            page.build(progress=lambda what: progress(f"dashboard: {what}"))
        found = starts(Path(folder), environment, quick=args.quick)
    answer = {
        "subject": "start",
        "figures": list(figures(found)),
        "detail": {"miners": 3 if args.quick else MINERS, "cold": args.cold, **found},
    }
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
