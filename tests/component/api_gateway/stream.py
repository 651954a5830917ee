"""What tests of the stream share: a gateway with a stream, a client of it, and a processor."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api_gateway.adapters.gateway import run_gateway
from api_gateway.settings import GatewaySettings
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_runtime.traces import Headers
from minestream_schemas.event import Topic
from minestream_schemas.ids import derived_id
from minestream_schemas.telemetry import TELEMETRY

BEGAN = datetime.now(UTC).replace(microsecond=0)


def telemetry(miner_id: str, nth: int, *, site_id: str = "site-a", **more: Any) -> dict[str, Any]:
    """The nth reading of a miner, as its topic has it; ``accepted_total`` is nth."""
    ts = BEGAN + timedelta(seconds=nth)
    return {
        "event_id": str(derived_id("t", miner_id, nth)),
        "raw_event_id": str(derived_id("raw", miner_id, nth)),
        "ts": ts.isoformat().replace("+00:00", "Z"),
        "miner_id": miner_id,
        "site_id": site_id,
        "dialect": "vnish-1.2",
        "algorithm": "scrypt",
        "status": "mining",
        "hashrate_hs": 1.6e10 + nth,
        "accepted_total": nth,
        "boards": [{"slot": 1, "hashrate_hs": 5e9}],
        **more,
    }


def gap(subject: str, site_id: str) -> dict[str, Any]:
    """An open gap, as its topic has it."""
    return {
        "event_id": str(derived_id("telling", subject)),
        "gap_id": str(derived_id("gap", subject)),
        "subject": subject,
        "site_id": site_id,
        "cause": "miner_silent",
        "began_at": BEGAN.isoformat().replace("+00:00", "Z"),
        "filled": False,
        "lost_total": 0,
        "reported_by": "processor",
    }


class Tap:
    """Publishes events as their producers do."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def send(
        self,
        topic: Topic,
        *events: Mapping[str, Any],
        key: str = "miner_id",
        headers: Headers = (),
    ) -> None:
        sends = (
            self._producer.send(
                topic,
                key=event[key].encode(),
                value=json.dumps(event).encode(),
                headers=headers,
            )
            for event in events
        )
        await asyncio.gather(*sends)

    async def readings(self, *events: Mapping[str, Any]) -> None:
        await self.send(TELEMETRY, *events)


@asynccontextmanager
async def tapping(settings: GatewaySettings) -> AsyncIterator[Tap]:
    async with Producer(settings, deadline_s=60) as producer:
        yield Tap(producer)


class Listener:
    """A websocket client that reads messages as objects."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, **fields: Any) -> None:
        await self.connection.send(json.dumps(fields))

    async def subscribe(self, *kinds: str, name: str = "a", **more: Any) -> None:
        await self.say(type="subscribe", id=name, kinds=list(kinds), **more)

    async def hear(self, *types: str, within_s: float = 60) -> dict[str, Any]:
        """The next message of one of these types; heartbeats are passed over unless asked for."""
        async with asyncio.timeout(within_s):
            while True:
                said: dict[str, Any] = json.loads(await self.connection.recv())
                if said["type"] in types:
                    return said
                assert said["type"] in {"heartbeat", "hello"}, said

    async def snapshot(self) -> dict[str, Any]:
        """All parts of the next snapshot, joined."""
        whole: dict[str, Any] = {}
        while True:
            part = await self.hear("snapshot")
            for kind, items in part.items():
                if isinstance(items, list):
                    whole.setdefault(kind, []).extend(items)
            if not part["more"]:
                return whole | {"cursor": part["cursor"]}

    async def close_code(self, *, within_s: float = 60) -> int | None:
        """The code that the gateway closes with."""
        async with asyncio.timeout(within_s):
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await self.connection.recv()
        return self.connection.close_code


class Gateway:
    """A gateway in this process."""

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.health = Health()
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.settings.gateway_port}/api/v1/stream"

    async def start(self, *, within_s: float = 60) -> None:
        self._task = asyncio.ensure_future(run_gateway(self.settings, self.health))
        for _ in range(int(within_s / 0.05)):
            if "stream" in self.health.notes and not self.health.remarks():
                return
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.05)
        raise AssertionError(self.health.remarks())

    async def stop(self) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        self.health = Health()

    @asynccontextmanager
    async def listening(self, **options: Any) -> AsyncIterator[Listener]:
        async with connect(self.url, **({"max_size": None} | options)) as connection:
            yield Listener(connection)
