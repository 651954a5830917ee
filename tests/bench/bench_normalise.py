"""What does normalising one poll cost, and how much of that is JSON?

    python tests/bench/bench_normalise.py [--quick]

Last answer (2 cores at rest, Python 3.11, CPU time, median of 2,000): an L9 poll 66 us, 2.5 times
its bare JSON decoding by the standard library; with 330 chips 411 us, 1.75 times.
"""

import argparse
import json
import platform
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median, quantiles
from time import process_time_ns
from typing import Any
from uuid import UUID

from minestream_dialects import normalise
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

PAYLOADS = Path(__file__).parents[1] / "fixtures" / "vnish"
AT = datetime(2026, 11, 21, tzinfo=UTC)
PARTS = ("info", "summary", "perf_summary", "status")
SWEEP = {"l9": PARTS, "l9 with chips": (*PARTS, "chips"), "l9 summary alone": ("summary",)}
WARM_UP = 100


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


def microseconds(work: Callable[[], object], other: Callable[[], object], rounds: int) -> Any:
    """Each round's CPU time of both, us, in turn and after a warm-up."""
    times: tuple[list[float], list[float]] = [], []
    for turn in range(WARM_UP + rounds):
        for each, spent in zip((work, other), times, strict=True):
            began = process_time_ns()
            each()
            if turn >= WARM_UP:
                spent.append((process_time_ns() - began) / 1e3)
    return times


def measure(raw: RawMiner, rounds: int) -> dict[str, float]:
    """Normalising against decoding the same bodies, in the same run."""
    bodies = [endpoint.body or "" for endpoint in raw.endpoints.values()]
    whole, bare = microseconds(
        lambda: normalise(raw), lambda: [json.loads(body) for body in bodies], rounds
    )
    return {
        "min_us": round(min(whole), 1),
        "median_us": round(median(whole), 1),
        "p95_us": round(quantiles(whole, n=20)[-1], 1),
        "times_bare_json": round(median(whole) / median(bare), 2),
    }


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="whether it works; no figures")
    rounds = 50 if parser.parse_args().quick else 2000
    polls = {name: measure(poll(parts), rounds) for name, parts in SWEEP.items()}
    figures = []
    for name, found in polls.items():
        sys.stderr.write(f"{name}: {found}\n")
        for key, unit in (("median_us", "us"), ("times_bare_json", "ratio")):
            what = name if unit == "us" else f"{name}, to the standard library's json"
            one = {"name": what, "value": found[key], "unit": unit, "goal": None, "met": None}
            figures.append(one)
    detail = {"python": platform.python_version(), "polls": polls}
    result = {"subject": "normalise", "figures": figures, "detail": detail}
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
