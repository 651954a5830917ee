"""How much of a bare consumer's speed does the sink keep, with all that makes it lose nothing?

One backlog on a real Kafka: the telemetry and the raw event of each poll of an L9 (Vnish 1.2.7,
three boards, 6.7 kB). The sink as a process reads it into a real PostgreSQL; so does, in turns, the
bare loop (``sink_peer.py``): getmany, JSON, the same staged COPY and INSERT … ON CONFLICT, commit;
no validation, offsets, dead letters, positions or metrics. Both must leave the same rows behind.

    python tests/bench/bench_sink.py [--quick]

Last answer (2 cores at rest, 60,000 events, 5 rounds): 0.90 of the bare loop's events per
CPU-second (32,800), and as many per second. Before: 0.29; two thirds of the difference was
Python's cycle collector.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from pydantic import SecretStr

from minestream_devstack.kafka import KafkaServer
from minestream_devstack.postgres import PostgresServer
from minestream_dialects import normalise
from minestream_runtime.clock import new_event_id
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import migrate
from minestream_runtime.kafka import Producer, ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import TELEMETRY
from minestream_schemas.topics import TOPICS

HERE = Path(__file__).parent
BODIES = {
    "info": "l9_1.2.7_info_assembled.json",
    "summary": "l9_1.2.7_summary_assembled.json",
    "perf-summary": "l9_1.2.7_perf_summary_assembled.json",
    "status": "l9_1.2.7_status_assembled.json",
}
MINERS, GOAL, AT_ONCE = 200, 0.7, 500
ROWS = "SELECT (SELECT count(*) FROM telemetry.{}) AS n"
TABLES = ("reading", "board", "raw_event", "latest")
ENSURE = "SELECT telemetry.ensure_partitions(%s, now() - interval '1 day', now())"


def say(text: str) -> None:
    """Tell whoever watches."""
    sys.stderr.write(text + "\n")


@contextmanager
def servers() -> Iterator[Settings]:
    """A Kafka and a PostgreSQL of our own, thrown away afterwards."""
    with tempfile.TemporaryDirectory(prefix="minestream-bench-") as folder:
        home = Path(folder)
        home.chmod(0o711)
        kafka = KafkaServer(home / "kafka", preferred_port=0)
        postgres = PostgresServer(home / "postgres", preferred_port=0, throwaway=True)
        kafka.prepare()
        postgres.prepare()
        try:
            kafka.start()
            postgres.start()
            url = SecretStr(postgres.url("postgres"))
            yield Settings(kafka_bootstrap=kafka.bootstrap, database_url=url)
        finally:
            postgres.stop()
            kafka.kill()


def poll(miner: int, number: int, bodies: dict[str, str]) -> RawMiner:
    """One poll of one miner, a second after the one before."""
    at = datetime.now(UTC) - timedelta(seconds=number + 60)
    return RawMiner(
        event_id=new_event_id(at),
        site_id="site-a",
        miner_id=f"site-a-m{miner:04d}",
        collector_id="collector-vnish-0",
        dialect="vnish",
        polled_at=at,
        latency_ms=5.0,
        status=PollStatus.OK,
        interval_s=60.0,
        endpoints={
            name: EndpointBody(status=PollStatus.OK, fetched_at=at, http_status=200, body=body)
            for name, body in bodies.items()
        },
    )


async def feed(settings: Settings, each: int) -> None:
    """The backlog: so many polls of each miner."""
    folder = HERE.parent / "fixtures" / "vnish"
    bodies = {name: (folder / file).read_text() for name, file in BODIES.items()}
    await ensure_topics(settings, [replace(topic, partitions=4) for topic in TOPICS])
    async with Producer(settings, deadline_s=60) as producer:
        polls = [poll(miner, number, bodies) for number in range(each) for miner in range(MINERS)]
        for start in range(0, len(polls), AT_ONCE):
            some = polls[start : start + AT_ONCE]
            await asyncio.gather(
                *(producer.publish(RAW_MINER, one) for one in some),
                *(producer.publish(TELEMETRY, normalise(one).telemetry) for one in some),
            )


def run(settings: Settings, script: str, total: int, most: int) -> dict[str, float]:
    """One process on the whole backlog into a fresh database; events per second, of CPU and not."""
    database = "measured"
    server = settings.database_url.get_secret_value()
    url = urlunsplit(urlsplit(server)._replace(path=f"/{database}"))
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute(f'CREATE DATABASE "{database}" TEMPLATE filled'.encode())
    try:
        done = subprocess.run(
            [sys.executable, str(HERE / script), str(total), str(most)],
            env={
                **os.environ,
                "MINESTREAM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
                "MINESTREAM_TOPIC_NAMESPACE": settings.topic_namespace,
                "MINESTREAM_DATABASE_URL": url,
                "MINESTREAM_HEALTH_PORT": "0",
                "MINESTREAM_SINK_BATCH_RECORDS": str(most),
            },
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
            check=True,
        )
        with psycopg.connect(url) as reader:
            rows = [reader.execute(ROWS.format(t).encode()).fetchone() for t in TABLES]
    finally:
        with psycopg.connect(server, autocommit=True) as owner:
            owner.execute(f'DROP DATABASE "{database}" WITH (FORCE)'.encode())
    count, cpu_s, wall_s = map(float, done.stdout.split("\n")[-2].split())
    counted = [row[0] if row else 0 for row in rows]
    return {"per_cpu_s": count / cpu_s, "per_s": count / wall_s, "rows": sum(counted)}


def template(settings: Settings) -> None:
    """A migrated database to copy, with today's partitions."""
    server = settings.database_url.get_secret_value()
    with psycopg.connect(server, autocommit=True) as owner:
        owner.execute("CREATE DATABASE filled")
    url = urlunsplit(urlsplit(server)._replace(path="/filled"))
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    asyncio.run(migrate(own, registered()))
    with psycopg.connect(url, autocommit=True) as owner:
        for table in ("reading", "board", "raw_event"):
            owner.execute(ENSURE, (table,))


def main() -> None:
    """Feed, run both in turns, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work? no figures to keep")
    quick = parser.parse_args().quick
    each, rounds, most = (15, 1, 500) if quick else (150, 5, 5000)
    total = 2 * MINERS * each
    found: dict[str, list[dict[str, float]]] = {"sink_alone.py": [], "sink_peer.py": []}
    with servers() as settings:
        template(settings)
        asyncio.run(feed(settings, each))
        say(f"{total} events wait")
        for _ in range(rounds):
            for script, runs in found.items():
                runs.append(run(settings, script, total, most))
                say(f"{script}: {runs[-1]}")
    sink, bare = found.values()
    if len({one["rows"] for one in sink + bare}) != 1:
        raise SystemExit(f"they did not write the same rows: {found}")
    sys.stdout.write(json.dumps(report(sink, bare)) + "\n")


def report(sink: list[dict[str, float]], bare: list[dict[str, float]]) -> dict[str, Any]:
    """The figures: ratios of neighbours, as load from outside changes from round to round."""
    figures: list[dict[str, Any]] = []
    for name, key in (("per CPU-second", "per_cpu_s"), ("per second", "per_s")):
        ratio = median(ours[key] / theirs[key] for ours, theirs in zip(sink, bare, strict=True))
        figures.append(
            {
                "name": f"sink over bare loop, events {name}",
                "value": round(ratio, 3),
                "unit": "ratio",
                "goal": f">= {GOAL}",
                "met": ratio >= GOAL,
            }
        )
    figures.append(
        {
            "name": "sink, events per CPU-second",
            "value": round(median(one["per_cpu_s"] for one in sink)),
            "unit": "events/CPU-s",
            "goal": None,
            "met": None,
        }
    )
    return {"subject": "sink", "figures": figures, "detail": {"sink": sink, "bare": bare}}


if __name__ == "__main__":
    main()
