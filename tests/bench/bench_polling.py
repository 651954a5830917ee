"""What does a poll of the collector cost beside a bare GET of the same body?

Question: polls per CPU-second of the whole path (lanes, poll, JSON checked, event encoded) as a
ratio to a loop of bare ``session.get``. Run: ``python tests/bench/bench_polling.py``; the miners
run in a process of their own. Last answer (2 shared cores, CPython 3.11): 5,100 polls per
CPU-second, ratio 0.33; on uvloop 0.34, so it is not used. 100,000 miners at 30 s need 3,300.
"""

# ruff: noqa: T201 - it prints its answer

import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

import aiohttp
from aiohttp import web

from collector_vnish.adapters.poller import Fleet, Poller
from collector_vnish.adapters.vnish import VnishClient
from collector_vnish.settings import VnishSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.collector import Polled
from minestream_runtime.collecting.lanes import Lanes
from minestream_runtime.http import device_session
from minestream_schemas.inventory import InventoryEntry

MINERS, POLLS, ROUNDS, AT_ONCE = 64, 2000, 5, 64
FIXTURES = Path(__file__).parents[1] / "fixtures" / "vnish"


def serve(ready: Connection) -> None:
    """Answer every endpoint with the recorded payloads of an S21 Pro."""
    bodies = {
        name.replace("_", "-"): (FIXTURES / f"s21pro_1.2.7_{name}.json").read_bytes()
        for name in ("summary", "info", "perf_summary")
    }

    async def handle(request: web.BaseRequest) -> web.Response:
        body = bodies.get(request.path.rpartition("/")[2])
        return web.Response(body=body) if body else web.Response(status=404)

    async def main() -> None:
        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        for number in range(MINERS):
            await web.TCPSite(runner, f"127.9.0.{number + 1}", 0).start()
        ready.send([f"{host}:{port}" for host, port in runner.addresses])
        await asyncio.sleep(600)

    asyncio.run(main())


async def bare(addresses: list[str]) -> float:
    """CPU seconds of so many bare GETs."""
    connector = aiohttp.TCPConnector(limit=0, limit_per_host=2, keepalive_timeout=5)
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as session:

        async def loop(mine: list[str]) -> None:
            for number in range(POLLS // AT_ONCE):
                url = f"http://{mine[number % len(mine)]}/api/v1/summary"
                async with session.get(url) as response:
                    await response.read()

        began_s = time.process_time()
        await asyncio.gather(*(loop(addresses[at::AT_ONCE]) for at in range(AT_ONCE)))
        return time.process_time() - began_s


async def polled(addresses: list[str]) -> float:
    """CPU seconds of so many polls, after one that fills the caches."""
    clock, settings, done = SystemClock(), VnishSettings(), 0
    fleet = Fleet(settings, None, add=lambda *_: None, remove=lambda _: None, clock=clock)
    for number, address in enumerate(addresses):
        name = f"miner-{number:03}"
        fleet.there(name, InventoryEntry(miner_id=name, site_id="site", address=address))
    async with device_session() as session:
        poller = Poller(
            VnishClient(session, clock, deadline_s=10.0),
            fleet,
            clock,
            collector_id="bench",
            settings=settings,
            factor_after=lambda *_: 1,
        )
        await asyncio.gather(*map(poller.poll, fleet.miners))
        finished = asyncio.Event()

        async def deliver(result: Polled) -> None:
            nonlocal done
            assert result.event is not None
            done += 1
            if done == POLLS // AT_ONCE * AT_ONCE:
                finished.set()
            else:
                lanes.submit(result.target)

        lanes: Lanes[Polled] = Lanes(poller.poll, deliver, clock, fast=AT_ONCE)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(lanes.run())
            await asyncio.sleep(0)
            began_s = time.process_time()
            for target in fleet.miners:
                lanes.submit(target)
            await finished.wait()
            spent_s = time.process_time() - began_s
            running.cancel()
        return spent_s


def main() -> None:
    """Print the answer as JSON."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    addresses: list[str] = here.recv()
    runs = {"bare": bare, "polled": polled}
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            cpu_s = asyncio.run(run(addresses))
            if number:  # the first warms up
                spent[name].append(cpu_s)
    server.kill()
    rate = {name: POLLS / statistics.median(seconds) for name, seconds in spent.items()}
    answer = {
        "polls": POLLS,
        "per_cpu_second": {name: round(value) for name, value in rate.items()},
        "min_s": {name: round(min(seconds), 3) for name, seconds in spent.items()},
        "ratio": round(rate["polled"] / rate["bare"], 3),
        "python": sys.version.split()[0],
    }
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
