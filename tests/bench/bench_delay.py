"""How long from a poll to its row, when the machine does half of what it can?

Everything is real and a process of its own: emulated miners over HTTP, collector, Kafka, processor,
sink, PostgreSQL. First a gentle rate tells what CPU one poll costs them all; what the machine can
take is where the cores that other work leaves us, or the busiest single process, would be full.
Then half of that rate, and the rows' own stamps: stored_at - polled_at, poll and all.

    python tests/bench/bench_delay.py [--quick]

Last answer (2 cores at rest, 65 polls/s of 130, 300 miners): p50 0.10 s, p99 0.14 s; of the median
54 ms are the way to the processor and its own (50 of them the collector's linger), 42 the sink's.
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.bench_sink import say, servers
from tests.e2e.world import World, command, running

from minestream_runtime.clock import SystemClock
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import migrate
from minestream_runtime.kafka import ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.topics import TOPICS

CLOCK: Final = SystemClock()
P50_S, P99_S = 0.3, 1.5
ROWS: Final = """
SELECT extract(epoch FROM r.stored_at - r.ts)::float8 AS whole,
       r.latency_ms / 1000 AS poll,
       extract(epoch FROM w.published_at - r.ts)::float8 - r.latency_ms / 1000 AS to_kafka,
       extract(epoch FROM r.published_at - w.published_at)::float8 AS processor,
       extract(epoch FROM r.stored_at - r.published_at)::float8 AS sink
FROM telemetry.reading r LEFT JOIN telemetry.raw_event w
    ON w.miner_id = r.miner_id AND w.polled_at = r.ts AND w.event_id = r.raw_event_id
WHERE r.ts >= %s AND r.ts < %s AND r.published_at IS NOT NULL
"""
STEPS: Final = ("poll", "to_kafka", "processor", "sink")
SERVICES: Final = ("timescale-sink", "processor", "collector-vnish")


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        miners: of the fleet.
        gentle_s: interval of the polls that tell the cost.
        calibrate_s: how long these.
        warm_s: how long the real rate runs before it counts.
        measure_s: how long it counts.
        late_s: how long rows may still come after that.
    """

    miners: int
    gentle_s: float
    calibrate_s: float
    warm_s: float
    measure_s: float
    late_s: float


WHOLE: Final = Size(miners=300, gentle_s=6, calibrate_s=30, warm_s=20, measure_s=60, late_s=5)
QUICK: Final = Size(miners=20, gentle_s=1, calibrate_s=1.5, warm_s=0.5, measure_s=3, late_s=1)


def busy(processes: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds of each so far, its children's included."""
    found = {}
    for name, process in processes.items():
        family = [process, *process.children(recursive=True)]
        times = [each.cpu_times() for each in family if each.is_running()]
        found[name] = sum(one.user + one.system for one in times)
    return found


async def costs(
    world: World, processes: dict[str, psutil.Process], for_s: float
) -> tuple[dict[str, float], float]:
    """CPU seconds of each process for one poll, and how many cores nobody else keeps busy."""
    began_s, machine = time.monotonic(), used()
    before, polls = busy(processes), await stored(world)
    await asyncio.sleep(for_s)
    after, polls = busy(processes), await stored(world) - polls
    spent = {name: after[name] - before[name] for name in processes}
    others = (used() - machine - sum(spent.values())) / (time.monotonic() - began_s)
    per_poll = {name: cpu_s / max(1, polls) for name, cpu_s in spent.items()}
    return per_poll, max(0.2, (os.cpu_count() or 1) - others)


def used() -> float:
    """CPU seconds of the whole machine so far."""
    times = psutil.cpu_times()
    return sum(times[:8]) - times.idle - times.iowait


async def stored(world: World) -> int:
    """Readings in the database so far."""
    ((count,),) = await asyncio.to_thread(world.rows, "SELECT count(*) FROM telemetry.reading")
    return int(count)


async def started(world: World, size: Size) -> None:
    """The fleet, and the services that follow it at a gentle rate."""
    inventory, control = world.folder / "fleet.yaml", world.free_port("control")
    world.add(
        "emulators", "minestream_emulators", "--miners", str(size.miners), "--seed", "7",
        "--inventory", str(inventory), "--control", f"127.0.0.1:{control}",
        "--port", str(world.free_port("miners")),
    )  # fmt: skip
    world.ports["emulators"] = control
    await world.ready("emulators")
    await asyncio.to_thread(command, world, "inventory", "import", str(inventory), "--prune")
    for name in SERVICES:
        world.add(name, name.replace("-", "_"), MINESTREAM_POLL_INTERVAL_S=str(size.gentle_s))
    for name in SERVICES:
        await world.ready(name, within_s=90)


async def faster(world: World, interval_s: float) -> None:
    """Poll each miner so often from now on."""
    collector = world.children["collector-vnish"]
    collector.environment["MINESTREAM_POLL_INTERVAL_S"] = f"{interval_s:.3f}"
    collector.kill()
    await asyncio.sleep(1.0)
    await world.ready("collector-vnish", within_s=90)


async def measured(world: World, size: Size, others: dict[str, psutil.Process]) -> dict[str, Any]:
    """Capacity, the rate that ran, and the delays at it."""
    await started(world, size)
    for _ in range(600):
        if await stored(world) >= size.miners:
            break
        await asyncio.sleep(0.1)
    processes = others | {
        name: psutil.Process(child.process.pid)
        for name, child in world.children.items()
        if child.process is not None
    }
    per_poll, cores = await costs(world, processes, size.calibrate_s)
    capacity = min(cores / sum(per_poll.values()), 1 / max(per_poll.values()))
    interval_s = max(1.0, size.miners / (capacity / 2))
    say(f"a poll costs {1000 * sum(per_poll.values()):.2f} ms of CPU; {capacity:.0f} polls/s fill")
    await faster(world, interval_s)
    await asyncio.sleep(size.warm_s)
    since, polls = CLOCK.now(), await stored(world)
    began_s = time.monotonic()
    await asyncio.sleep(size.measure_s)
    rate = (await stored(world) - polls) / (time.monotonic() - began_s)
    until = CLOCK.now()
    await asyncio.sleep(size.late_s)
    say(f"half of it: {size.miners} miners each {interval_s:.2f} s; {rate:.0f} polls/s ran")
    rows = await asyncio.to_thread(world.rows, ROWS, since, until)
    return {
        "cpu_ms_per_poll": {name: round(1000 * cost, 3) for name, cost in per_poll.items()},
        "cores_that_others_leave": round(cores, 2),
        "capacity_polls_per_s": round(capacity, 1),
        "wanted_polls_per_s": round(size.miners / interval_s, 1),
        "ran_polls_per_s": round(rate, 1),
        "load_average": os.getloadavg()[0],
        "rows": len(rows),
        **{step: spread([getattr(row, step) for row in rows]) for step in ("whole", *STEPS)},
    }


def spread(values: list[float | None]) -> dict[str, float]:
    """Median and tail, s."""
    said = [value for value in values if value is not None]
    tail = quantiles(said, n=100)
    return {"p50": round(median(said), 4), "p90": round(tail[89], 4), "p99": round(tail[98], 4)}


async def run(
    settings: Settings, folder: Path, size: Size, others: dict[str, psutil.Process]
) -> dict[str, Any]:
    """The whole system from nothing to nothing."""
    await ensure_topics(settings, TOPICS)
    await migrate(settings, registered())
    environment = {
        "MINESTREAM_KAFKA_BOOTSTRAP": settings.kafka_bootstrap,
        "MINESTREAM_DATABASE_URL": settings.database_url.get_secret_value(),
        "MINESTREAM_CREDENTIALS_KEY": "A" * 43 + "=",
        "MINESTREAM_DEMO": "1",
    }
    world = World(folder, environment, settings.database_url.get_secret_value())
    async with running(world):
        return await measured(world, size, others)


def figure(name: str, value_s: float, goal_s: float | None = None) -> dict[str, Any]:
    """One line of the report."""
    goal = None if goal_s is None else f"<= {goal_s}"
    met = None if goal_s is None else value_s <= goal_s
    return {"name": name, "value": value_s, "unit": "s", "goal": goal, "met": met}


def main() -> None:
    """Run, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="does it work? no figures to keep")
    size = QUICK if parser.parse_args().quick else WHOLE
    with servers() as settings, tempfile.TemporaryDirectory() as folder:
        others = {f"{one.name()}-{one.pid}": one for one in psutil.Process().children()}
        found = asyncio.run(run(settings, Path(folder), size, others))
    figures = [
        figure(f"poll to row, {name}", found["whole"][name], goal)
        for name, goal in (("p50", P50_S), ("p99", P99_S))
    ]
    figures += [figure(f"of it {step}, p50", found[step]["p50"]) for step in STEPS]
    sys.stdout.write(json.dumps({"subject": "delay", "figures": figures, "detail": found}) + "\n")


if __name__ == "__main__":
    main()
