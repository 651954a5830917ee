"""The emulated fleet on the network: one listener per miner, all in one process.

A refused connection is a real one: the listener of an unreachable miner is closed.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from minestream_emulators import wire
from minestream_emulators.faults import (
    AILMENTS,
    Change,
    Fault,
    FaultRefusedError,
    Order,
    Script,
    choose,
    fault_named,
)
from minestream_emulators.physics import Climate, Phase
from minestream_emulators.replies import ReplyLine, ReplyLog, read_replies
from minestream_emulators.vnish.device import Device, Request
from minestream_emulators.world import (
    Resident,
    WorldPlan,
    climate,
    inventory_entry,
    machine,
    residents,
)

REPLY_HEADER: Final = "X-Reply-Id"
DEFAULT_PORT: Final = 8780
_BACKLOG: Final = 128
_SKEW: Final = timedelta(days=1)
_CLOSING: Final = frozenset({Fault.UNREACHABLE, Fault.REBOOT})
_HOLDING: Final = frozenset({Fault.SILENT, Fault.SLOW_DRIP})
_BODILY: Final = frozenset({*AILMENTS, Fault.REBOOT})

Now = Callable[[], datetime]


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class AddressTakenError(OSError):
    """A miner's address cannot be listened on; the text says which and what to do."""


@dataclass(slots=True)
class Station:
    """A miner with its socket and its faults.

    Args:
        device: made when somebody first asks, so that a large fleet starts at once.
    """

    resident: Resident
    host: str
    port: int
    device: Device | None = None
    server: asyncio.Server | None = None
    faults: set[Fault] = field(default_factory=set)

    @property
    def miner_id(self) -> str:
        """The miner's name."""
        return self.resident.who.miner_id

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


def _touch_firmware(device: Device, faults: set[Fault]) -> None:
    device.wrong_unit = Fault.WRONG_UNIT in faults
    device.wrong_password = Fault.WRONG_PASSWORD in faults


class Fleet:
    """Many emulated miners; ``running`` and ``emulated_fleet`` open and close it.

    Args:
        plan: which miners.
        port: of every miner; 0: a free one for each.
        replies: the reply log's file; None keeps no log.
        now: the clock that the world runs on.
    """

    def __init__(
        self,
        plan: WorldPlan,
        *,
        port: int = DEFAULT_PORT,
        replies: Path | None = None,
        now: Now = utc_now,
    ) -> None:
        self.plan = plan
        self._now = now
        self._air: Climate = climate(plan)
        self._began_s = now().timestamp()
        self._script = Script()
        self._log = ReplyLog(replies)
        self._changed = asyncio.Event()
        self._orders = 0
        self._web = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75.0,
        )
        each = 1 if plan.one_address and port else 0
        self.stations = {
            resident.who.miner_id: Station(resident, resident.who.host, port + each * number)
            for number, resident in enumerate(residents(plan))
        }
        self._by_socket: dict[tuple[str, int], Station] = {}

    # -- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Listen for every miner.

        Raises:
            AddressTakenError: another program holds one of the addresses.
        """
        for station in self.stations.values():
            await self._listen(station)

    async def close(self) -> None:
        """Close every listener and connection, and the log."""
        for station in self.stations.values():
            if station.server is not None:
                station.server.close()
                station.server = None
        for connection in self._web.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._web.shutdown(1.0)
        self._log.close()

    async def direct(self) -> None:
        """Carry out the script of faults, for ever; the fleet's one background task."""
        while True:
            await self._apply(self._script.due(self._now().timestamp()))
            self._changed.clear()
            following_s = self._script.next_s()
            wait_s = None if following_s is None else following_s - self._now().timestamp()
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _listen(self, station: Station) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((station.host, station.port))
            loop = asyncio.get_running_loop()
            server = await loop.create_server(self._web, sock=sock, backlog=_BACKLOG)
        except OSError as exc:
            sock.close()
            raise AddressTakenError(
                f"{station.address} ({station.miner_id}) cannot be listened on: {exc.strerror}; "
                "another emulated world may be running: end it, or choose --port or --first-address"
            ) from exc
        station.port = sock.getsockname()[1]
        station.server = server
        self._by_socket[(station.host, station.port)] = station

    def _drop_connections(self, stations: set[str]) -> None:
        for connection in self._web.connections:
            transport = connection.transport
            station = None if transport is None else self._of(transport)
            if transport is not None and station is not None and station.miner_id in stations:
                transport.abort()

    def _of(self, transport: asyncio.BaseTransport) -> Station | None:
        return self._by_socket.get(transport.get_extra_info("sockname") or ("", 0))

    # -- faults -------------------------------------------------------------------------------

    async def break_miner(
        self,
        fault: str,
        miners: Sequence[str] = (),
        *,
        share: float | None = None,
        number: int | None = None,
        for_s: float | None = None,
        after_s: float = 0.0,
    ) -> Order:
        """Cause a fault, at once or later; when this returns, what is due has happened.

        Args:
            fault: one of ``Fault``.
            miners: whom, by id; when nobody is said in any way, one miner.
            share: of the fleet, above 0 and up to 1, in place of names.
            number: so many of the fleet, in place of names.
            for_s: how long; None: until ``heal``.
            after_s: seconds from now until it begins.

        Raises:
            FaultRefusedError: unknown fault or miner, or numbers out of range.
        """
        self._orders += 1
        which = fault_named(fault)
        seed = (self.plan.seed, self._orders)
        fleet = list(self.stations)
        if which is Fault.WRONG_PASSWORD and not miners:
            fleet = [s.miner_id for s in self.stations.values() if s.resident.who.known_password]
        struck = choose(fleet, miners=miners, share=share, number=number, seed=seed)
        if after_s < 0.0:
            raise FaultRefusedError(f"a start {after_s} s from now lies in the past")
        at_s = self._now().timestamp()
        order = self._script.add(which, struck, begins_s=at_s + after_s, for_s=for_s)
        await self._apply(self._script.due(at_s))
        self._changed.set()
        return order

    async def heal(self) -> int:
        """End every fault and forget those to come.

        Returns:
            How many faults at how many miners ended.
        """
        changes = self._script.clear()
        await self._apply(changes)
        self._changed.set()
        return len(changes)

    def orders(self) -> list[Order]:
        """The orders that run or wait."""
        return list(self._script.orders.values())

    async def _apply(self, changes: list[Change]) -> None:
        at_s = self._now().timestamp()
        cut_off: set[str] = set()
        for change in changes:
            station = self.stations[change.miner]
            if change.begins:
                station.faults.add(change.fault)
            else:
                station.faults.discard(change.fault)
            if change.fault in _BODILY:
                self._touch_body(self._device(station, at_s), change, at_s)
            if station.device is not None:
                _touch_firmware(station.device, station.faults)
            if change.fault in _CLOSING:
                await self._touch_listener(station)
            if change.fault in (_CLOSING if change.begins else _HOLDING):
                cut_off.add(change.miner)
        if cut_off:
            self._drop_connections(cut_off)

    def _touch_body(self, device: Device, change: Change, at_s: float) -> None:
        ailment = AILMENTS.get(change.fault)
        if ailment is not None:
            act = device.miner.afflict if change.begins else device.miner.heal
            act(ailment, at_s)
        elif change.begins:
            device.miner.power_off(at_s)
        else:
            device.miner.boot(at_s)
            device.reboot()

    async def _touch_listener(self, station: Station) -> None:
        closed = bool(station.faults & _CLOSING)
        if closed and station.server is not None:
            station.server.close()
            station.server = None
        elif not closed and station.server is None:
            await self._listen(station)

    # -- answers ------------------------------------------------------------------------------

    def _device(self, station: Station, at_s: float) -> Device:
        if station.device is None:
            miner = machine(station.resident, self._air, self._began_s)
            miner.advance(at_s)
            station.device = Device(miner, station.resident.who)
            _touch_firmware(station.device, station.faults)
        return station.device

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        station = None if transport is None else self._of(transport)
        if station is None:
            raise web.HTTPServiceUnavailable
        if Fault.SILENT in station.faults:
            await wire.never_answer()
        body = await request.read() if request.body_exists else b""
        now = self._now()
        asked = Request(
            method=request.method,
            path=request.path,
            query=request.query_string,
            at_s=now.timestamp(),
            headers={"authorization": request.headers.get("Authorization", "")},
            body=body,
        )
        reply = self._device(station, asked.at_s).answer(asked)
        number = self._log.write(station.miner_id, asked.path, now.isoformat(), reply.status)
        headers = {REPLY_HEADER: str(number), "Content-Type": reply.content_type}
        if Fault.CLOCK_SKEW in station.faults:
            headers["Date"] = format_datetime(now + _SKEW, usegmt=True)
        if station.faults:
            return await wire.misbehave(request, reply, headers, station.faults)
        return web.Response(status=reply.status, body=reply.body, headers=headers)

    # -- for whoever looks from outside -------------------------------------------------------

    def now(self) -> datetime:
        """The world's instant."""
        return self._now()

    @property
    def inventory(self) -> list[dict[str, Any]]:
        """The fleet as an operator would enter it, one entry per miner."""
        return [inventory_entry(s.resident, s.address) for s in self.stations.values()]

    def replies(self) -> list[ReplyLine]:
        """Every reply in the log so far, earlier runs included."""
        return [] if self._log.path is None else list(read_replies(self._log.path))

    def truth(self, miner_id: str) -> dict[str, Any]:
        """What is really so at one miner now, whatever it may answer."""
        station = self.stations[miner_id]
        at_s = self._now().timestamp()
        miner = self._device(station, at_s).miner
        miner.advance(at_s)
        return {
            "miner_id": miner_id,
            "address": station.address,
            "model": miner.model.key,
            "algorithm": miner.model.algorithm,
            "faults": sorted(station.faults),
            "listening": station.server is not None,
            "phase": miner.phase.value,
            "mining": miner.phase is Phase.MINING,
            "hashrate_hs": miner.hashrate_hs(),
            "power_w": miner.power_w,
            "chip_temp_max_c": miner.hottest_c,
            "inlet_temp_c": miner.inlet_c,
            "fan_duty_ratio": miner.duty,
            "throttle_ratio": miner.throttle,
            "accepted_total": miner.counters.accepted,
            "rejected_total": miner.counters.rejected,
            "hw_errors_total": sum(board.hw_errors for board in miner.boards),
            "uptime_s": miner.at_s - miner.booted_at_s,
            "boards_healthy": sum(not board.lost for board in miner.boards),
        }
