"""The world's back door, on loopback only: cause faults, heal them, see what is really so.

GET /faults · POST /faults · DELETE /faults · GET /miners · GET /healthz · GET /readyz
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec
from aiohttp import web

from minestream_emulators.faults import MEANING, FaultRefusedError, Order
from minestream_emulators.fleet import Fleet
from minestream_emulators.serving import served
from minestream_emulators.troubles import TROUBLES, Trouble, Troubles

_encode = msgspec.json.Encoder().encode


class Command(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order as it comes in: whom (miners, share or count), how long, from when."""

    fault: str
    miners: tuple[str, ...] = ()
    share: float | None = None
    count: int | None = None
    for_s: float | None = None
    after_s: float = 0.0


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=_encode(body), status=status, content_type="application/json")


def _worded(order: Order) -> dict[str, object]:
    return {
        "order": order.number,
        "fault": order.fault.value,
        "miners": order.miners,
        "begins_s": order.begins_s,
        "ends_s": order.ends_s,
    }


class Control:
    """The handlers of the control API over one fleet and the world beyond it."""

    def __init__(self, fleet: Fleet, troubles: Troubles) -> None:
        self._fleet = fleet
        self._troubles = troubles

    async def faults(self, _: web.Request) -> web.Response:
        """What can be broken, and what is."""
        return _json(
            {
                "faults": {fault.value: text for fault, text in (MEANING | TROUBLES).items()},
                "active": [_worded(order) for order in self._fleet.orders()],
                "troubles": self._troubles.active(),
            }
        )

    async def cause(self, request: web.Request) -> web.Response:
        """Break something."""
        try:
            command = msgspec.json.decode(await request.read(), type=Command)
            if command.fault in set(Trouble):
                trouble = self._troubles.begin(command.fault, for_s=command.for_s)
                return _json({"fault": trouble, "for_s": command.for_s}, status=201)
            order = await self._fleet.break_miner(
                command.fault,
                command.miners,
                share=command.share,
                number=command.count,
                for_s=command.for_s,
                after_s=command.after_s,
            )
        except (msgspec.MsgspecError, FaultRefusedError) as exc:
            return _json({"error": str(exc)}, status=400)
        return _json(_worded(order), status=201)

    async def heal(self, _: web.Request) -> web.Response:
        """Mend everything."""
        return _json({"healed": await self._fleet.heal() + self._troubles.heal()})

    async def miners(self, _: web.Request) -> web.Response:
        """What is really so at every miner."""
        told = []
        for miner in self._fleet.stations:
            told.append(self._fleet.truth(miner))
            await asyncio.sleep(0)  # thousands of them must not hold up the miners' answers
        return _json(told)

    async def healthy(self, _: web.Request) -> web.Response:
        """The process runs; the API opens only after every miner listens, so it is ready too."""
        return _json({"status": "ok", "miners": len(self._fleet.stations)})

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application()
        routes: list[tuple[str, str, Callable[[web.Request], Awaitable[web.Response]]]] = [
            ("GET", "/faults", self.faults),
            ("POST", "/faults", self.cause),
            ("DELETE", "/faults", self.heal),
            ("GET", "/miners", self.miners),
            ("GET", "/healthz", self.healthy),
            ("GET", "/readyz", self.healthy),
        ]
        for method, path, handler in routes:
            app.router.add_route(method, path, handler)
        return app


@asynccontextmanager
async def serving(
    fleet: Fleet, troubles: Troubles, host: str, port: int
) -> AsyncIterator[tuple[str, int]]:
    """Serve the control API while the body runs.

    Yields:
        Where it listens.

    Raises:
        OSError: the port is taken.
    """
    async with served(Control(fleet, troubles).application(), host, port) as where:
        yield where
