"""The collector as a process of its own, and what comes out of it on Kafka."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from minestream_devstack.ports import Ports
from minestream_emulators.fleet import Fleet
from minestream_runtime.kafka import Consumer, Producer, Record
from minestream_runtime.sealing import Sealer
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.gap import GAP, Gap
from minestream_schemas.inventory import INVENTORY, InventoryEntry
from minestream_schemas.raw import RAW_MINER, RawMiner


@dataclass
class Line:
    """A namespace on Kafka with collectors behind it."""

    settings: Settings
    folder: Path
    key: str
    module: str = "collector_vnish"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, instance: str = "0", **more: str) -> subprocess.Popen[bytes]:
        """Start a collector; it polls each second unless told otherwise.

        Nobody is given up within 20 s: a test of who is silent, or of a broker that is away, has
        deadlines of its own.
        """
        environment = {
            "MINESTREAM_KAFKA_BOOTSTRAP": self.settings.kafka_bootstrap,
            "MINESTREAM_TOPIC_NAMESPACE": self.settings.topic_namespace,
            "MINESTREAM_INSTANCE": instance,
            "MINESTREAM_DEMO": "1",
            "MINESTREAM_POLL_INTERVAL_S": "1",
            "MINESTREAM_POLL_DEADLINE_S": "20",
            "MINESTREAM_PUBLISH_DEADLINE_S": "20",
            "MINESTREAM_GAP_AFTER_S": "2",
            "MINESTREAM_STATE_DIR": str(self.folder / "state"),
            "MINESTREAM_LEDGER_FILE": str(self.folder / f"ledger-{instance}"),
            "MINESTREAM_CREDENTIALS_KEY": self.key,
            "MINESTREAM_HEALTH_PORT": str(self.port(instance)),
            **more,
        }
        with (self.folder / f"log-{instance}").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def port(self, instance: str = "0") -> int:
        """Where its health and metrics are."""
        ports = Ports(self.folder / "ports")
        return ports.known(instance) or ports.claim(instance, 0)

    def metrics(self, instance: str = "0") -> dict[str, float]:
        """Its metrics by name and labels; none while it starts."""
        try:
            with urlopen(f"http://127.0.0.1:{self.port(instance)}/metrics", timeout=30) as page:
                text = page.read().decode()
        except OSError:
            return {}
        lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}

    async def measured(
        self, enough: Callable[[dict[str, float]], bool], instance: str = "0"
    ) -> dict[str, float]:
        """Its metrics, as soon as they are enough."""
        async with asyncio.timeout(60):
            while True:
                seen = await asyncio.to_thread(self.metrics, instance)
                if seen and enough(seen):
                    return seen
                await asyncio.sleep(0.2)

    def log(self, instance: str = "0") -> list[dict[str, Any]]:
        text = (self.folder / f"log-{instance}").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def log_bytes(self, instance: str = "0") -> bytes:
        return (self.folder / f"log-{instance}").read_bytes()

    def ledger(self, instance: str = "0") -> list[dict[str, Any]]:
        path = self.folder / f"ledger-{instance}"
        if not path.exists():
            return []
        # the last line may be half written when its process is killed
        return [json.loads(line) for line in path.read_text().splitlines() if line.endswith("}")]

    async def tell(
        self, entries: list[InventoryEntry], *, removed: list[str] | None = None
    ) -> None:
        """Write inventory entries, and tombstones for removed ones."""
        async with Producer(self.settings, deadline_s=60) as producer:
            await asyncio.gather(*(producer.publish(INVENTORY, entry) for entry in entries))
            for miner_id in removed or []:
                await producer.send(INVENTORY, key=miner_id.encode(), value=None)

    async def enrol(self, fleet: Fleet, **more: Any) -> list[InventoryEntry]:
        """Tell the inventory of an emulated fleet."""
        entries = []
        for told in fleet.inventory:
            fields = {name: value for name, value in told.items() if name != "credentials"}
            if "credentials" in told:
                fields["sealed"] = self.sealer.seal(told["credentials"], miner_id=told["miner_id"])
            fields["workers"] = tuple(fields.get("workers", ()))
            entries.append(InventoryEntry(**{**fields, **more}))
        await self.tell(entries)
        return entries

    @property
    def sealer(self) -> Sealer:
        return Sealer([self.key.encode()])

    async def records(self, topic: Topic, *, quiet_s: float = 1.0) -> list[Record]:
        """Every record that is on a topic now, in order within each key."""
        found: list[Record] = []
        async with Consumer(self.settings, [topic]) as consumer:
            ends = await consumer.ends(consumer.owned())
            begins = await consumer.beginnings(consumer.owned())
            left = {where for where, end in ends.items() if end > begins[where]}
            async with asyncio.timeout(60):
                while left:
                    for record in await consumer.records(wait_s=quiet_s):
                        found.append(record)
                        if record.offset + 1 >= ends[record.partition]:
                            left.discard(record.partition)
        return found

    async def values(self, topic: Topic) -> list[bytes]:
        """The values of every record that is on a topic now."""
        return [record.value or b"" for record in await self.records(topic)]

    async def polls(self) -> list[RawMiner]:
        return [RawMiner.from_json(value) for value in await self.values(RAW_MINER)]

    async def told(self, enough: Callable[[list[Gap]], bool]) -> list[Gap]:
        """The gaps on the topic, as soon as they are enough."""
        async with asyncio.timeout(60):
            while True:
                gaps = [Gap.from_json(value) for value in await self.values(GAP)]
                if enough(gaps):
                    return gaps
                await asyncio.sleep(0.2)

    async def polled(self, enough: Callable[[list[RawMiner]], bool]) -> list[RawMiner]:
        """The polls on the topic, as soon as they are enough."""
        async with asyncio.timeout(60):
            while True:
                polls = await self.polls()
                if enough(polls):
                    return polls
                await asyncio.sleep(0.3)

    async def until(self, true: Callable[[], bool], *, within_s: float = 60.0) -> None:
        """Wait for what the collector does in its own time."""
        async with asyncio.timeout(within_s):
            while not true():  # noqa: ASYNC110 - another process has no event of ours
                await asyncio.sleep(0.2)

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
