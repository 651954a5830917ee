"""What does normalising one poll cost, and how much of that is JSON?

Last answer (2 busy cores, Python 3.11): an L9 poll 147 us at best, 6 times its bare JSON decoding;
with 330 chips 650 us, 3 times. Run: ``python tests/bench/bench_normalise.py``.
"""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from uuid import UUID

from minestream_dialects import normalise
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

PAYLOADS = Path(__file__).parents[1] / "fixtures" / "vnish"
AT = datetime(2026, 11, 21, tzinfo=UTC)
PARTS = ("info", "summary", "perf_summary", "status")
SWEEP = {"l9": PARTS, "l9 with chips": (*PARTS, "chips"), "l9 summary alone": ("summary",)}
ROUNDS, WARM_UP = 400, 100


def poll(parts: tuple[str, ...]) -> RawMiner:
    """One poll of the L9, each body as compact as a miner sends it."""
    endpoints = {}
    for part in parts:
        payload = json.loads((PAYLOADS / f"l9_1.2.7_{part}_assembled.json").read_text())
        body = json.dumps(payload, separators=(",", ":"))
        endpoints[part.replace("_", "-")] = EndpointBody(
            status=PollStatus.OK, fetched_at=AT, body=body
        )
    return RawMiner(
        event_id=UUID(int=1),
        site_id="site-a",
        miner_id="site-a-r01-s01",
        collector_id="bench",
        dialect="vnish",
        polled_at=AT,
        latency_ms=1.0,
        status=PollStatus.OK,
        interval_s=60.0,
        endpoints=endpoints,
    )


def microseconds(work: Callable[[], object]) -> list[float]:
    """Each round's time, us, after a warm-up."""
    times = []
    for turn in range(WARM_UP + ROUNDS):
        began = perf_counter()
        work()
        if turn >= WARM_UP:
            times.append((perf_counter() - began) * 1e6)
    return times


def measure(raw: RawMiner) -> dict[str, float]:
    """Normalising against decoding the same bodies, in the same run."""
    bodies = [endpoint.body or "" for endpoint in raw.endpoints.values()]
    whole = microseconds(lambda: normalise(raw))
    bare = microseconds(lambda: [json.loads(body) for body in bodies])
    return {
        "min_us": round(min(whole), 1),
        "median_us": round(median(whole), 1),
        "p95_us": round(quantiles(whole, n=20)[-1], 1),
        "times_bare_json": round(min(whole) / min(bare), 2),
    }


def main() -> None:
    """Print one JSON object."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - whichever git is first
        capture_output=True,
        text=True,
        check=False,
    )
    report = {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "polls": {name: measure(poll(parts)) for name, parts in SWEEP.items()},
    }
    sys.stdout.write(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
