"""Runs the benchmarks one after the other, and makes one table and one JSON of what they say.

A benchmark is ``bench_<subject>.py`` here: a program that writes its progress to stderr and, as the
last line of its stdout, ``{"subject", "figures": [{"name", "value", "unit", "goal", "met"}],
"detail"}``. It knows nothing of this module.
"""

import argparse
import contextlib
import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import psutil
from pydantic import BaseModel, ConfigDict, ValidationError
from rich.console import Console
from rich.table import Table

from minestream_devstack.jars import KAFKA_VERSION
from minestream_devstack.postgres import binaries

HERE: Final = Path(__file__).parent
RESULTS: Final = HERE / "results" / "latest.json"
PACKAGES: Final = (
    "aiohttp", "aiokafka", "faust-streaming", "fastapi", "httptools", "msgspec",
    "opentelemetry-sdk", "psycopg", "pydantic", "rocksdict", "uvicorn", "uvloop", "websockets",
)  # fmt: skip
LONGEST_S: Final = 2400.0
LONGEST_QUICK_S: Final = 120.0


class Figure(BaseModel):
    """One number, and what was hoped for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str
    value: float | None
    unit: str
    goal: str | None = None
    met: bool | None = None


class Result(BaseModel):
    """What one benchmark says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    figures: tuple[Figure, ...]
    detail: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the run of one benchmark went: a result, or why there is none."""

    subject: str
    took_s: float
    result: Result | None = None
    fault: str = ""


def subjects(folder: Path = HERE) -> dict[str, Path]:
    """The benchmarks by subject."""
    return {path.stem.removeprefix("bench_"): path for path in sorted(folder.glob("bench_*.py"))}


def parsed(subject: str, stdout: str) -> Result:
    """The result that the last line of a benchmark's output holds.

    Raises:
        ValueError: it holds none, or that of another subject.
    """
    lines = stdout.strip().splitlines()
    if not lines:
        raise ValueError("it said nothing")
    try:
        result = Result.model_validate_json(lines[-1])
    except ValidationError as exc:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the last line'}: {fault['msg']}"
            for fault in exc.errors(include_url=False, include_input=False)
        )
        raise ValueError(f"its last line is no result: {faults}") from None
    if result.subject != subject:
        raise ValueError(f"it speaks of {result.subject!r}")
    return result


def run(subject: str, path: Path, *, quick: bool, longest_s: float) -> Outcome:
    """Run one benchmark to its end, or end it.

    Args:
        subject: which.
        path: its program.
        quick: whether only to see that it works.
        longest_s: after so many seconds it is ended.
    """
    began = time.monotonic()
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, str(path), *(["--quick"] if quick else [])],
            cwd=HERE.parents[1],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    try:
        said, _ = process.communicate(timeout=longest_s)
    except subprocess.TimeoutExpired:
        end(process)
        return Outcome(subject, time.monotonic() - began, fault=f"not within {longest_s:.0f} s")
    except KeyboardInterrupt:
        end(process)
        raise
    took_s = time.monotonic() - began
    if process.returncode != 0:
        return Outcome(subject, took_s, fault=f"ended with code {process.returncode}")
    try:
        return Outcome(subject, took_s, parsed(subject, said))
    except ValueError as exc:
        return Outcome(subject, took_s, fault=str(exc))


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let a program that is started meanwhile hear SIGINT: a shell's background job ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def end(process: subprocess.Popen[str]) -> None:
    """Tell a benchmark and what it started to end, then make them."""
    for sign, patience_s in ((signal.SIGINT, 30.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=patience_s)
            return


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 1024**3, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or "unknown"


def versions() -> dict[str, str]:
    """Of everything whose speed shows in the figures."""
    found = {"python": platform.python_version(), "kafka": KAFKA_VERSION}
    found["postgresql"] = _said(str(binaries() / "postgres"), "--version")
    found["prometheus"] = _said("prometheus", "--version")
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def _said(*command: str) -> str:
    """The first version number in what a program says of itself."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except OSError:
        return "absent"
    number = re.search(r"\d+(\.\d+)+", done.stdout + done.stderr)
    return number[0] if number else "unknown"


def source() -> dict[str, Any]:
    """Which code it was: commit, and whether anything was changed since."""

    def git(*words: str) -> str:
        command = ["git", "-C", str(HERE), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ":/", f":!{RESULTS}")
    return {"commit": git("rev-parse", "HEAD") or "unknown", "dirty": bool(changed)}


def merged(before: dict[str, Any], outcomes: Iterable[Outcome], now: dict[str, Any]) -> Any:
    """The report after a run; subjects that were not run keep what was said of them.

    Args:
        before: the last report; {} for none. One of another machine or other versions is dropped.
        outcomes: of this run.
        now: commit, dirty, at, machine, versions of this run.
    """
    same = all(before.get(key) == now[key] for key in ("machine", "versions"))
    kept: dict[str, Any] = dict(before.get("subjects", {})) if same else {}
    of_run = {key: now[key] for key in ("commit", "dirty", "at", "quick")}
    for outcome in outcomes:
        told = of_run | {"took_s": round(outcome.took_s, 1)}
        if outcome.result is None:
            kept[outcome.subject] = told | {"fault": outcome.fault}
        else:
            figures = [figure.model_dump() for figure in outcome.result.figures]
            kept[outcome.subject] = told | {"figures": figures, "detail": outcome.result.detail}
    return now | {"subjects": dict(sorted(kept.items()))}


def table(outcomes: Iterable[Outcome]) -> Table:
    """What a person reads at the end."""
    found = Table("subject", "figure", "value", "goal", "met", box=None)
    marks = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for outcome in outcomes:
        if outcome.result is None:
            found.add_row(outcome.subject, f"[red]failed: {outcome.fault}[/]", "", "", "[red]no[/]")
            continue
        for figure in outcome.result.figures:
            value = "-" if figure.value is None else f"{figure.value:,.4g} {figure.unit}"
            found.add_row(outcome.subject, figure.name, value, figure.goal or "", marks[figure.met])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments name, print the table, write the report.

    Returns:
        0; 1 when a benchmark failed to run. A goal that is missed is no failure.
    """
    there = subjects()
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(there)}")
    parser.add_argument("--quick", action="store_true", help="only see that each works")
    parser.add_argument("--out", type=Path, help=f"default {RESULTS.name}; none when quick")
    parser.add_argument("--longest", type=float, metavar="S", help="seconds for each")
    args = parser.parse_args(arguments)
    if unknown := sorted(set(args.names) - set(there)):
        parser.error(f"no {', '.join(unknown)}; there are: {', '.join(there)}")
    chosen = [name for name in there if not args.names or name in args.names]
    longest_s = args.longest or (LONGEST_QUICK_S if args.quick else LONGEST_S)
    now = source() | {"at": datetime.now(UTC).isoformat(timespec="seconds")}
    now |= {"quick": args.quick, "machine": machine(), "versions": versions()}
    screen, outcomes = Console(stderr=True, highlight=False), []
    try:
        for number, name in enumerate(chosen, start=1):
            screen.print(f"[bold]{number} of {len(chosen)}: {name}[/]")
            outcomes.append(run(name, there[name], quick=args.quick, longest_s=longest_s))
            fault = outcomes[-1].fault
            screen.print(f"  {fault or 'done'} after {outcomes[-1].took_s:.0f} s")
    except KeyboardInterrupt:
        screen.print("[red]ended by hand; what was measured so far:[/]")
    Console(width=None if sys.stdout.isatty() else 140, highlight=False).print(table(outcomes))
    out = args.out or (None if args.quick else RESULTS)
    if out is not None:
        before = json.loads(out.read_text()) if out.exists() else {}
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(merged(before, outcomes, now), indent=1) + "\n")
        screen.print(f"written: {out}")
    return int(len(outcomes) < len(chosen) or any(each.result is None for each in outcomes))
