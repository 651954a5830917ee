"""Three sites without Kafka, and their link cut: nothing lost, doubled or invented.

**S**: the replies that the emulated miners logged. **P**: the events that each site wrote to its
ledger after the gateway's answer or the spool's commit. **D**: the rows with numbers. P ⊆ D ⊆ S,
no key twice, no zero that no miner said, the gap named and filled, and every window equals the one
computed from the rows, those too that closed without the readings of the cut.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from tests.component.severing import Switch
from tests.e2e.test_nothing_lost import disagreements, lines, produced
from tests.e2e.world import EDGE_STOP_WAIT_S, World, running
from typer.testing import CliRunner

from api_gateway.adapters.collector_key_command import app
from minestream_emulators.fleet import Fleet
from minestream_emulators.running import emulated_fleet
from minestream_runtime.clock import SystemClock
from minestream_runtime.kafka import ensure_topics
from minestream_schemas.topics import TOPICS

SITES = {"texas": 10, "wyoming": 6, "ohio": 4}
"""Their miners: as 500, 300 and 200 are."""
INTERVAL_S = 2
WINDOW_S, GRACE_S = 5, 1


@pytest.mark.timeout(480)
async def test_a_cut_of_30_s_loses_doubles_and_invents_nothing(
    tmp_path: Path, environment: dict[str, str], database_url: str
) -> None:
    await cut_off(World(tmp_path, environment, database_url), cut_s=30)


@pytest.mark.soak
@pytest.mark.timeout(1200)
async def test_a_cut_of_10_minutes_loses_doubles_and_invents_nothing(
    tmp_path: Path, environment: dict[str, str], database_url: str
) -> None:
    await cut_off(World(tmp_path, environment, database_url), cut_s=600)


async def cut_off(world: World, *, cut_s: float) -> None:
    """Three sites, their way to the gateway cut for a while, and everything drained."""
    world.environment |= {
        "MINESTREAM_WINDOW_S": str(WINDOW_S),
        "MINESTREAM_GRACE_S": str(GRACE_S),
        "MINESTREAM_MAINTENANCE_EVERY_S": "1",  # computes windows again
        "MINESTREAM_DEMO": "1",
        "MINESTREAM_GATEWAY_PORT": str(world.free_port("gateway")),
    }
    await ensure_topics(world.settings, TOPICS)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(world))
        for name in ("timescale-sink", "processor", "api-gateway"):
            world.add(name, name.replace("-", "_"))
        way, switch = await stack.enter_async_context(leading(world.free_port("gateway")))
        keys = await asyncio.to_thread(keys_of, world)
        await world.ready("api-gateway", within_s=90)  # else a site begins with a gap
        for number, (site, miners) in enumerate(SITES.items(), start=1):
            fleet = await stack.enter_async_context(
                emulated_fleet(
                    miners=miners,
                    site=site,
                    mix={"s21pro-1.2.7": 0.4, "l9-1.3.4": 0.3, "m50-v2": 0.3},
                    first_address=f"127.{50 + number}.0.1",
                    replies=world.folder / f"{site}.replies",
                )
            )
            settle_in(world, site, fleet, way, keys[site])
        for name in ("timescale-sink", "processor", *SITES):
            await world.ready(name, within_s=90)
        await world.until(lambda: heard(world, len_of_all()), "all miners heard", within_s=120)

        await amid_a_window()
        switch.cut()
        await asyncio.sleep(cut_s / 2)
        world.children["ohio"].kill()  # its spool stays; its supervisor starts it again
        await asyncio.sleep(cut_s / 2)
        switch.mend()
        await world.until(lambda: drained(world), "drained", within_s=120)
        await check_sets(world, cut_s)
        await asyncio.gather(*(ended(world, site) for site in SITES))
        check_gaps(world)
        await check_windows(world)


async def amid_a_window() -> None:
    """Wait for the middle of one: each miner is polled in its rest, which closes without that."""
    now_s = SystemClock().now().timestamp()
    await asyncio.sleep((WINDOW_S / 2 - now_s) % WINDOW_S)


def len_of_all() -> int:
    return sum(SITES.values())


def keys_of(world: World) -> dict[str, str]:
    """Each site's key, by the operator's command; here, as a process of its own starts slowly."""
    made = {}
    for site in SITES:
        done = CliRunner().invoke(app, ["create", "--site", site], env=world.environment)
        assert done.exit_code == 0, done.output
        made[site] = done.stdout.strip()
    return made


async def ended(world: World, site: str) -> None:
    """End a site's process as its supervisor does."""
    child = world.children[site]
    await asyncio.to_thread(child.stop, EDGE_STOP_WAIT_S)
    assert child.process is not None
    assert child.process.returncode == 0, "it ended in time"


def settle_in(world: World, site: str, fleet: Fleet, gateway: str, key: str) -> None:
    """Set a site up as its people do: a key, a file, a process."""
    folder = world.folder / site
    folder.mkdir()
    (folder / "fleet.yaml").write_text(json.dumps({"miners": fleet.inventory}))  # JSON is YAML
    (folder / "edge.yaml").write_text(
        f"site: {site}\n"
        f"gateway: {gateway}\n"
        "key: ${KEY}\n"
        "collectors: [vnish, cgminer]\n"
        "inventory: fleet.yaml\n"
        f"poll: {{interval_s: {INTERVAL_S}, allowed_networks: 127.0.0.0/8}}\n"
        "spool: {folder: state, gap_after_s: 3}\n"
        "upload: {linger_s: 0.5, deadline_s: 5}\n"
    )
    world.add(
        site,
        "minestream_runtime.edge",
        "--config",
        str(folder / "edge.yaml"),
        KEY=key,
        MINESTREAM_LEDGER_FILE=str(folder / "ledger"),
    )


@asynccontextmanager
async def leading(port: int) -> AsyncIterator[tuple[str, Switch]]:
    """The sites' way to the gateway, and what cuts it."""
    switch = Switch()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await switch.join((reader, writer), "127.0.0.1", port)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", switch
    finally:
        switch.cut()
        server.close()


async def heard(world: World, miners: int) -> bool:
    rows = await asyncio.to_thread(
        world.rows,
        "SELECT count(DISTINCT miner_id) AS n FROM telemetry_v1.reading WHERE hashrate_hs > 0",
    )
    return bool(rows[0].n == miners)


async def drained(world: World) -> bool:
    """Has every site's link come back, and its spool been emptied?"""
    waiting = [await world.metric(site, "minestream_spool_events") for site in SITES]
    logs = [world.children[site].log.read_text() for site in SITES]
    return not any(waiting) and all("link_up" in log for log in logs)


async def check_sets(world: World, cut_s: float) -> None:
    """P ⊆ D ⊆ S, no key twice, no zero."""
    taken = {site: produced(world.folder / site / "ledger") for site in SITES}
    everything = set().union(*taken.values())

    async def written() -> bool:
        rows = await asyncio.to_thread(
            world.rows, "SELECT raw_event_id::text AS id FROM telemetry_v1.reading"
        )
        return everything <= {row.id for row in rows}

    await world.until(written, f"{len(everything)} readings written", within_s=120)
    rows = world.rows(
        "SELECT r.raw_event_id::text AS event, r.miner_id, r.site_id, r.ts, r.hashrate_hs, "
        "r.status, w.event::jsonb -> 'endpoints' -> 'summary' ->> 'reply_id' AS reply "
        "FROM telemetry_v1.reading r LEFT JOIN telemetry_v1.raw_event w "
        "ON w.event_id = r.raw_event_id AND w.miner_id = r.miner_id AND w.polled_at = r.ts"
    )
    served = {
        (site, str(line["reply"]))
        for site in SITES
        for line in lines(world.folder / f"{site}.replies")
    }
    print(f"S {len(served)}, P {len(everything)}, D {len(rows)}")  # noqa: T201
    least = sum(SITES.values()) * cut_s / INTERVAL_S
    assert len(everything) > least, "polling went on through the cut"
    assert {(row.site_id, row.reply) for row in rows} <= served
    assert len({row.event for row in rows}) == len(rows), "an event has two rows"
    assert len({(row.miner_id, row.ts) for row in rows}) == len(rows)
    assert {row.site_id for row in rows} == set(SITES)
    no_miners_word = [row for row in rows if not row.hashrate_hs]
    assert no_miners_word == [], "a zero, or silence, that no miner said"


def check_gaps(world: World) -> None:
    """Each site's cut is told, and that late readings filled it; so is each miner's silence."""
    gaps = world.rows("SELECT * FROM telemetry_v1.gap WHERE ended_at IS NOT NULL")
    cuts = [gap for gap in gaps if gap.cause == "link_down"]
    assert Counter((gap.subject, gap.site_id) for gap in cuts) == {
        (f"edge-{site}", site): 1 for site in SITES
    }
    assert {gap.cause for gap in gaps} <= {"link_down", "collector_down"}
    assert [gap for gap in gaps if not gap.filled or gap.lost_total] == []


async def check_windows(world: World) -> None:
    """Windows that closed during the cut were computed again from what came after it."""

    async def agree() -> bool:
        return not await asyncio.to_thread(disagreements, world, WINDOW_S)

    try:
        await world.until(agree, "windows agree with the rows", within_s=120)
    except AssertionError as exc:
        raise AssertionError("\n".join(disagreements(world, WINDOW_S)[:10])) from exc
    revised: Sequence[object] = world.rows('SELECT 1 FROM telemetry_v1."window" WHERE revision > 0')
    assert revised, "no window closed without the readings of the cut"
