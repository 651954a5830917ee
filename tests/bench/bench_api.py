"""What does REST add to the SQL behind it?

Sixteen fixed requests to the gateway as a process, over HTTP on one connection, and the very same
statements (taken down from the routes as they ran) fetched by bare psycopg as dicts, in turns, on
a PostgreSQL of its own with 1,000 miners and a day of one miner's readings. The goal is held
against the least of each: three processes take turns here, and a busy machine adds to each turn.

    python tests/bench/bench_api.py [--quick]

Last answer (two cores at rest, Python 3.11, PostgreSQL 18): medians of a request and of its
statements: 1,000 readings 11.0 and 9.7 ms, 500 miners 4.0 and 2.8, a day of windows 4.8 and 2.8,
100 miners 1.4 and 0.6, one miner 1.2 and 0.3: about 1 ms a request. Within the goal by
medians and by least times.
"""

import argparse
import asyncio
import http.client
import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, sleep
from typing import Any, Final, LiteralString
from uuid import UUID

import httpx
import psutil
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from pydantic import SecretStr

from api_gateway.adapters.database import Reader, open_reader
from api_gateway.adapters.http.app import create_app
from api_gateway.settings import GatewaySettings
from minestream_devstack.postgres import PostgresServer
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import migrate
from minestream_runtime.health import Health

RATIO, ALLOWANCE_MS = 1.3, 5.0
"""The goal: a request takes at most 1.3 times its statements and 5 ms."""
MINER: Final = "bench-00001"
FILL: Final = Path(__file__).with_name("api_rows.sql")
Statement = tuple[LiteralString | sql.Composed, dict[str, object] | None]


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stderr.write(text + "\n")


@contextmanager
def database() -> Iterator[str]:
    """A migrated PostgreSQL with a fleet, thrown away afterwards: its address."""
    with tempfile.TemporaryDirectory(prefix="minestream-bench-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        server = PostgresServer(home / "postgres", preferred_port=0, throwaway=True)
        server.prepare()
        try:
            server.start()
            url = server.url("postgres")
            asyncio.run(migrate(GatewaySettings(database_url=SecretStr(url)), registered()))
            yield url
        finally:
            server.stop()


def fill(url: str) -> UUID:
    """Write the fleet; the raw event id of one reading of its first miner."""
    event_id = new_event_id(datetime.now(UTC) - timedelta(minutes=10))
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("SELECT set_config('bench.raw_id', %s, false)", (str(event_id),))
        for statement in FILL.read_text().split(";\n"):
            owner.execute(statement.encode())
    return event_id


def requests(raw_id: UUID) -> dict[str, str]:
    """All requests, by name."""
    since = (datetime.now(UTC) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    miners, one = "/api/v1/miners?site=bench", f"/api/v1/miners/{MINER}"
    return {
        "100 miners by id": miners,
        "100 miners by hashrate": f"{miners}&sort=-hashrate_hs",
        "500 miners of an algorithm": f"{miners}&algorithm=scrypt&limit=500",
        "miners found by a text": f"{miners}&q=r07",
        "one miner": one,
        "its chips": f"{one}/chips",
        "1,000 readings": f"{one}/telemetry?from={since}&resolution=raw",
        "a day of windows": f"{one}/telemetry?from={since}&resolution=window",
        "a day of hours": f"{one}/telemetry?from={since}&resolution=hour",
        "100 gaps": f"/api/v1/gaps?from={since}",
        "a site added up": "/api/v1/sites/bench/summary",
        "one reading's way": f"/api/v1/readings/{raw_id}/trace",
        "a day with pool and market": f"{one}/unified?from={since}&step=300",
        "the pools of 1,000 workers": "/api/v1/pools",
        "100 workers of pools": "/api/v1/pools/workers",
        "the market": "/api/v1/market",
    }


class Recorder(Reader):
    """A reader that takes down what it is asked."""

    heard: list[Statement] = []  # noqa: RUF012 - one recorder, one list

    async def rows(
        self, query: LiteralString | sql.Composed, parameters: Any = None
    ) -> list[dict[str, Any]]:
        """See ``Reader``."""
        self.heard.append((query, parameters))
        return await super().rows(query, parameters)


async def statements(url: str, paths: dict[str, str]) -> dict[str, list[Statement]]:
    """What each route asks the database."""
    settings = GatewaySettings(database_url=SecretStr(url))
    found = {}
    async with open_reader(settings) as reader:
        recorder = Recorder(reader.pool)
        app = create_app(settings, recorder, Health(), SystemClock())
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://bench") as client:
            for name, path in paths.items():
                recorder.heard.clear()
                answer = await client.get(path)
                answer.raise_for_status()
                found[name] = list(recorder.heard)
    return found


@contextmanager
def gateway(url: str) -> Iterator[tuple[psutil.Process, int]]:
    """The service as a process, ready, and its port; Kafka is away, as reading allows."""
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            ports.append(probe.getsockname()[1])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MINESTREAM_")} | {
        "MINESTREAM_DATABASE_URL": url,
        "MINESTREAM_GATEWAY_PORT": str(ports[0]),
        "MINESTREAM_KAFKA_BOOTSTRAP": f"127.0.0.1:{ports[1]}",
    }
    service = subprocess.Popen(
        [sys.executable, "-m", "api_gateway"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        deadline_s = monotonic() + 30
        while not _ready(ports[0]):
            if monotonic() > deadline_s:
                raise TimeoutError("the gateway is not ready after 30 s")
            sleep(0.1)
        yield psutil.Process(service.pid), ports[0]
    finally:
        service.terminate()
        service.wait(15)


def _ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == HTTPStatus.OK
    except httpx.TransportError:
        return False


@dataclass
class Side:
    """One way of getting an answer: how long each took, and the processor time of all."""

    work: Callable[[], object]
    cpu: Callable[[], float]
    took_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    def run(self, times: int, *, keep: bool) -> None:
        """Do it so often."""
        cpu_s = self.cpu()
        for _ in range(times):
            began = perf_counter()
            self.work()
            if keep:
                self.took_ms.append((perf_counter() - began) * 1000)
        self.cpu_s += self.cpu() - cpu_s if keep else 0.0


def compare(
    paths: dict[str, str], asked: dict[str, list[Statement]], url: str, *, rounds: int, times: int
) -> dict[str, tuple[Side, Side]]:
    """Each request both ways, in turns."""
    with (
        gateway(url) as (process, port),
        psycopg.connect(url, autocommit=True, row_factory=dict_row) as bare,
    ):
        bare.execute("SET ROLE minestream_reader")
        bare.execute("SET timezone = 'UTC'")
        over_http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

        def ask(path: str) -> None:
            over_http.request("GET", path)
            answer = over_http.getresponse()
            body = answer.read()
            if answer.status != HTTPStatus.OK:
                raise RuntimeError(body)

        def fetch(wanted: list[Statement]) -> None:
            for query, parameters in wanted:
                bare.execute(query, parameters).fetchall()

        def cpu_of_gateway() -> float:
            return sum(process.cpu_times()[:2])

        def cpu_of_us() -> float:
            return sum(os.times()[:2])

        sides = {
            name: (
                Side(lambda path=path: ask(path), cpu_of_gateway),  # type: ignore[misc]
                Side(lambda wanted=asked[name]: fetch(wanted), cpu_of_us),  # type: ignore[misc]
            )
            for name, path in paths.items()
        }
        for number in range(rounds + 1):  # the first warms up
            for rest, plain in sides.values():
                rest.run(times, keep=number > 0)
                plain.run(times, keep=number > 0)
        over_http.close()
    return sides


def figures_of(
    sides: dict[str, tuple[Side, Side]], *, judged: bool
) -> tuple[list[Any], dict[str, Any]]:
    """The report's figures, and the numbers behind them; a quick look is not judged."""
    figures, detail = [], {}
    for name, (rest, plain) in sides.items():
        rest_ms, sql_ms = min(rest.took_ms), min(plain.took_ms)
        figures.append(
            {
                "name": f"{name}: REST / SQL",
                "value": round(rest_ms / sql_ms, 2),
                "unit": "ratio",
                "goal": f"<= {RATIO} + {ALLOWANCE_MS:g} ms",
                "met": rest_ms <= RATIO * sql_ms + ALLOWANCE_MS if judged else None,
            }
        )
        detail[name] = {
            "rest_ms": {"min": round(rest_ms, 2), "median": round(median(rest.took_ms), 2)},
            "sql_ms": {"min": round(sql_ms, 2), "median": round(median(plain.took_ms), 2)},
            "rest_cpu_ms": round(rest.cpu_s * 1000 / len(rest.took_ms), 2),
            "sql_cpu_ms": round(plain.cpu_s * 1000 / len(plain.took_ms), 2),
        }
        say(f"{name:28} {detail[name]} {'MISSED' if figures[-1]['met'] is False else ''}")
    return figures, detail


def main() -> None:
    """Fill, serve, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="does it work? no figures to keep")
    quick = parser.parse_args().quick
    rounds, times = (2, 2) if quick else (20, 10)
    with database() as url:
        paths = requests(fill(url))
        asked = asyncio.run(statements(url, paths))
        say(f"{len(paths)} requests, {sum(map(len, asked.values()))} statements")
        sides = compare(paths, asked, url, rounds=rounds, times=times)
    figures, detail = figures_of(sides, judged=not quick)
    versions = {"python": platform.python_version(), "psycopg": psycopg.__version__}
    report = {"subject": "api", "figures": figures, "detail": {"versions": versions, **detail}}
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()
