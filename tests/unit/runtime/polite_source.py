"""A real web server whose answers a test writes, and a clock that only sleeping moves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from minestream_runtime.polite import Manners, PoliteClient

Serve = Callable[[web.Request], Awaitable[web.StreamResponse]]
QUICK = Manners(calls_per_min=6000, deadline_s=2.0, factor_s=0.01)


class Time:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 12, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += timedelta(seconds=seconds)


class Source:
    """A real server whose answers a test writes."""

    def __init__(self, serve: Serve) -> None:
        self.asked: list[web.Request] = []
        self.connections: set[Any] = set()
        self.url = ""
        self._serve = serve

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.connections.add(request.transport)
        return await self._serve(request)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Source"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}/api/v3"
            yield self
        finally:
            await runner.cleanup()


def always(status: int = 200, text: str = "{}", **headers: str) -> Serve:
    async def serve(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=named)

    return serve


def each(*serves: Serve) -> Serve:
    left = list(serves)

    async def serve(request: web.Request) -> web.StreamResponse:
        return await (left.pop(0) if len(left) > 1 else left[0])(request)

    return serve


@asynccontextmanager
async def asking(
    serve: Serve, time: Time | None = None, **more: Any
) -> AsyncIterator[tuple[PoliteClient, Source]]:
    time = time or Time()
    more.setdefault("manners", QUICK)
    async with (
        Source(serve).running() as source,
        PoliteClient("somewhere", source.url, time, sleep=time.sleep, **more) as client,
    ):
        yield client, source
