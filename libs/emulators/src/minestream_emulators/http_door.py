"""Miners over HTTP: one server of all, that tells them apart by the address asked."""

import asyncio
from datetime import timedelta
from email.utils import format_datetime
from typing import Final

from aiohttp import web

from minestream_emulators import wire
from minestream_emulators.device import HttpFirmware, Request
from minestream_emulators.faults import Fault
from minestream_emulators.station import DAY_S, Household, Station, listener

REPLY_HEADER: Final = "X-Reply-Id"
_BACKLOG: Final = 128


class HttpDoor:
    """See ``Door``.

    Args:
        household: whose miners answer.
    """

    def __init__(self, household: Household) -> None:
        self._household = household
        self._stations: dict[tuple[str, int], Station] = {}
        self._web = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75.0,
        )

    async def listen(self, station: Station) -> None:
        """See ``Door.listen``."""
        sock = listener(station)
        loop = asyncio.get_running_loop()
        try:
            station.server = await loop.create_server(self._web, sock=sock, backlog=_BACKLOG)
        except OSError:
            sock.close()
            raise
        station.port = sock.getsockname()[1]
        self._stations[station.host, station.port] = station

    def drop(self, miners: set[str]) -> None:
        """See ``Door.drop``."""
        for connection in self._web.connections:
            transport = connection.transport
            station = None if transport is None else self._of(transport)
            if transport is not None and station is not None and station.miner_id in miners:
                transport.abort()

    async def close(self) -> None:
        """See ``Door.close``."""
        for connection in self._web.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._web.shutdown(1.0)

    def _of(self, transport: asyncio.BaseTransport) -> Station | None:
        return self._stations.get(transport.get_extra_info("sockname") or ("", 0))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        station = None if transport is None else self._of(transport)
        if station is None:
            raise web.HTTPServiceUnavailable
        if Fault.SILENT in station.faults:
            await wire.never_answer()
        body = await request.read() if request.body_exists else b""
        now = self._household.now()
        asked = Request(
            method=request.method,
            path=request.path,
            query=request.query_string,
            at_s=now.timestamp(),
            headers={"authorization": request.headers.get("Authorization", "")},
            body=body,
        )
        firmware = self._household.firmware(station, asked.at_s)
        if not isinstance(firmware, HttpFirmware):
            raise web.HTTPServiceUnavailable
        reply = firmware.answer(asked)
        log = self._household.log
        number = log.write(station.miner_id, asked.path, now.isoformat(), reply.status)
        headers = {REPLY_HEADER: str(number), "Content-Type": reply.content_type, **reply.headers}
        if Fault.CLOCK_SKEW in station.faults:
            headers["Date"] = format_datetime(now + timedelta(seconds=DAY_S), usegmt=True)
        if station.faults:
            return await wire.misbehave(request, reply, headers, station.faults)
        return web.Response(status=reply.status, body=reply.body, headers=headers)
