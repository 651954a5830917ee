"""What do sick miners cost the healthy ones? 1,000 HTTP and 1,000 TCP miners, 17 % of them sick.

Both collectors on real Kafka, emulated miners of each family; 10 % drip a byte a second, 5 % are
dead (half refuse, half take the connection and say nothing), 1 % answer with a gibibyte, 1 % with
what is no JSON. Each is polled every 10 s: once without the sick ones in the inventory, once with
them, twice over. ``sweep``: the longest time that any healthy miner waited from one poll to its
next, in five intervals. ``first sweep``: from the first poll after a start until each healthy
miner had answered once. Memory: of each collector, at the end of those intervals beside their
beginning, with the sick ones.

Last answer, on a machine at rest: 1.001 of the sweep and 1.017 of the first one; memory 1.014.

    python tests/bench/bench_sweep.py [--quick]
"""

import argparse
import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.collector_rig import Rig, Watched, enrolled, rig
from tests.bench.sweep_world import sweep_world

from minestream_runtime.kafka import Consumer
from minestream_runtime.settings import Settings
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import RAW_MINER

MODULES: Final = ("collector_vnish", "collector_cgminer")
GOAL: Final = 1.1
GOAL_MEMORY: Final = 1.05
WARM: Final = 2
"""Intervals between the first sweep and those that count."""
_READ_S: Final = 120.0


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        each: miners over HTTP, and as many over TCP.
        interval_s: between two polls of one.
        intervals: that count.
        rounds: without and with, so often.
    """

    each: int
    interval_s: float
    intervals: int
    rounds: int


WHOLE: Final = Size(1000, 10.0, 5, 2)
QUICK: Final = Size(30, 1.0, 4, 1)


class _Poll(msgspec.Struct):
    """What counts of a poll's event."""

    miner_id: str
    polled_at: datetime
    latency_ms: float
    status: str

    @property
    def at_s(self) -> float:
        return self.polled_at.timestamp()

    @property
    def until_s(self) -> float:
        return self.at_s + self.latency_ms / 1000


_POLL: Final = msgspec.json.Decoder(_Poll)


@dataclass(frozen=True)
class Swept:
    """How a run went.

    Args:
        first_s: from the first poll until each healthy miner had answered.
        sweep_s: the longest wait of any healthy miner between two polls.
        polls: of healthy miners in the intervals that count, by status.
        sick: of the others, likewise.
        grown: by how much each collector's memory was larger at their end, as a ratio.
        rss_mb: of each collector at their end.
        cpu_share: CPU-seconds per second of each.
    """

    first_s: float
    sweep_s: float
    polls: dict[str, int]
    sick: dict[str, int]
    grown: list[float]
    rss_mb: list[float]
    cpu_share: list[float]


async def events(settings: Settings) -> list[_Poll]:
    """Every poll that is on the topic now."""
    found: list[_Poll] = []
    async with Consumer(settings, [RAW_MINER]) as consumer:
        ends = await consumer.ends(consumer.owned())
        begins = await consumer.beginnings(consumer.owned())
        left = {where for where, end in ends.items() if end > begins[where]}
        async with asyncio.timeout(_READ_S):
            while left:
                for record in await consumer.records(wait_s=1.0):
                    found.append(_POLL.decode(record.value or b""))
                    if record.offset + 1 >= ends[record.partition]:
                        left.discard(record.partition)
    return found


def longest_wait(polls: Sequence[_Poll], names: Collection[str]) -> float:
    """Of any of these miners, between two polls.

    Raises:
        ValueError: one of them was polled less than twice: there is no such time.
    """
    times: dict[str, list[float]] = defaultdict(list)
    for poll in polls:
        times[poll.miner_id].append(poll.at_s)
    waits = []
    for name in names:
        ordered = sorted(times[name])
        if len(ordered) < 2:
            raise ValueError(f"{name} was polled {len(ordered)} times")
        waits.append(max(after - before for before, after in pairwise(ordered)))
    return max(waits)


async def swept(
    this: Rig, name: str, entries: Sequence[InventoryEntry], sick: frozenset[str], size: Size
) -> Swept:
    """Poll these miners for some intervals."""
    settings = await this.topics(name)
    await enrolled(settings, entries)
    healthy = {entry.miner_id for entry in entries} - sick
    with ExitStack() as stack:
        collectors = [
            stack.enter_context(this.collector(settings, interval_s=size.interval_s, module=module))
            for module in MODULES
        ]
        await asyncio.gather(*(polled_once(one, entries) for one in collectors))
        await asyncio.sleep(WARM * size.interval_s)
        began_s = datetime.now(UTC).timestamp()
        before = [await asyncio.to_thread(one.seen) for one in collectors]
        await asyncio.sleep(size.intervals * size.interval_s)
        after = [await asyncio.to_thread(one.seen) for one in collectors]
    polls = await events(settings)
    until_s = began_s + size.intervals * size.interval_s
    counted = [poll for poll in polls if began_s <= poll.at_s <= until_s]
    answered: dict[str, float] = {}
    for poll in polls:
        if poll.miner_id in healthy:
            answered.setdefault(poll.miner_id, poll.until_s)
            answered[poll.miner_id] = min(answered[poll.miner_id], poll.until_s)
    assert answered.keys() == healthy, "some were never polled"
    result = Swept(
        first_s=max(answered.values()) - min(poll.at_s for poll in polls),
        sweep_s=longest_wait(counted, healthy),
        polls=Counter(poll.status for poll in counted if poll.miner_id in healthy),
        sick=Counter(poll.status for poll in counted if poll.miner_id in sick),
        grown=[b.rss_bytes / a.rss_bytes for a, b in zip(before, after, strict=True)],
        rss_mb=[round(look.rss_bytes / 1e6, 1) for look in after],
        cpu_share=[
            round((b.cpu_s - a.cpu_s) / (b.at_s - a.at_s), 3)
            for a, b in zip(before, after, strict=True)
        ],
    )
    sys.stderr.write(f"{name}: {result}\n")
    return result


async def polled_once(collector: Watched, entries: Sequence[InventoryEntry]) -> None:
    """Wait until a collector has polled as many times as it has miners; each is new but once."""
    await collector.until(
        lambda seen: (
            seen.sum("minestream_targets") * len(MODULES) >= len(entries)
            and seen.sum("miner_poll_total") >= seen.sum("minestream_targets")
        ),
        within_s=180,
    )


def figure(name: str, value: float, unit: str, most: float | None = None) -> dict[str, Any]:
    """One figure, and whether it is at most what was hoped for."""
    return {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "goal": None if most is None else f"<= {most}",
        "met": None if most is None else value <= most,
    }


def answer(without: Sequence[Swept], beside: Sequence[Swept]) -> dict[str, Any]:
    """The figures."""
    sweeps = [median(run.sweep_s for run in runs) for runs in (without, beside)]
    firsts = [median(run.first_s for run in runs) for runs in (without, beside)]
    ratio, grown = sweeps[1] / sweeps[0], max(max(run.grown) for run in beside)
    return {
        "subject": "sweep",
        "figures": [
            figure("sweep with the sick ones, of that without", ratio, "ratio", GOAL),
            figure("first sweep, likewise", firsts[1] / firsts[0], "ratio", GOAL),
            figure("sweep without the sick ones", sweeps[0], "s"),
            figure("first sweep without the sick ones", firsts[0], "s"),
            figure("memory with the sick ones, end to beginning", grown, "ratio", GOAL_MEMORY),
        ],
        "detail": {
            name: [vars(run) for run in runs]
            for name, runs in (("without", without), ("with", beside))
        },
    }


async def main(size: Size) -> None:
    """Print the answer."""
    without: list[Swept] = []
    beside: list[Swept] = []
    with sweep_world(size.each) as (entries, sick):
        healthy = [entry for entry in entries if entry.miner_id not in sick]
        async with rig() as this:
            for number in range(size.rounds):
                none = frozenset[str]()
                without.append(await swept(this, f"well{number}", healthy, none, size))
                beside.append(await swept(this, f"sick{number}", entries, sick, size))
    sys.stdout.write(json.dumps(answer(without, beside)) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    asyncio.run(main(QUICK if parser.parse_args().quick else WHOLE))
