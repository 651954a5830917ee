"""How many events does one processor take for one second of its CPU, with everything on?

Real Kafka, raw events of an L9 (Vnish 1.2.7, four bodies, 6.7 kB), 24 partitions, RocksDB, windows,
scores, metrics. One worker reads a backlog; its CPU time and its own counter are read while it
does. Beside it, in the same run, the bare loop: decode, normalise, step and encode without Kafka.

    python tests/bench/bench_processor.py --bootstrap 127.0.0.1:9092

Last answer (2 cores shared with the broker, 20,000 events, 2 runs): 1,668 and 1,735 events per
CPU-second; the bare loop 3,601 and 3,861.
"""

import argparse
import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from minestream_dialects import normalise
from minestream_runtime.clock import new_event_id
from minestream_runtime.kafka import Producer, ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.topics import TOPICS
from processor.adapters.agents import read
from processor.adapters.fence import PINNED
from processor.adapters.state_codec import decode, encode
from processor.domain.step import Reading, Rules, step

BODIES = {
    "info": "l9_1.2.7_info_assembled.json",
    "summary": "l9_1.2.7_summary_assembled.json",
    "perf-summary": "l9_1.2.7_perf_summary_assembled.json",
    "status": "l9_1.2.7_status_assembled.json",
}
MINERS = 200
WARM_UP = 1000
COUNTER = re.compile(
    r'minestream_events_processed_total\{topic="minestream\.raw\.miner\.v1"\} (\S+)'
)


def poll(miner: int, number: int, bodies: dict[str, str]) -> RawMiner:
    """One poll of one miner, a minute after the one before."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
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


def bare(bodies: dict[str, str], count: int) -> float:
    """Events per CPU-second of the same work without Kafka and Faust."""
    values = [poll(0, number, bodies).to_json() for number in range(count)]
    blob = b""
    began = time.process_time()
    for value in values:
        normalised = normalise(read(RawMiner, value))
        reading = Reading(normalised.telemetry, 60.0, answered=True)
        outcome = step(decode(blob) if blob else None, reading, Rules())
        outcome.telemetry.to_json()
        blob = encode(outcome.state)
    return count / (time.process_time() - began)


async def feed(settings: Settings, bodies: dict[str, str], each: int) -> None:
    """The backlog: so many polls of every miner."""
    await ensure_topics(settings, TOPICS)
    async with Producer(settings, deadline_s=60) as producer:
        for number in range(each):
            polls = [poll(miner, number, bodies) for miner in range(MINERS)]
            await asyncio.gather(*(producer.publish(RAW_MINER, one) for one in polls))


def look(pid: int, port: int) -> tuple[float, float]:
    """Events dealt with and CPU seconds used by the process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu_s = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            found = COUNTER.search(page.read().decode())
    except OSError:
        found = None
    return (float(found[1]) if found else 0.0), cpu_s


def measure(settings: Settings, total: int, port: int) -> float:
    """Events per CPU-second of one worker on the backlog, after its warm-up."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MINESTREAM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": settings.topic_namespace,
            "MINESTREAM_STATE_DIR": folder,
            "MINESTREAM_HEALTH_PORT": str(port),
        }
        worker = subprocess.Popen(
            [sys.executable, "-m", "processor"], env=environment, stdout=subprocess.DEVNULL
        )
        try:
            seen = []
            until = time.monotonic() + 300
            while time.monotonic() < until and worker.poll() is None:
                seen.append(look(worker.pid, port))
                if seen[-1][0] >= total:
                    break
                time.sleep(0.25)
        finally:
            worker.terminate()
            worker.wait()
    busy = [one for one in seen if WARM_UP <= one[0] < total]
    return (busy[-1][0] - busy[0][0]) / (busy[-1][1] - busy[0][1])


def main() -> None:
    """Run and print the result as one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap", required=True)
    parser.add_argument("--bodies", type=Path, default=Path("tests/fixtures/vnish"))
    parser.add_argument("--each", type=int, default=100, help="polls of each of 200 miners")
    parser.add_argument("--port", type=int, default=19480)
    args = parser.parse_args()
    bodies = {name: (args.bodies / file).read_text() for name, file in BODIES.items()}
    settings = Settings(
        kafka_bootstrap=args.bootstrap, topic_namespace=f"bench-{secrets.token_hex(4)}"
    )
    bare(bodies, 200)
    alone = bare(bodies, 2000)
    asyncio.run(feed(settings, bodies, args.each))
    whole = measure(settings, MINERS * args.each, args.port)
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.check_output(git, text=True)
    result = {
        "events_per_cpu_s": round(whole),
        "bare_loop_per_cpu_s": round(alone),
        "ratio": round(whole / alone, 2),
        "commit": commit.strip(),
        "versions": dict(PINNED),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
