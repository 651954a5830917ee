"""What does REST add to the SQL behind it?

Three pages: 100 of 1,000 miners by id, 100 by hashrate, 1,000 readings of one miner. Over HTTP from
the service as a process, and the same statement's rows fetched by bare psycopg as dicts.

Last answer (2 busy cores, Python 3.11, plain PostgreSQL 18): 100 miners by id 1.4 ms, 3.1 times the
bare SQL; by hashrate 2.7 ms, 2.0 times; 1,000 readings 16 ms, 1.8 times.
Run: ``MINESTREAM_DATABASE_URL=… python tests/bench/bench_api.py`` on a migrated scratch database;
it leaves the site ``bench`` there.
"""

import http.client
import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from statistics import median, quantiles
from time import perf_counter, sleep
from typing import Any

import psycopg
from psycopg.rows import dict_row

from api_gateway.adapters.database.miners import _LIST

MINERS, READINGS, ROUNDS, WARM_UP = 1000, 2880, 200, 30
FILL = """
INSERT INTO fleet.site (site_id) VALUES ('bench') ON CONFLICT DO NOTHING;
INSERT INTO fleet.miner (miner_id, site_id, address, transport)
SELECT 'bench-' || lpad(n::text, 5, '0'), 'bench', 'bench-' || n || ':80', 'http'
FROM generate_series(1, {miners}) AS n ON CONFLICT (miner_id) DO NOTHING;
INSERT INTO telemetry.latest (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status, hashrate_hs, power_w, chip_temp_max_c, fan_rpm)
SELECT gen_random_uuid(), gen_random_uuid(), now(), miner_id, 'bench', 'vnish-1.2', 'sha256d',
    'mining', random() * 2e14, 3000, 70, '{{4000,4100,4200,4300}}'
FROM fleet.miner WHERE site_id = 'bench' ON CONFLICT DO NOTHING;
SELECT telemetry.ensure_partitions('reading', now() - interval '2 days', now() + interval '1 day');
INSERT INTO telemetry.reading (event_id, raw_event_id, ts, miner_id, site_id, dialect, algorithm,
    status, hashrate_hs, power_w, chip_temp_max_c, fan_rpm)
SELECT gen_random_uuid(), gen_random_uuid(), now() - n * interval '30 s', 'bench-00001', 'bench',
    'vnish-1.2', 'sha256d', 'mining', random() * 2e14, 3000, 70, '{{4000,4100,4200,4300}}'
FROM generate_series(1, {readings}) AS n;
ANALYZE;
"""


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Milliseconds of one call: least, median, 95th of 100."""
    for _ in range(WARM_UP):
        work()
    took = []
    for _ in range(ROUNDS):
        began = perf_counter()
        work()
        took.append((perf_counter() - began) * 1000)
    return {
        "min_ms": round(min(took), 3),
        "median_ms": round(median(took), 3),
        "p95_ms": round(quantiles(took, n=20)[18], 3),
    }


def cases() -> dict[str, tuple[str, str]]:
    """Path and statement of each page."""
    start = (datetime.now(UTC) - timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    page = "SELECT * FROM ({}) AS item WHERE site_id = 'bench' ORDER BY {} LIMIT 101"
    readings = (
        "SELECT * FROM telemetry_v1.reading WHERE miner_id = 'bench-00001' AND ts >= '{}' "
        "AND ts < now() ORDER BY ts, event_id LIMIT 1001"
    )
    telemetry = f"/api/v1/miners/bench-00001/telemetry?from={start}&resolution=raw"
    return {
        "100 miners by id": ("/api/v1/miners?site=bench", page.format(_LIST, "miner_id")),
        "100 miners by hashrate": (
            "/api/v1/miners?site=bench&sort=-hashrate_hs",
            page.format(_LIST, "hashrate_hs DESC NULLS LAST, miner_id"),
        ),
        "1000 readings": (telemetry, readings.format(start)),
    }


def compare(port: int, url: str) -> dict[str, Any]:
    """Each page both ways, and their ratio."""
    found = {}
    over_http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as bare:
        bare.execute("SET timezone = 'UTC'")
        for name, (path, statement) in cases().items():

            def ask(path: str = path) -> None:
                over_http.request("GET", path)
                answer = over_http.getresponse()
                body = answer.read()
                if answer.status != http.HTTPStatus.OK:
                    raise RuntimeError(body)

            def fetch(statement: str = statement) -> None:
                bare.execute(statement.encode()).fetchall()

            rest, sql = timed(ask), timed(fetch)
            ratio = round(rest["median_ms"] / sql["median_ms"], 2)
            found[name] = {"rest": rest, "sql": sql, "ratio": ratio}
    over_http.close()
    return found


def main() -> None:
    """Fill, serve, measure, print."""
    url = os.environ["MINESTREAM_DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as owner:
        for statement in FILL.format(miners=MINERS, readings=READINGS).split(";\n"):
            owner.execute(statement.encode())
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {"MINESTREAM_GATEWAY_PORT": str(port)}
    service = subprocess.Popen(
        [sys.executable, "-m", "api_gateway"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        sleep(4)
        found = compare(port, url)
    finally:
        service.terminate()
        service.wait(15)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git is there
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    versions = {"python": platform.python_version(), "psycopg": psycopg.__version__}
    sys.stdout.write(json.dumps({"commit": commit, **versions, "pages": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
