"""How fast is a full spool emptied, beside a bare loop over the same file in SQLite?

A site has been offline: its spool holds polls as collectors make them. The bare loop reads blocks
oldest first, unpacks them and deletes them, a batch per transaction, and hands them to nobody. Ours
is the outlet of an edge site with all that it does for each event, handing them to a sender that
acknowledges at once; then the same to a sender that packs and uploads to a server that answers at
once. All in this process, alternating, CPU seconds of it; medians.

    python tests/bench/bench_spool.py [--quick]

Last answer: see results/latest.json.
"""

import argparse
import asyncio
import gzip
import json
import random
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import cramjam
import httpx
import msgspec
from aiohttp import web
from pydantic import SecretStr

from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.outlet import SiteOutlet
from minestream_runtime.edge.uploader import Outcome, Uploader
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Spool, Spooled
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.upload import UPLOAD_PATH

GOAL: Final = 0.5
EVENTS, ROUNDS, MINERS = 40_000, 5, 500
QUICK_EVENTS, QUICK_ROUNDS = 20_000, 1
BODY: Final = Path(__file__).parents[1] / "fixtures" / "vnish"
CLOCK: Final = SystemClock()


class Nowhere(Uploader):
    """Takes everything at once."""

    async def send_all(self, events: Sequence[Spooled]) -> list[Outcome]:
        """See ``Uploader``."""
        return [None] * len(events)


def poll(number: int, body: str) -> Spooled:
    """A poll of one of the miners, as a collector spools it."""
    at = datetime.now(UTC)
    event = RawMiner(
        event_id=new_event_id(at),
        site_id="site-a",
        miner_id=f"site-a-{number % MINERS:05d}",
        collector_id="collector-vnish-site-a",
        dialect="vnish",
        polled_at=at,
        latency_ms=30.0 + number % 7,
        status=PollStatus.OK,
        interval_s=60.0,
        endpoints={"summary": EndpointBody(status=PollStatus.OK, fetched_at=at, body=body)},
    )
    return Spooled(
        RAW_MINER.name,
        event.miner_id.encode(),
        event.to_json(),
        str(event.event_id),
        at.timestamp(),
        b"",
        (("traceparent", b"00-%032x-0000000000000001-00" % number),),
    )


def body() -> str:
    """The largest recorded summary."""
    return max((path.read_text() for path in BODY.rglob("*summary.json")), key=len)


def varied(text: str, source: random.Random) -> str:
    """The same with other last digits: no two polls say the same, and a block packs that badly."""
    return re.sub(r"\d(?=[^\d.\w])", lambda _: str(source.randrange(10)), text)


def spool_of(path: Path) -> Spool:
    """A spool that keeps everything."""
    return Spool(
        path,
        CLOCK,
        on_dropped=lambda _: None,
        on_rescued=lambda _: None,
        most_bytes=4 << 30,
        most_age_s=7 * 86_400,
    )


async def fill(path: Path, events: int) -> int:
    """Fill a spool; the bytes of the events."""
    text, size, digits = body(), 0, random.Random(7)
    async with spool_of(path) as spool:
        for start in range(0, events, 1000):
            batch = [
                poll(number, varied(text, digits))
                for number in range(start, min(start + 1000, events))
            ]
            size += sum(len(each.value) for each in batch)
            await asyncio.gather(*map(spool.put, batch))
    return size


def bare(path: Path) -> int:
    """The bare loop; how many events it saw."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL").fetchall()
    db.execute("PRAGMA synchronous=FULL")
    seen = 0
    while rows := db.execute("SELECT id, packed FROM block ORDER BY id LIMIT 10").fetchall():
        for _, packed in rows:
            unpacked = bytes(cramjam.zstd.decompress(packed))
            seen += len(msgspec.msgpack.decode(unpacked, type=list[Spooled]))
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM block WHERE id <= ?", (rows[-1][0],))
        db.execute("COMMIT")
    db.close()
    return seen


async def drained(path: Path, uploader: Uploader) -> None:
    """The outlet empties the spool."""
    async with spool_of(path) as spool:
        with Ledger(None) as ledger:
            outlet = SiteOutlet(
                uploader, spool, ledger, CLOCK, learn=lambda _: None, subject="edge", site_id="a"
            )
            tasks = [asyncio.ensure_future(each.run()) for each in (outlet, uploader)]
            while len(spool):  # noqa: ASYNC110 - it has no event for that
                await asyncio.sleep(0.005)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    """A gateway that believes everything."""

    async def take(request: web.Request) -> web.Response:
        raw = await request.read()
        items = (
            raw.count(b'{"topic":') if raw[:1] == b"[" else gzip.decompress(raw).count(b'{"topic":')
        )
        data = {"processed": items, "online": items, "offline": 0, "processing_time_ms": 1}
        return web.json_response({"success": True, "data": data})

    app = web.Application(client_max_size=1 << 28)
    app.add_routes([web.post(UPLOAD_PATH, take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def measure(folder: Path, events: int, rounds: int) -> dict[str, Any]:
    """Events per CPU second of each way."""
    full = folder / "full"
    size = await fill(full, events)
    rates: dict[str, list[float]] = {"bare": [], "outlet": [], "upload": []}
    async with server() as gateway, httpx.AsyncClient() as http:
        letters = DeadLetters(folder / "refused")
        key = SecretStr("hsc_" + "0" * 40)
        senders = {
            "outlet": Nowhere(http, gateway, key, CLOCK, letters),
            "upload": Uploader(http, gateway, key, CLOCK, letters),
        }
        for number in range(rounds):
            for name, taken in rates.items():
                path = folder / f"{name}-{number}"
                shutil.copy(full, path)
                began = time.process_time()
                if name == "bare":
                    bare(path)
                else:
                    await drained(path, senders[name])
                taken.append(events / (time.process_time() - began))
                path.unlink()
                sys.stderr.write(f"{name}: {taken[-1]:,.0f} events per CPU second\n")
    return {"rates": rates, "bytes_per_event": size / events}


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(
            measure(
                Path(folder),
                QUICK_EVENTS if quick else EVENTS,
                QUICK_ROUNDS if quick else ROUNDS,
            )
        )
    rates = {name: median(values) for name, values in found["rates"].items()}
    ratio = rates["outlet"] / rates["bare"]
    figures = [
        {"name": "bare SQLite loop", "value": rates["bare"], "unit": "events/CPU-s"},
        {"name": "outlet empties the spool", "value": rates["outlet"], "unit": "events/CPU-s"},
        {
            "name": "outlet to bare loop",
            "value": ratio,
            "unit": "ratio",
            "goal": f"at least {GOAL}",
            "met": None if quick else ratio >= GOAL,
        },
        {
            "name": "packed and uploaded, server included",
            "value": rates["upload"],
            "unit": "events/CPU-s",
        },
    ]
    sys.stdout.write(json.dumps({"subject": "spool", "figures": figures, "detail": found}) + "\n")


if __name__ == "__main__":
    main()
