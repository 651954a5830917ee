"""An uploader and a gateway of a test, over real HTTP."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web
from pydantic import SecretStr

from minestream_runtime.clock import SystemClock
from minestream_runtime.edge.dead_letters import DeadLetters
from minestream_runtime.edge.uploader import Uploader
from minestream_schemas.gap import GAP
from minestream_schemas.upload import KEY_HEADER, UPLOAD_PATH

KEY = "hsc_" + "k" * 40
Answer = tuple[int, Any, dict[str, str]]


def taken(items: list[Any], *, refused: Any = (), waiting: Any = ()) -> dict[str, Any]:
    processed = len(items) - len(refused) - len(waiting)
    return {
        "success": not waiting,
        "data": {
            "processed": processed,
            "online": 0,
            "offline": 0,
            "processing_time_ms": 1,
            "refused": list(refused),
            "waiting": list(waiting),
        },
    }


@dataclass
class Gateway:
    """Takes everything, unless told otherwise."""

    answers: list[Callable[[list[Any]], Answer]] = field(default_factory=list)
    uploads: list[list[Any]] = field(default_factory=list)
    published: list[list[Any]] = field(default_factory=list)
    takes_s: float = 0.01
    under_way: int = 0
    most_under_way: int = 0
    takes_each_s: float = 0.0
    key: str = KEY
    cuts: list[str] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        assert request.headers[KEY_HEADER] == self.key
        assert request.headers["Content-Encoding"] == "gzip"
        # aiohttp has unpacked the body already
        body = await request.read()
        items = json.loads(gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(self.takes_s + self.takes_each_s * len(items))
        self.under_way -= 1
        self.uploads.append([item["event"] for item in items])
        status, said, headers = (
            self.answers.pop(0)(items) if self.answers else (200, taken(items), {})
        )
        if isinstance(said, dict) and "data" in said:
            left = {*said["data"]["waiting"], *(each["index"] for each in said["data"]["refused"])}
            events = self.uploads[-1]
            self.published.append([e for place, e in enumerate(events) if place not in left])
        if self.cuts:
            return await self.cut_short(request, json.dumps(said).encode(), self.cuts.pop(0))
        if isinstance(said, str):
            return web.Response(text=said, status=status, headers=headers)
        return web.json_response(said, status=status, headers=headers)

    @staticmethod
    async def cut_short(request: web.Request, said: bytes, where: str) -> web.Response:
        """It was taken, but the line breaks before or within the answer."""
        assert request.transport is not None
        if where == "within":
            response = web.StreamResponse(headers={"Content-Length": str(len(said))})
            await response.prepare(request)
            await response.write(said[: len(said) // 2])
        request.transport.close()
        return web.Response()


@dataclass
class Ahead(SystemClock):
    """The machine's clock, and what a test adds."""

    by_s: float = 0.0
    wall_by_s: float = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.wall_by_s)

    def monotonic(self) -> float:
        return super().monotonic() + self.by_s


@dataclass
class World:
    gateway: Gateway
    uploader: Uploader
    clock: Ahead
    refused: Path

    async def send(self, *events: Any, **headers: str) -> list[Any]:
        """Hand events over at once; what became of each."""
        carried = tuple((name, value.encode()) for name, value in headers.items())
        return await asyncio.gather(
            *(
                self.uploader.send(GAP, key=b"k", value=json.dumps(event).encode(), headers=carried)
                for event in events
            ),
            return_exceptions=True,
        )


@asynccontextmanager
async def world(folder: Path, *, gateway: str | None = None, **limits: Any) -> AsyncIterator[World]:
    there, clock = Gateway(), Ahead()
    app = web.Application(client_max_size=1 << 26)
    app.add_routes([web.post(UPLOAD_PATH, there.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    given: dict[str, Any] = {"linger_s": 0.02, "deadline_s": 2} | limits
    try:
        async with httpx.AsyncClient() as http:
            uploader = Uploader(
                http,
                gateway or f"http://{host}:{port}/",
                SecretStr(KEY),
                clock,
                DeadLetters(folder / "refused.jsonl", most_bytes=2000),
                **given,
            )
            running = asyncio.ensure_future(uploader.run())
            yield World(there, uploader, clock, folder / "refused.jsonl")
            running.cancel()
            await asyncio.wait([running])
    finally:
        await runner.cleanup()
