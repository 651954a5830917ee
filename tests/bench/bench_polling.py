"""What does a poll cost beside a bare GET of the same body, and beside a scrape of Prometheus?

1. In one process, over kept connections: the whole path of a poll (lanes, request, JSON checked,
   event encoded) against a loop of bare ``aiohttp`` ``session.get``; polls per CPU-second.
2. The real collector on real Kafka against Debian's Prometheus, at the same time, on the same
   miners, at the same rate. The collector reads /api/v1/summary (3,733 bytes of JSON) and has
   Kafka acknowledge the event; Prometheus reads /metrics (as many bytes, 76 samples) and appends
   the samples to its storage. CPU of the processes above what they cost without any target.
   ``each 10 s``: the collector, which keeps no connection for so long, makes one for each poll,
   Prometheus does not. ``each 1 s``: both keep theirs. Prometheus' write-ahead log is included,
   compaction is not; of the collector everything is.
3. How late polls begin while the collector uses about half of the CPU-seconds that it could.
4. What traces cost: polls with traces configured and none of them kept, beside polls without.

Last answer (two CPUs at rest; CPython 3.11): 0.76 of the bare GETs (71 us and 53 us); traces that
are not kept cost 1 %. Of Prometheus 0.66 each 1 s (492 us and 325 us) and 0.87 each 10 s (675 us
and 590 us), where it was 0.39 while each poll began at an instant of its own: polls now begin in
steps of a tenth of a second, and one wake-up serves ten. 2,000 miners each 2 s: 0.75. p99 of
lateness at most 10 ms. What is left is the interpreter, evenly: asyncio a third, aiokafka a fifth,
ours a quarter.

    python tests/bench/bench_polling.py [--quick]
"""

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import aiohttp

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.collector_rig import (
    Rig,
    Seen,
    Watched,
    body,
    exposition,
    miners,
    rig,
    samples_of,
    started,
)

from collector_vnish.adapters.vnish import Vnish
from collector_vnish.settings import VnishSettings
from minestream_runtime import traces
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import Polled
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.http import device_session
from minestream_runtime.scheduling.lanes import Lanes
from minestream_schemas.inventory import InventoryEntry

AT_ONCE: Final = 64
OWN_SAMPLES: Final = 5
"""What Prometheus adds to each scrape: up, its duration, and three counts."""
GOAL: Final = 0.6
MOST: Final = 2000
"""Targets at half load: the miners and Kafka share the machine."""
PROMETHEUS: Final = shutil.which("prometheus")


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        polls: per round, within one process.
        rounds: after one that warms up.
        pairs: targets and seconds between their polls, for the collector beside Prometheus.
        windows: looks at these.
        window_s: length of each.
    """

    polls: int
    rounds: int
    pairs: tuple[tuple[int, float], ...]
    windows: int
    window_s: float


WHOLE: Final = Size(4096, 9, ((1000, 10.0), (400, 1.0)), 3, 10.0)
QUICK: Final = Size(512, 1, ((50, 1.0),), 1, 2.0)


async def bare(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many bare GETs."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def loop(url: str, count: int) -> None:
            for _ in range(count):
                async with session.get(url) as response:
                    await response.read()

        urls = [f"http://{address}/api/v1/summary" for address in addresses]
        await asyncio.gather(*(loop(url, 1) for url in urls))
        gc.collect()
        began_s = time.process_time()
        await asyncio.gather(*(loop(url, polls // AT_ONCE) for url in urls))
        return time.process_time() - began_s


async def polled(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many polls, after one that fills the caches."""
    clock, settings, done = SystemClock(), VnishSettings(), 0
    async with device_session() as session:
        owner = Owner([Vnish(session, clock, deadline_s=10.0)])
        fleet = Fleet(
            settings,
            None,
            owner.claim,
            add=lambda *_: None,
            remove=lambda _: None,
            clock=clock,
        )
        for number, address in enumerate(addresses):
            name = f"miner-{number:03}"
            entry = InventoryEntry(miner_id=name, site_id="site", address=address, dialect="vnish")
            fleet.there(name, entry)
        poller = Poller(fleet, clock, collector_id="bench")
        await asyncio.gather(*map(poller.poll, fleet.miners))
        finished = asyncio.Event()

        async def deliver(result: Polled) -> None:
            nonlocal done
            assert result.event is not None
            done += 1
            if done >= polls:
                finished.set()
            elif done <= polls - AT_ONCE:
                lanes.submit(result.target)

        lanes: Lanes[Polled] = Lanes(poller.poll, deliver, clock, fast=AT_ONCE)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(lanes.run())
            await asyncio.sleep(0)
            gc.collect()
            began_s = time.process_time()
            for target in fleet.miners:
                lanes.submit(target)
            await finished.wait()
            spent_s = time.process_time() - began_s
            running.cancel()
        return spent_s


def in_one_process(size: Size) -> dict[str, list[float]]:
    """Microseconds of CPU per poll, a number for each round."""
    found: dict[str, list[float]] = {"bare": [], "polled": [], "untraced": []}
    with miners() as address, tempfile.TemporaryDirectory() as folder:
        addresses = [address(number) for number in range(AT_ONCE)]
        none_kept = VnishSettings(trace_folder=Path(folder), trace_ratio=0.0)
        for number in range(size.rounds + 1):
            for name, values in found.items():
                run = bare if name == "bare" else polled
                about = (
                    traces.configured("bench", none_kept) if name == "untraced" else nullcontext()
                )
                with about:
                    cpu_s = asyncio.run(run(addresses, size.polls))
                if number:  # the first warms up
                    values.append(cpu_s / size.polls * 1e6)
    return found


@contextmanager
def prometheus(rig: Rig, name: str, interval_s: float) -> Iterator[tuple[Watched, Path] | None]:
    """Debian's Prometheus and the file that tells its targets; None where it is not installed."""
    if PROMETHEUS is None:
        yield None
        return
    folder = rig.folder / f"prometheus-{name}"
    folder.mkdir()
    targets = folder / "targets.json"
    targets.write_text("[]")
    config = {
        "global": {"scrape_interval": f"{interval_s:g}s", "scrape_timeout": f"{interval_s:g}s"},
        "scrape_configs": [
            {"job_name": "miners", "file_sd_configs": [{"files": [str(targets)]}]},
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    port = rig.port(f"prometheus-{name}")
    command = [
        PROMETHEUS,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with started(command, port) as watched:
        yield watched, targets


@dataclass(frozen=True)
class Stretch:
    """One process between two looks."""

    before: Seen
    after: Seen

    @property
    def cpu_share(self) -> float:
        """CPU-seconds per second."""
        spent_s = self.after.cpu_s - self.before.cpu_s
        return spent_s / (self.after.at_s - self.before.at_s)

    def count(self, name: str) -> float:
        """By how much a metric rose."""
        return self.after.sum(name) - self.before.sum(name)

    def per_second(self, name: str) -> float:
        """How fast a metric rose."""
        return self.count(name) / (self.after.at_s - self.before.at_s)

    def quantile_s(self, name: str, share: float) -> float:
        """The upper edge of the bucket that a quantile of a histogram is in."""
        edges = sorted(
            (float(key.split('le="')[1].split('"')[0]), value - self.before.metrics.get(key, 0.0))
            for key, value in self.after.metrics.items()
            if key.startswith(f"{name}_bucket")
        )
        wanted = share * edges[-1][1]
        return next(edge for edge, count in edges if count >= wanted)


async def stretch(processes: Sequence[Watched], seconds: float) -> list[Stretch]:
    """Look at processes, wait, and look again."""
    before = [await asyncio.to_thread(one.seen) for one in processes]
    await asyncio.sleep(seconds)
    after = [await asyncio.to_thread(one.seen) for one in processes]
    return [Stretch(*looks) for looks in zip(before, after, strict=True)]


@dataclass(frozen=True)
class Pair:
    """The collector and Prometheus on the same miners: polls (scrapes) per CPU-second above idle.

    Args:
        targets: how many.
        interval_s: of each.
        collector: a number for each window.
        prometheus: the same; nothing where it is not installed.
        busy: the share of a CPU that the collector took.
        spooled: polls that Kafka did not take in time; each costs several.
        late_s: how late polls began: half of them, and 99 % of them, no later.
    """

    targets: int
    interval_s: float
    collector: list[float]
    prometheus: list[float]
    busy: float
    spooled: float
    late_s: tuple[float, float]


async def side_by_side(rig: Rig, targets: int, interval_s: float, size: Size) -> Pair:
    """Both without targets, then both with."""
    name = f"each{interval_s:g}"
    settings = await rig.topics(name)
    samples = samples_of(exposition(len(body("summary")))) + OWN_SAMPLES
    with (
        prometheus(rig, name, interval_s) as peer,
        rig.collector(settings, interval_s=interval_s) as collector,
    ):
        both = [collector] + ([peer[0]] if peer else [])
        for one in both:
            await one.until(lambda _: True, within_s=60)
        await asyncio.sleep(size.window_s / 5)
        idle = await stretch(both, size.window_s)
        await rig.enrol(settings, targets)
        if peer is not None:
            told = [{"targets": [rig.address(number) for number in range(targets)]}]
            peer[1].write_text(json.dumps(told))
            await peer[0].until(
                lambda seen: (
                    seen.sum("prometheus_tsdb_head_samples_appended_total") >= targets * samples
                ),
                within_s=60 + 3 * interval_s,
            )
        await collector.until(
            lambda seen: seen.sum("miner_poll_total") >= 1.1 * targets,
            within_s=60 + 3 * interval_s,
        )
        windows = [await stretch(both, size.window_s) for _ in range(size.windows)]
    rates: list[list[float]] = [[], []]
    for looks in windows:
        for place, (look, at_rest) in enumerate(zip(looks, idle, strict=True)):
            done = (
                look.per_second("miner_poll_total")
                if place == 0
                else look.per_second("prometheus_tsdb_head_samples_appended_total") / samples
            )
            rates[place].append(done / (look.cpu_share - at_rest.cpu_share))
    whole = Stretch(windows[0][0].before, windows[-1][0].after)
    assert not whole.count("miner_poll_errors_total")
    lateness = "minestream_poll_lateness_seconds"
    late_s = whole.quantile_s(lateness, 0.5), whole.quantile_s(lateness, 0.99)
    spooled = whole.count('collector_upload_total{outcome="spool"}')
    return Pair(targets, interval_s, rates[0], rates[1], whole.cpu_share, spooled, late_s)


def answer(
    cpu_us: dict[str, list[float]], pairs: Sequence[Pair], half: Pair | None
) -> dict[str, Any]:
    """The figures."""
    cost = {name: median(values) for name, values in cpu_us.items()}
    figures = [
        figure("polls, of bare GETs", cost["bare"] / cost["polled"], GOAL),
        {**figure("polls in one process", 1e6 / cost["polled"]), "unit": "polls/CPU-s"},
        figure("cost of traces where none is kept", cost["untraced"] / cost["polled"]),
    ]
    for pair in pairs:
        each = f"each {pair.interval_s:g} s"
        collector = median(pair.collector)
        figures.append({**figure(f"polls onto Kafka, {each}", collector), "unit": "polls/CPU-s"})
        if pair.prometheus:
            ratio = collector / median(pair.prometheus)
            figures.append(figure(f"polls, of Prometheus' scrapes, {each}", ratio, GOAL))
    if half is not None:
        for name, late_s in zip(("p50", "p99"), half.late_s, strict=True):
            figures.append(
                {**figure(f"lateness {name} at half load, at most", late_s), "unit": "s"}
            )
    return {
        "subject": "polling",
        "figures": figures,
        "detail": {
            "cpu_us": {
                name: {"min": round(min(values), 1), "median": round(median(values), 1)}
                for name, values in cpu_us.items()
            },
            "side_by_side": [
                {
                    "targets": pair.targets,
                    "interval_s": pair.interval_s,
                    "collector_per_cpu_s": [round(value) for value in pair.collector],
                    "prometheus_per_cpu_s": [round(value) for value in pair.prometheus],
                    "collector_busy": round(pair.busy, 3),
                    "spooled": pair.spooled,
                    "late_at_most_s": pair.late_s,
                }
                for pair in (*pairs, *([half] if half else []))
            ],
            "prometheus": "not installed" if PROMETHEUS is None else "beside",
        },
    }


def figure(name: str, value: float, least: float | None = None) -> dict[str, Any]:
    """One figure, and whether it is at least what was hoped for."""
    return {
        "name": name,
        "value": round(value, 4),
        "unit": "ratio",
        "goal": None if least is None else f">= {least}",
        "met": None if least is None else value >= least,
    }


async def beside(size: Size, *, halfway: bool) -> tuple[list[Pair], Pair | None]:
    """The collector beside Prometheus, and at half of what it could do, a second apart."""
    pairs, half = [], None
    async with rig() as this:
        for targets, interval_s in size.pairs:
            pairs.append(await side_by_side(this, targets, interval_s, size))
            sys.stderr.write(f"{pairs[-1]}\n")
        if halfway:
            targets = int(median(pairs[-1].collector) * 0.5 * 2)
            half = await side_by_side(this, min(targets, MOST), 2.0, size)
            sys.stderr.write(f"{half}\n")
    return pairs, half


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    quick = parser.parse_args().quick
    chosen = QUICK if quick else WHOLE
    spent = in_one_process(chosen)
    sys.stderr.write(f"{ {name: round(median(values)) for name, values in spent.items()} } us\n")
    found = answer(spent, *asyncio.run(beside(chosen, halfway=not quick)))
    sys.stdout.write(json.dumps(found) + "\n")
