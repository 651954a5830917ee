"""The pool on the network: feed, HTTP API and proxy, and what it pushes by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from minestream_emulators.prohashing.book import Book
from minestream_emulators.prohashing.router import NOT_AUTHORIZED, CallRefusedError, Door, Router
from minestream_emulators.troubles import Trouble

if TYPE_CHECKING:
    from minestream_emulators.outside import Outside

POOL_KEY: Final = "demo-key"
REALM: Final = "mining"
SEED_REALM: Final = "realm1"
CHANGES: Final = f"miner_update_diffs_{POOL_KEY}"
_SEED_WORKER: Final = "com.prohashing.worker"
DOORS: Final = {
    REALM: Door({"web": "web"}),
    SEED_REALM: Door({"minestream": POOL_KEY}, anonymous=True),
}
TICK_S: Final = 0.5
ROUNDS: Final = 10
"""Every worker is looked at once in so many ticks."""
_MOST_AT_ONCE: Final = 500
_GENERAL_TICKS: Final = 10
_BLOCK_TICKS: Final = 120
_GARBAGE: Final[tuple[Any, ...]] = (
    "<html>maintenance</html>",
    {"hashrate": 17e9},
    {"uuid": 7, "hashrate": "fast"},
    [1, 2, 3],
    None,
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Site:
    """The pool's servers.

    Args:
        outside: whose fleet it pays, and what is wrong.
        tick_s: how often it pushes.
    """

    def __init__(self, outside: Outside, *, tick_s: float = TICK_S) -> None:
        self._outside = outside
        self._tick_s = tick_s
        self._ticks = 0
        self.book = Book(outside.fleet, self._now_s())
        self.router = Router(DOORS, self._called)

    def application(self) -> web.Application:
        """What ``/prohashing`` is."""
        app = web.Application(middlewares=[self._down])
        app.add_routes(
            [
                web.get("/ws", self.router.serve),
                web.get("/api/v1/status", self._answering(lambda _: self.book.status())),
                web.get("/api/v1/currencies", self._answering(lambda _: self.book.currencies())),
                web.get("/api/v1/wallet", self._keyed(self._wallet)),
                web.get("/api/v1/walletEx", self._keyed(self._wallet_ex)),
                web.get("/proxy/", self._proxy_root),
                web.get("/proxy/status", self._proxy_status),
                web.get("/proxy/profitability", self._proxy_profitability),
            ]
        )
        app.cleanup_ctx.append(self._pushing)
        return app

    def _now_s(self) -> float:
        return self._outside.fleet.now().timestamp()

    # -- pushing ------------------------------------------------------------------------------

    async def _pushing(self, _: web.Application) -> AsyncIterator[None]:
        task: asyncio.Future[None] = asyncio.ensure_future(self._push())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def _push(self) -> None:
        while True:
            await asyncio.sleep(self._tick_s)
            await self.tick()

    async def tick(self) -> None:
        """Let a moment pass, and tell whoever listens what is new."""
        troubles = self._outside.troubles
        if Trouble.POOL_DOWN in troubles:
            self.router.drop_all()
        if Trouble.POOL_DOWN in troubles or Trouble.POOL_STALE in troubles:
            return
        self._ticks += 1
        self.book.advance(self._now_s())
        if any(map(self.router.listened, (CHANGES, _SEED_WORKER))):
            await self._tell_workers()
        if self._ticks % _GENERAL_TICKS == 0:
            await self._tell_general()
        if self._ticks % _BLOCK_TICKS == 0 and self.book.size:
            await self.router.publish("found_block_updates", self.book.found_block())

    async def _tell_workers(self) -> None:
        most = min(-(-self.book.size // ROUNDS), _MOST_AT_ONCE)
        for number, (change, whole) in enumerate(self.book.look(most)):
            if Trouble.POOL_MALFORMED in self._outside.troubles:
                odd = _GARBAGE[(self._ticks + number) % len(_GARBAGE)]
                await self.router.publish(CHANGES, odd)
                continue
            await self.router.publish(CHANGES, change)
            await self.router.publish(_SEED_WORKER, whole)

    async def _tell_general(self) -> None:
        await self.router.publish("profitability_updates", self.book.profitability())
        await self.router.publish("com.prohashing.profitability", self.book.profitability())
        await self.router.publish("general_updates", self.book.general())
        await self.router.publish(f"balance_updates_{POOL_KEY}", self.book.balances)

    # -- answering ----------------------------------------------------------------------------

    def _called(self, realm: str, procedure: str, args: list[Any]) -> Any:
        answers: dict[str, Callable[[], Any]] = {
            "f_all_profitability_updates": self.book.profitability,
            "f_all_general_updates": self.book.general,
        }
        keyed: dict[str, Callable[[], Any]] = {
            "f_all_miner_updates": self.book.workers,
            "f_all_balance_updates": lambda: self.book.balances,
        }
        if realm != REALM or procedure not in answers | keyed:
            raise CallRefusedError("wamp.error.no_such_procedure")
        if procedure in keyed and not self._known(args[0] if args else None):
            raise CallRefusedError(NOT_AUTHORIZED)
        return (answers | keyed)[procedure]()

    def _known(self, key: object) -> bool:
        return key == POOL_KEY and Trouble.POOL_WRONG_KEY not in self._outside.troubles

    @web.middleware
    async def _down(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if Trouble.POOL_DOWN in self._outside.troubles:
            if isinstance(request.transport, asyncio.Transport):
                request.transport.abort()
            raise web.HTTPServiceUnavailable
        return await handler(request)

    @staticmethod
    def _answering(tell: Callable[[web.Request], object]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            return web.json_response({"status": "success", "code": 200, "data": tell(request)})

        return answer

    def _keyed(self, tell: Callable[[web.Request], object]) -> Handler:
        answer = self._answering(tell)

        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._known(request.query.get("apiKey")):
                return await answer(request)
            refusal = {"status": "error", "code": 400, "data": None, "message": "Invalid API key"}
            return web.json_response(refusal)

        return guarded

    def _wallet(self, _: web.Request) -> object:
        return {"balances": self.book.wallet()}

    def _wallet_ex(self, _: web.Request) -> object:
        return {"miners": self.book.miners(POOL_KEY)}

    async def _proxy_root(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _proxy_status(self, _: web.Request) -> web.Response:
        return web.json_response(self.book.proxy_status(self._now_s()))

    async def _proxy_profitability(self, _: web.Request) -> web.Response:
        return web.json_response(self.book.profitability())


def prohashing(outside: Outside) -> web.Application:
    """The pool, as a part of the world beyond the farm."""
    return Site(outside).application()
