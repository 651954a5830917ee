"""How do the collector's CPU and memory grow with the fleet, from 60 to 10,000 miners?

The real collector on real Kafka; every miner is polled each 30 s, so ten times the miners are ten
times the polls. Measured over one whole interval after everybody was polled once. The exponent is
the slope of log cost over log miners: 1 is proportional. ``total`` is all that the process costs,
``above idle`` leaves out what it costs without any miner. Memory is what the process grows by
between the last two sizes, per 1,000 miners, kept connections and all.

Last answer (two CPUs at rest): exponent 0.59, above idle 0.70 (polls that come together share
loops and batches); 6.6 MB per 1,000 miners, where the goal is 5.

    python tests/bench/bench_growth.py [--quick]
"""

import argparse
import asyncio
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.collector_rig import Rig, rig

GOAL_EXPONENT: Final = 1.05
GOAL_MB: Final = 5.0


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    fleets: tuple[int, ...]
    interval_s: float


@dataclass(frozen=True)
class Cost:
    """What one fleet costs.

    Args:
        miners: how many.
        polls: in the time measured.
        window_s: that time.
        cpu_s: of the process in it.
        rss_bytes: at its end.
    """

    miners: int
    polls: float
    window_s: float
    cpu_s: float
    rss_bytes: int

    @property
    def share(self) -> float:
        """CPU-seconds per second."""
        return self.cpu_s / self.window_s


WHOLE: Final = Size((60, 300, 1000, 3000, 10_000), 30.0)
QUICK: Final = Size((20, 60), 1.0)


async def cost_of(rig: Rig, miners: int, interval_s: float) -> Cost:
    """Run the collector with so many miners, and look at it for one interval."""
    settings = await rig.topics(f"growth{miners}")
    await rig.enrol(settings, miners)
    with rig.collector(settings, interval_s=interval_s) as collector:
        await collector.until(
            lambda seen: (
                seen.sum("minestream_targets") == miners
                and seen.sum("miner_poll_total") >= 1.1 * miners
            ),
            within_s=60 + 3 * interval_s,
        )
        if not miners:
            await asyncio.sleep(interval_s / 6)
        before = await asyncio.to_thread(collector.seen)
        await asyncio.sleep(interval_s)
        after = await asyncio.to_thread(collector.seen)
    cost = Cost(
        miners=miners,
        polls=after.sum("miner_poll_total") - before.sum("miner_poll_total"),
        window_s=after.at_s - before.at_s,
        cpu_s=after.cpu_s - before.cpu_s,
        rss_bytes=after.rss_bytes,
    )
    assert after.sum("miner_poll_errors_total") == 0
    sys.stderr.write(
        f"{miners:>6} miners: {cost.polls:.0f} polls, {cost.share:.1%} of a CPU,"
        f" {cost.rss_bytes / 1e6:.0f} MB\n"
    )
    return cost


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """The slope of log cost over log size, by least squares.

    Args:
        points: size and cost, both above 0.
    """
    logs = [(math.log(size), math.log(cost)) for size, cost in points]
    mean_x = sum(x for x, _ in logs) / len(logs)
    mean_y = sum(y for _, y in logs) / len(logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / sum(
        (x - mean_x) ** 2 for x, _ in logs
    )


def answer(idle: Cost, costs: Sequence[Cost]) -> dict[str, Any]:
    """The figures."""
    total = exponent([(cost.miners, cost.share) for cost in costs])
    above = [(cost.miners, cost.share - idle.share) for cost in costs if cost.share > idle.share]
    marginal = exponent(above) if len(above) > 1 else None
    small, large = costs[-2:]
    grown_mb = (large.rss_bytes - small.rss_bytes) / 1e6
    per_thousand_mb = grown_mb / (large.miners - small.miners) * 1000
    return {
        "subject": "growth",
        "figures": [
            figure("exponent of total cost", total, "exponent", GOAL_EXPONENT),
            figure("exponent of cost above idle", marginal, "exponent", GOAL_EXPONENT),
            figure("memory per 1,000 miners", per_thousand_mb, "MB", GOAL_MB),
            figure("CPU without miners", idle.share, "CPU-s/s", None),
        ],
        "detail": {
            "fleets": [
                {
                    "miners": cost.miners,
                    "polls": cost.polls,
                    "cpu_s_per_s": round(cost.share, 5),
                    "cpu_us_per_poll": round(cost.cpu_s / cost.polls * 1e6) if cost.polls else None,
                    "rss_mb": round(cost.rss_bytes / 1e6, 1),
                }
                for cost in (idle, *costs)
            ]
        },
    }


def figure(name: str, value: float | None, unit: str, most: float | None) -> dict[str, Any]:
    """One figure, and whether it is at most what was hoped for."""
    return {
        "name": name,
        "value": None if value is None else round(value, 4),
        "unit": unit,
        "goal": None if most is None else f"<= {most}",
        "met": None if most is None or value is None else value <= most,
    }


async def main(size: Size) -> None:
    """Print the answer."""
    async with rig() as this:
        idle = await cost_of(this, 0, size.interval_s)
        costs = [await cost_of(this, fleet, size.interval_s) for fleet in size.fleets]
    sys.stdout.write(json.dumps(answer(idle, costs)) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    asyncio.run(main(QUICK if parser.parse_args().quick else WHOLE))
