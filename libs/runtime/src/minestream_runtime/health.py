"""Three pages for whoever watches a service: is it alive, is it ready, what does it count."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from minestream_runtime.errors import ConfigurationError

Check = Callable[[], str | None]


@dataclass(slots=True)
class Health:
    """The readiness of one service: ready when no check names a reason why not.

    ``notes`` are looked at like ``checks`` and shown beside them, but what they say leaves the
    service ready (it spools, it catches up).
    """

    checks: dict[str, Check] = field(default_factory=dict)
    notes: dict[str, Check] = field(default_factory=dict)

    def faults(self) -> dict[str, str]:
        """Why it is not ready, by check; empty when it is."""
        return _said(self.checks)

    def remarks(self) -> dict[str, str]:
        """What is unusual and harmless, by note."""
        return _said(self.notes)


def _said(checks: dict[str, Check]) -> dict[str, str]:
    found = {name: check() for name, check in checks.items()}
    return {name: reason for name, reason in found.items() if reason is not None}


@asynccontextmanager
async def serving(health: Health, *, host: str, port: int) -> AsyncIterator[None]:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics`` while the block runs.

    Args:
        health: the checks behind ``/readyz``.
        host: where to listen.
        port: 0 serves nothing.

    Raises:
        ConfigurationError: the address is taken or not ours.
    """

    async def alive(_: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def ready(_: web.Request) -> web.Response:
        faults = health.faults()
        body: dict[str, Any] = {"status": "not ready" if faults else "ready", "faults": faults}
        if remarks := health.remarks():
            body["notes"] = remarks
        return web.json_response(body, status=503 if faults else 200)

    async def measured(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    if port == 0:
        yield
        return
    app = web.Application()
    app.add_routes(
        [web.get("/healthz", alive), web.get("/readyz", ready), web.get("/metrics", measured)]
    )
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await _listen(runner, host, port)
        yield
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror
        raise ConfigurationError(
            f"health cannot listen on {host}:{port} ({reason}): "
            "set MINESTREAM_HEALTH_HOST or MINESTREAM_HEALTH_PORT"
        ) from exc
