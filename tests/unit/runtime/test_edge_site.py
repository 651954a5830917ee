"""A site's miners, followed while their file changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from minestream_dialects.normalise import normalise
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.shard_copy import EntryCopy
from minestream_runtime.edge.config import read_edge
from minestream_runtime.edge.site import SiteInventory
from minestream_runtime.edge.unpolled import Unpolled
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.sealing import Sealer
from minestream_schemas.event import Topic
from minestream_schemas.inventory import Detected, InventoryEntry
from minestream_schemas.raw import RAW_MINER, PollStatus, RawMiner
from minestream_schemas.telemetry import MinerStatus

SITE = """\
site: site-a
gateway: https://gateway.example.com
key: hsc_{key}
inventory: fleet.yaml
""".format(key="k" * 40)
TCP = '  - {miner_id: site-a-3, address: "10.0.0.3:4028", transport: tcp}\n'
ONE = '  - {miner_id: site-a-1, address: "10.0.0.1:80", credentials: {password: s3cret}}\n'
TWO = '  - {miner_id: site-a-2, address: "10.0.0.2:80"}\n'


@dataclass
class World:
    """A site's file and one collector that hears of its miners."""

    folder: Path
    inventory: SiteInventory
    sealer: Sealer
    told: list[str] = field(default_factory=list)
    there: dict[str, InventoryEntry] = field(default_factory=dict)

    def write(self, *miners: str) -> None:
        (self.folder / "fleet.yaml").write_text("miners:\n" + "".join(miners))
        self.inventory.look()

    def hear(self, miner_id: str, entry: InventoryEntry) -> None:
        self.told.append(f"+{miner_id}")
        self.there[miner_id] = entry

    def lose(self, miner_id: str) -> None:
        self.told.append(f"-{miner_id}")
        del self.there[miner_id]

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.01)


@asynccontextmanager
async def world(folder: Path, *miners: str) -> AsyncIterator[World]:
    (folder / "edge.yaml").write_text(SITE)
    (folder / "fleet.yaml").write_text("miners:\n" + "".join(miners))
    sealer = Sealer([Fernet.generate_key()])
    copy = EntryCopy(folder / "found", Detected)
    inventory = SiteInventory(read_edge(folder / "edge.yaml", {}), sealer, copy)
    this = World(folder, inventory, sealer)
    source = inventory.source(this.hear, this.lose, lambda entry: entry.transport != "tcp")
    tasks = [asyncio.ensure_future(each.run()) for each in (inventory, source)]
    await this.until(lambda: source.ready and inventory.ready)
    yield this
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)


def found(dialect: str, address: str = "10.0.0.2:80") -> Detected:
    return Detected(
        miner_id="site-a-2",
        address=address,
        dialect=dialect,
        evidence="asked",
        detected_at=datetime(2026, 11, 22, tzinfo=UTC),
        collector_id="collector-vnish-site-a",
    )


async def test_what_changes_in_the_file_is_told_and_nothing_else(tmp_path: Path) -> None:
    async with world(tmp_path, ONE, TWO) as this:
        assert this.told == ["+site-a-1", "+site-a-2"]
        sealed = this.there["site-a-1"].sealed
        assert sealed is not None
        assert this.sealer.open(sealed, miner_id="site-a-1") == {"password": "s3cret"}
        this.write(ONE, TWO.replace("}", ", interval_s: 30}"))
        await this.until(lambda: len(this.told) > 2)
        this.write(ONE)
        await this.until(lambda: "-site-a-2" in this.told)
        assert this.told[2:] == ["+site-a-2", "-site-a-2"], "the box of the first stays as it was"


async def test_what_the_gateways_inventory_calls_uploaded_is_polled_here(tmp_path: Path) -> None:
    async with world(tmp_path, TWO.replace("}", ", dialect: upload}")) as this:
        assert this.there["site-a-2"].dialect is None


async def test_a_change_is_seen_unasked(tmp_path: Path) -> None:
    async with world(tmp_path, ONE) as this:
        (tmp_path / "fleet.yaml").write_text("miners:\n" + ONE + TWO)
        await this.until(lambda: "+site-a-2" in this.told)


async def test_a_file_with_faults_or_none_at_all_changes_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, ONE) as this:
        this.write(TWO, TWO)
        await this.until(lambda: this.inventory.fault() is not None)
        assert "line 3: " in (this.inventory.fault() or "")
        assert list(this.there) == ["site-a-1"]
        (tmp_path / "fleet.yaml").unlink()
        this.inventory.look()
        await this.until(lambda: "FileNotFoundError" in (this.inventory.fault() or ""))
        assert list(this.there) == ["site-a-1"]
        this.write(TWO)
        await this.until(lambda: list(this.there) == ["site-a-2"])
        assert this.inventory.fault() is None


async def test_what_a_miner_was_found_to_speak_is_told_and_kept_over_a_restart(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, ONE, TWO) as this:
        this.inventory.learn(found("whatsminer"))
        detected = this.there["site-a-2"].detected
        assert detected is not None
        assert detected.dialect == "whatsminer"
        assert this.told[2:] == ["+site-a-2"]
        this.inventory.look()
        await this.until((tmp_path / "found").exists)
    async with world(tmp_path, ONE, TWO) as this:
        assert this.there["site-a-2"].detected == detected
        this.write(TWO.replace("10.0.0.2", "10.0.0.3"))
        await this.until(lambda: this.there["site-a-2"].address.startswith("10.0.0.3"))
        assert this.there["site-a-2"].detected is None, "it stands elsewhere now"


class Told(Outlet):
    """Keeps what is published."""

    def __init__(self) -> None:
        self.polls: list[RawMiner] = []

    async def publish(self, topic: Topic, event: Spooled) -> None:
        assert (topic, event.topic) == (RAW_MINER, RAW_MINER.name)
        self.polls.append(RawMiner.from_json(event.value))


async def test_a_miner_that_no_collector_of_the_site_polls_is_told_with_what_to_do(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, ONE, TCP) as this:
        outlet = Told()
        unpolled = Unpolled(
            this.inventory,
            outlet,
            SystemClock(),
            collectors=1,
            others=["cgminer"],
            collector_id="edge-site-a",
            interval_s=0.05,
        )
        running = asyncio.ensure_future(unpolled.run())
        await this.until(lambda: len(outlet.polls) > 1)
        first = outlet.polls[0]
        assert {poll.miner_id for poll in outlet.polls} == {"site-a-3"}
        assert first.status is PollStatus.GARBAGE
        assert first.error == (
            "it speaks TCP; no collector of site-a does: "
            "add cgminer to `collectors` of the site's file"
        )
        reading = normalise(first).telemetry
        assert (reading.status, reading.error) == (MinerStatus.GARBAGE, first.error)
        assert unpolled.fault() == f"site-a-3 is not polled: {first.error}"
        # found out just now to speak what nobody here does
        found = Detected(
            miner_id="site-a-1",
            address="10.0.0.1:80",
            dialect="whatsminer",
            transport="tcp",
            evidence="get_version",
            detected_at=datetime.now(UTC),
            collector_id="collector-vnish-site-a",
        )
        this.write(ONE.replace('80"', '80", transport: tcp'))
        this.inventory.learn(found)
        await this.until(lambda: {poll.miner_id for poll in outlet.polls[-1:]} == {"site-a-1"})
        last = outlet.polls[-1]
        assert (last.dialect, last.dialect_evidence) == ("whatsminer", "get_version")
        assert "it speaks whatsminer (TCP)" in (last.error or "")
        this.write(TWO)
        await this.until(lambda: unpolled.fault() is None)
        running.cancel()
        await asyncio.wait([running])
