"""The five emulated pools on a free port, and an account of each."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Middleware
from tests.unit.dialects.pool_snapshots import said_of

from minestream_dialects.pools import POOLS
from minestream_dialects.pools.port import Account
from minestream_emulators.outside import Outside
from minestream_emulators.pools.site import ADDRESS, KEY, Site
from minestream_emulators.running import emulated_fleet
from minestream_emulators.troubles import Troubles

SAID = said_of(key=KEY, address=ADDRESS, coin="litecoin")


class Time:
    """A clock that only sleeping and tests move."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def account(pool: str, url: str, **more: Any) -> Account:
    """An account at an emulated pool."""
    said = {"account_id": f"{pool}-main", "pool": pool, "url": f"{url}/{pool}", **SAID[pool]}
    return POOLS[pool].account.model_validate(said | more)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Door = Callable[[web.Request, Handler], Awaitable[web.StreamResponse]]


def _middleware(door: Door) -> Middleware:
    @web.middleware
    async def passed(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await door(request, handler)

    return passed


@asynccontextmanager
async def emulated_pools(
    *, miners: int = 4, door: Door | None = None
) -> AsyncIterator[tuple[Site, Troubles, str]]:
    """The pools of a fleet of L9 and S21 Pro; what is wrong with them; where they are.

    Args:
        miners: how many.
        door: what stands before them.
    """
    mix = {"l9-1.2.7": 0.5, "s21pro-1.2.7": 0.5}
    async with emulated_fleet(miners=miners, mix=mix) as fleet:
        troubles = Troubles(lambda: 0.0)
        site = Site(Outside(fleet, troubles))
        root = web.Application(middlewares=[] if door is None else [_middleware(door)])
        root.add_subapp("/pools", site.application())
        runner = web.AppRunner(root, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield site, troubles, f"http://127.0.0.1:{runner.addresses[0][1]}/pools"
        finally:
            await runner.cleanup()
