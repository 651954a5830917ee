"""Outlet, spool and uploader of a site together: order, and no disk where none is needed."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.unit.runtime import upload_world as gateway

from minestream_runtime.edge.outlet import SiteOutlet
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Spool, Spooled
from minestream_schemas.gap import Gap
from minestream_schemas.inventory import DETECTED, Detected
from minestream_schemas.raw import RAW_MINER


@dataclass
class Site:
    far: gateway.World
    outlet: SiteOutlet
    spool: Spool
    learnt: list[Detected] = field(default_factory=list)

    async def publish(self, key: str, number: int) -> None:
        value = json.dumps({"key": key, "number": number}).encode()
        at_s = self.far.clock.now().timestamp()
        event = Spooled(RAW_MINER.name, key.encode(), value, f"{key}{number}", at_s)
        await self.outlet.publish(RAW_MINER, event)

    def arrived(self) -> dict[str, list[int]]:
        """The numbers by key, in the order of their first arrival."""
        found: dict[str, list[int]] = defaultdict(list)
        for upload in self.far.gateway.published:
            for event in upload:
                if "number" in event and event["number"] not in found[event["key"]]:
                    found[event["key"]].append(event["number"])
        return found


@asynccontextmanager
async def site(folder: Path, **limits: Any) -> AsyncIterator[Site]:
    async with gateway.world(folder, **limits) as far:
        spool = Spool(
            folder / "spool", far.clock, on_dropped=lambda _: None, on_rescued=lambda _: None
        )
        learnt: list[Detected] = []
        async with spool:
            with Ledger(None) as ledger:
                outlet = SiteOutlet(
                    far.uploader,
                    spool,
                    ledger,
                    far.clock,
                    learn=learnt.append,
                    subject="edge-site-a",
                    site_id="site-a",
                    gap_after_s=0,
                )
                running = [asyncio.ensure_future(outlet.run()) for _ in range(2)]
                try:
                    yield Site(far, outlet, spool, learnt)
                finally:
                    for task in running:
                        task.cancel()
                    await asyncio.wait(running)


async def drained(this: Site) -> None:
    async with asyncio.timeout(30):
        while len(this.spool) or this.outlet.link_down_since is not None:
            this.far.clock.by_s += 2  # pauses are over at once
            await asyncio.sleep(0.02)


def half(items: list[Any]) -> gateway.Answer:
    """Some are published, the rest waits."""
    return 503, gateway.taken(items, waiting=range(len(items) // 2, len(items))), {}


def away(_: list[Any]) -> gateway.Answer:
    return 502, "bad gateway", {}


async def test_order_per_key_survives_a_gateway_that_comes_and_goes(tmp_path: Path) -> None:
    async with site(tmp_path, most_items=7) as this:

        async def one_key(key: str) -> None:
            for number in range(25):
                await this.publish(key, number)
                await asyncio.sleep(0.005)

        this.far.gateway.answers = [half, away, half]
        await asyncio.gather(*map(one_key, "abcdefgh"))
        await drained(this)
        assert this.arrived() == {key: list(range(25)) for key in "abcdefgh"}


async def test_once_the_spools_last_are_under_way_nothing_more_goes_over_the_disk(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, linger_s=0.1) as this:
        this.far.gateway.answers = [away]
        this.far.gateway.takes_s = 0.05  # longer than the pause between two events
        await this.publish("a", 0)
        await drained(this)
        put: list[str] = []
        kept = this.spool.put

        async def noting(event: Spooled) -> Any:
            put.append(event.event)
            return await kept(event)

        this.spool.put = noting  # type: ignore[method-assign] # to count
        async with asyncio.TaskGroup() as group:
            for number in range(40):
                group.create_task(this.publish(f"key-{number}", number))
                await asyncio.sleep(0.01)
        assert put == []


async def test_gaps_are_told_with_their_site(tmp_path: Path) -> None:
    async with site(tmp_path) as this:
        this.far.gateway.answers = [away]
        await this.publish("a", 0)
        await drained(this)
        async with asyncio.timeout(10):
            while not (told := _gaps(this)) or "ended_at" not in told[-1]:
                this.far.clock.by_s += 2
                await asyncio.sleep(0.02)
        assert {each["site_id"] for each in told} == {"site-a"}
        assert told[-1]["filled"]


async def test_what_is_found_out_stays_at_the_site_too(tmp_path: Path) -> None:
    found = Detected(
        miner_id="site-a-1",
        address="10.0.0.1:80",
        evidence="asked",
        detected_at=datetime(2026, 11, 22, tzinfo=UTC),
        collector_id="collector-vnish-site-a",
    )
    async with site(tmp_path) as this:
        event = Spooled(DETECTED.name, b"site-a-1", found.to_json(), "1", 0.0)
        await this.outlet.publish(DETECTED, event)
        assert this.learnt == [found]
        assert this.far.gateway.published


def _gaps(this: Site) -> list[Any]:
    events = [event for upload in this.far.gateway.published for event in upload]
    return [event for event in events if "cause" in event]


async def test_a_clock_that_jumps_back_hides_no_gap_and_turns_none_round(tmp_path: Path) -> None:
    async with site(tmp_path) as this:
        await this.publish("a", 1)
        this.far.clock.wall_by_s = -3600.0
        this.far.gateway.answers = [away] * 1000
        await this.publish("a", 2)
        async with asyncio.timeout(30):
            while len(this.spool) < 2:  # noqa: ASYNC110 - the gap is told once its time has come
                await asyncio.sleep(0.02)
        this.far.clock.wall_by_s = -7200.0
        this.far.gateway.answers = []
        await drained(this)
        async with asyncio.timeout(30):
            while len(_gaps(this)) < 2:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        opened, closed = (Gap.from_json(json.dumps(gap).encode()) for gap in _gaps(this))
        assert opened.ended_at is None
        assert closed.gap_id == opened.gap_id
        assert closed.ended_at is not None
        assert closed.ended_at >= closed.began_at
        assert this.arrived() == {"a": [1, 2]}
