"""What tests of uploads share: the app with its door, keys, and items to upload."""

import gzip
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from api_gateway.adapters.collector.door import Door
from api_gateway.adapters.database import open_reader, open_writer
from api_gateway.adapters.database.collectors import create_key, revoke_key
from api_gateway.adapters.http.app import create_app
from api_gateway.domain.collector.keys import digest_of
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.health import Health
from minestream_runtime.kafka import Consumer, Producer, Record
from minestream_runtime.settings import Settings
from minestream_schemas.event import Topic
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.upload import KEY_HEADER, UPLOAD_PATH

KEYS = {site: f"hsc_{site}".ljust(44, "0") for site in ("site-a", "site-b")}


@dataclass
class Collectors:
    """A gateway without the network in between, and two sites' keys."""

    http: httpx.AsyncClient
    door: Door
    settings: GatewaySettings
    clock: "Ahead"

    async def upload(
        self, items: Any, *, key: str | None = KEYS["site-a"], encoding: str = ""
    ) -> httpx.Response:
        """Upload items, packed; or bytes, as they are."""
        body = items if isinstance(items, bytes) else json.dumps(items).encode()
        said = {"Content-Encoding": encoding} if encoding else {}
        if key is not None:
            said[KEY_HEADER] = key
        if not isinstance(items, bytes):
            body, said["Content-Encoding"] = gzip.compress(body), "gzip"
        return await self.http.post(UPLOAD_PATH, content=body, headers=said)

    async def records(self, topic: Topic = RAW_MINER) -> list[Record]:
        """Every record that is on a topic now, in order within each key."""
        found: list[Record] = []
        async with Consumer(self.settings, [topic]) as consumer:
            ends = await consumer.ends(consumer.owned())
            left = {where for where, end in ends.items() if end > 0}
            while left:
                for record in await consumer.records(wait_s=1):
                    found.append(record)
                    if record.offset + 1 >= ends[record.partition]:
                        left.discard(record.partition)
        return found

    async def polls(self) -> dict[str, RawMiner]:
        """The polls on the topic by miner, the last of each."""
        polls = [RawMiner.from_json(record.value or b"") for record in await self.records()]
        return {poll.miner_id: poll for poll in polls}


@dataclass
class Ahead(SystemClock):
    """The machine's clock; its steady count can be moved on."""

    by_s: float = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.by_s


@asynccontextmanager
async def collectors(
    settings: GatewaySettings, *, deadline_s: float = 30, **kafka: Any
) -> AsyncIterator[Collectors]:
    """The app, as ``run_gateway`` puts it together."""
    clock = Ahead()
    async with (
        open_reader(settings) as reader,
        open_writer(settings) as writer,
        Producer(Settings(**(settings.model_dump() | kafka)), deadline_s=deadline_s) as producer,
    ):
        app = create_app(settings, reader, Health(), clock)
        app.state.door = door = Door(settings, writer, producer, clock)
        async with writer.connection() as connection:
            for site, key in KEYS.items():
                await create_key(connection, site_id=site, name="edge", digest=digest_of(key))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            yield Collectors(http, door, settings, clock)


async def revoke(collectors: Collectors, key_id: int) -> None:
    """As the command does."""
    async with open_writer(collectors.settings) as writer, writer.connection() as connection:
        await revoke_key(connection, key_id)


def poll(miner_id: str, site_id: str = "site-a", **fields: Any) -> RawMiner:
    """A poll as a collector makes it."""
    at = datetime.now(UTC)
    given: dict[str, Any] = {
        "event_id": new_event_id(at),
        "site_id": site_id,
        "miner_id": miner_id,
        "collector_id": f"collector-vnish-{site_id}",
        "dialect": "vnish",
        "polled_at": at,
        "latency_ms": 12.0,
        "status": PollStatus.OK,
        "interval_s": 60.0,
        "endpoints": {
            "summary": EndpointBody(status=PollStatus.OK, fetched_at=at, body='{"a": "é"}')
        },
    }
    return RawMiner(**(given | fields))


def wrapped(event: Any, topic: Topic = RAW_MINER, **more: Any) -> dict[str, Any]:
    """An item of an upload."""
    return {"topic": topic.name, "event": json.loads(event.to_json()), **more}


def ran(words: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        words, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
