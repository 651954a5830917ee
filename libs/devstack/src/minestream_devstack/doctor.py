"""What this machine lacks for a stack, and what to do about it."""

import asyncio
import os
import resource
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import psutil
import psycopg

from minestream_devstack import jars
from minestream_devstack.dashboard import Dashboard
from minestream_devstack.home import Home
from minestream_devstack.kafka import java
from minestream_devstack.ports import HOST, Ports, is_free
from minestream_devstack.postgres import binaries
from minestream_devstack.services import KAFKA, POSTGRES, SERVICES
from minestream_devstack.supervision import Supervisor
from minestream_runtime.errors import BrokerUnavailableError, ConfigurationError
from minestream_runtime.kafka import topic_states
from minestream_runtime.settings import Settings

_GIB: Final = 1024**3
_OLDEST: Final = (3, 11)


class Verdict(StrEnum):
    """How a finding bears on starting a stack."""

    OK = "ok"
    WARNING = "warning"
    FATAL = "fatal"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    verdict: Verdict
    found: str
    advice: str = ""


def graded(
    what: str, amount: float, *, fatal: float, warning: float, unit: str, advice: str
) -> Finding:
    """A finding about an amount of which there should be enough.

    Args:
        what: of what.
        amount: how much there is.
        fatal: less than this is too little to start.
        warning: less than this is little.
        unit: of all three.
        advice: what to do when there is little.
    """
    verdict = Verdict.OK
    if amount < warning:
        verdict = Verdict.FATAL if amount < fatal else Verdict.WARNING
    found = f"{amount:,.1f} {unit}" if isinstance(amount, float) else f"{amount:,} {unit}"
    return Finding(what, verdict, found, "" if verdict is Verdict.OK else advice)


def quick(home: Home) -> list[Finding]:
    """What can be told in milliseconds; `minestream up` looks before it leaps."""
    checks: list[Callable[[Home], Finding]] = [_python, _folder, _disk, _memory, _files]
    return [check(home) for check in checks]


def thorough(home: Home, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Everything; programs are run and servers are called."""
    return [
        *quick(home),
        _java(home),
        _jars(),
        _kafka_elsewhere(environ["MINESTREAM_KAFKA_BOOTSTRAP"])
        if environ.get("MINESTREAM_KAFKA_BOOTSTRAP")
        else Finding("Kafka", Verdict.OK, "our own"),
        _database_elsewhere(environ["MINESTREAM_DATABASE_URL"])
        if environ.get("MINESTREAM_DATABASE_URL")
        else _postgres(home),
        _dashboard(),
        _loopback(),
        *_ports(home),
    ]


def _python(_: Home) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    verdict = Verdict.OK if sys.version_info >= _OLDEST else Verdict.FATAL
    return Finding("Python", verdict, version, "" if verdict is Verdict.OK else "install 3.11")


def _folder(home: Home) -> Finding:
    nearest = _nearest(home.folder)
    if os.access(nearest, os.W_OK | os.X_OK):
        return Finding("folder", Verdict.OK, str(home.folder))
    return Finding(
        "folder",
        Verdict.FATAL,
        f"no permission to write {nearest}",
        "go to a folder of yours, or set MINESTREAM_HOME",
    )


def _disk(home: Home) -> Finding:
    free = shutil.disk_usage(_nearest(home.folder)).free / _GIB
    advice = "make room, or set MINESTREAM_HOME to a folder on another disk"
    return graded("disk", free, fatal=1, warning=5, unit="GiB free", advice=advice)


def _memory(_: Home) -> Finding:
    free = psutil.virtual_memory().available / _GIB
    advice = "a stack with 24 miners takes about 1.5 GiB: close something"
    return graded("memory", free, fatal=0.5, warning=2, unit="GiB available", advice=advice)


def _files(_home: Home) -> Finding:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2**31 if most == resource.RLIM_INFINITY else most
    advice = "raise the hard limit of open files (ulimit -Hn), 65536 is plenty"
    return graded("open files", most, fatal=1024, warning=8192, unit="at most", advice=advice)


def _java(_: Home) -> Finding:
    return _runs("Java", [str(java()), "--version"], "install the project's requirements.lock")


def _jars() -> Finding:
    folder = jars.cache_folder()
    try:
        absent = len(jars.missing(folder, jars.pinned()))
    except ConfigurationError as exc:
        return Finding("Kafka's jars", Verdict.FATAL, "not the pinned ones", str(exc))
    if absent:
        return Finding(
            "Kafka's jars",
            Verdict.WARNING,
            f"{absent} of {len(jars.pinned())} are missing in {folder}",
            "the first start downloads them (46 MB): be online, or set MINESTREAM_MAVEN_URL",
        )
    return Finding("Kafka's jars", Verdict.OK, f"Kafka {jars.KAFKA_VERSION} in {folder}")


def _dashboard() -> Finding:
    page = Dashboard.here()
    if page is None:
        return Finding("dashboard", Verdict.WARNING, "no sources here", "install from a clone")
    if page.built:
        return Finding("dashboard", Verdict.OK, f"built, in {page.folder}")
    advice = "the next start builds it from npm's packages: be online, or name a mirror in ~/.npmrc"
    return Finding("dashboard", Verdict.WARNING, "not built yet", advice)


def _postgres(_: Home) -> Finding:
    try:
        return _runs("PostgreSQL", [str(binaries() / "postgres"), "--version"], "reinstall it")
    except ConfigurationError as exc:
        return Finding("PostgreSQL", Verdict.FATAL, "no binaries", str(exc))


def _kafka_elsewhere(bootstrap: str) -> Finding:
    try:
        asyncio.run(topic_states(Settings(kafka_bootstrap=bootstrap), []))
    except BrokerUnavailableError as exc:
        advice = "correct MINESTREAM_KAFKA_BOOTSTRAP, or unset it to have our own"
        return Finding("Kafka", Verdict.FATAL, str(exc), advice)
    return Finding("Kafka", Verdict.OK, f"answers at {bootstrap}")


def _database_elsewhere(url: str) -> Finding:
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            version = connection.info.server_version // 10_000
    except psycopg.Error as exc:
        advice = "correct MINESTREAM_DATABASE_URL, or unset it to have our own"
        return Finding("PostgreSQL", Verdict.FATAL, str(exc).splitlines()[0], advice)
    return Finding("PostgreSQL", Verdict.OK, f"version {version} answers")


def _loopback() -> Finding:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.2", 0))
        except OSError:
            return Finding(
                "loopback",
                Verdict.WARNING,
                "127.0.0.2 is no address here",
                "nothing to do: emulated miners share 127.0.0.1 and differ by port",
            )
    return Finding("loopback", Verdict.OK, "each emulated miner has an address of its own")


def _ports(home: Home) -> Iterator[Finding]:
    supervisor = Supervisor(home)
    running = {s.name for s in supervisor.states() if s.active} if supervisor.alive else set()
    remembered = Ports(home.folder / "ports.json")
    wanted = {
        KAFKA: Ports(home.folder / KAFKA / "ports.json").known("broker") or 9092,
        POSTGRES: Ports(home.folder / POSTGRES / "ports.json").known("postgres") or 5432,
        **{each.name: remembered.known(each.name) or each.port for each in SERVICES},
    }
    for name, port in wanted.items():
        what, where = f"port of {name}", f"{HOST}:{port}"
        if name in running:
            yield Finding(what, Verdict.OK, f"{where} is its own: it runs")
        elif is_free(port):
            yield Finding(what, Verdict.OK, f"{where} is free")
        else:
            advice = "nothing to do: the next start takes another one"
            yield Finding(what, Verdict.WARNING, f"{where} is taken by another program", advice)


def _runs(what: str, command: list[str], advice: str) -> Finding:
    try:
        done = subprocess.run(  # noqa: S603 - a command of our own making
            command, capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError) as exc:
        return Finding(what, Verdict.FATAL, f"{command[0]} does not run: {exc}", advice)
    return Finding(what, Verdict.OK, done.stdout.splitlines()[0])


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(place for place in (folder, *folder.parents) if place.exists())
