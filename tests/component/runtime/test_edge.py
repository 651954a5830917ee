"""A site's process and its gateway, each a process of its own, on real Kafka and PostgreSQL."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.world import EDGE_STOP_WAIT_S, World, command, running

from minestream_emulators.fleet import Fleet
from minestream_emulators.running import emulated_fleet
from minestream_runtime.kafka import Consumer, ensure_topics
from minestream_schemas.event import Event, Topic
from minestream_schemas.gap import GAP
from minestream_schemas.inventory import DETECTED, INVENTORY, Detected
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner

SITE = "texas"


@dataclass
class Site:
    """A site with miners, and its gateway."""

    world: World
    fleet: Fleet
    file: Path

    def log(self) -> str:
        return self.world.children[SITE].log.read_text()

    async def told(self, topic: Topic, enough: Callable[[list[Any]], bool]) -> list[Any]:
        """The events on a topic, as soon as they are enough."""
        kind: type[Event] = topic.event
        found: list[Any] = []
        async with Consumer(self.world.settings, [topic]) as consumer, asyncio.timeout(90):
            while not enough(found):
                records = await consumer.records(wait_s=0.3)
                found += [kind.from_json(record.value or b"") for record in records]
        return found

    def list_miners(self, *more: dict[str, Any]) -> None:
        (self.file.parent / "fleet.yaml").write_text(
            json.dumps({"miners": [*self.fleet.inventory[:2], *more]})
        )


@pytest.fixture
async def site(
    tmp_path: Path, environment: dict[str, str], database_url: str
) -> AsyncIterator[Site]:
    world = World(tmp_path, environment, database_url)
    port = world.free_port("gateway")
    world.environment |= {
        "MINESTREAM_DEMO": "1",
        "MINESTREAM_GATEWAY_PORT": str(port),
        "MINESTREAM_TRACE_FOLDER": str(tmp_path / "traces"),
        "MINESTREAM_TRACE_RATIO": "1",
    }
    await ensure_topics(world.settings, (RAW_MINER, GAP, DETECTED, INVENTORY))
    file = tmp_path / SITE / "edge.yaml"
    file.parent.mkdir()
    mix = {"s21pro-1.2.7": 0.5, "m50-v2": 0.5}
    async with running(world), emulated_fleet(miners=3, site=SITE, mix=mix, untold=1.0) as fleet:
        world.add("api-gateway", "api_gateway")
        made = await asyncio.to_thread(command, world, "collector-key", "create", "--site", SITE)
        key = re.search(r"hsc_\S+", made)
        assert key is not None
        file.write_text(
            f"site: {SITE}\n"
            f"gateway: http://127.0.0.1:{port}\n"
            f"key: {key[0]}\n"
            "inventory: fleet.yaml\n"
            "poll: {interval_s: 1, allowed_networks: 127.0.0.0/8}\n"
            "spool: {gap_after_s: 1}\n"
            "upload: {linger_s: 0.2}\n"
        )
        this = Site(world, fleet, file)
        this.list_miners()
        world.add(SITE, "minestream_runtime.edge", "--config", str(file))
        yield this


async def test_a_site_polls_finds_out_uploads_reloads_and_ends(site: Site) -> None:
    first, second, third = site.fleet.inventory
    ids = {first["miner_id"], second["miner_id"]}

    def answered(polls: list[RawMiner]) -> set[str]:
        return {poll.miner_id for poll in polls if poll.status is PollStatus.OK}

    polls = await site.told(RAW_MINER, lambda polls: answered(polls) >= ids)
    assert {poll.site_id for poll in polls} == {SITE}
    assert {poll.collector_id for poll in polls} <= {
        f"collector-vnish-{SITE}",
        f"collector-cgminer-{SITE}",
    }
    # addresses alone were told: what they speak was found out here, and told there
    found: list[Detected] = await site.told(
        DETECTED, lambda all_: {d.miner_id for d in all_} >= ids
    )
    assert {each.collector_id.rpartition("-")[2] for each in found} == {SITE}

    site.list_miners({**third, "site_id": "ohio"})
    site.world.children[SITE].process.send_signal(signal.SIGHUP)  # type: ignore[union-attr] # it runs
    await site.world.until(lambda: said(site, "inventory_refused"), "refused", within_s=60)
    site.list_miners(third)
    await site.told(RAW_MINER, lambda polls: third["miner_id"] in answered(polls))
    await traces_go_through(site)

    await asyncio.to_thread(command, site.world, "collector-key", "revoke", "1")
    await site.world.until(lambda: said(site, "gateway_refuses_us"), "refused", within_s=60)
    assert "hsc_" not in site.log()
    await asyncio.to_thread(site.world.children[SITE].stop, EDGE_STOP_WAIT_S)
    process = site.world.children[SITE].process
    assert process is not None
    assert process.returncode == 0, "it ended in time, with events on disk"


async def said(site: Site, event: str) -> bool:
    return f'"{event}"' in site.log()


async def traces_go_through(site: Site) -> None:
    """The gateway's span of an upload stands under the site's span of sending."""

    async def joined() -> bool:
        spans = [
            json.loads(line)
            for path in (site.world.folder / "traces").glob("*.jsonl")
            for line in path.read_text().splitlines()
            if line.endswith("}")
        ]
        sent = {span["span_id"] for span in spans if span["name"] == f"send {RAW_MINER.name}"}
        uploads = [span for span in spans if span["name"] == f"upload {RAW_MINER.name}"]
        return any(span["parent_id"] in sent for span in uploads)

    await site.world.until(joined, "spans joined", within_s=60)
