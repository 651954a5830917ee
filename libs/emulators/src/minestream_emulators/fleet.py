"""The emulated fleet on the network: one listener per miner, all in one process.

A refused connection is a real one: the listener of an unreachable miner is closed.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from minestream_emulators.device import Firmware
from minestream_emulators.families import firmware_of
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
from minestream_emulators.http_door import HttpDoor
from minestream_emulators.models import MODELS
from minestream_emulators.physics import Climate, Phase
from minestream_emulators.replies import ReplyLine, ReplyLog, read_replies
from minestream_emulators.station import Door, Now, Station, stop_listening
from minestream_emulators.tcp_door import TcpDoor
from minestream_emulators.world import (
    WorldPlan,
    climate,
    inventory_entry,
    machine,
    refitted,
    residents,
)

DEFAULT_PORT: Final = 8780
_CLOSING: Final = frozenset({Fault.UNREACHABLE, Fault.REBOOT})
_RELISTENING: Final = frozenset({*_CLOSING, Fault.REFLASHED})
_HOLDING: Final = frozenset({Fault.SILENT, Fault.SLOW_DRIP, Fault.REFLASHED})
_BODILY: Final = frozenset({*AILMENTS, Fault.REBOOT})


def utc_now() -> datetime:
    """The machine's clock."""
    return datetime.now(UTC)


class AddressTakenError(OSError):
    """A miner's address cannot be listened on; the text says which and what to do."""


def _touch_body(firmware: Firmware, change: Change, at_s: float) -> None:
    ailment = AILMENTS.get(change.fault)
    if ailment is not None:
        act = firmware.miner.afflict if change.begins else firmware.miner.heal
        act(ailment, at_s)
    elif change.begins:
        firmware.miner.power_off(at_s)
    else:
        firmware.miner.boot(at_s)
        firmware.reboot()


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
        self.log = ReplyLog(replies)
        self._changed = asyncio.Event()
        self._orders = 0
        self._doors: dict[str, Door] = {"http": HttpDoor(self), "tcp": TcpDoor(self)}
        each = 1 if plan.one_address and port else 0
        self.stations = {
            resident.who.miner_id: Station(resident, resident.who.host, port + each * number)
            for number, resident in enumerate(residents(plan))
        }

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
        await stop_listening(self.stations.values())
        for door in self._doors.values():
            await door.close()
        await asyncio.sleep(0)  # transports close in the loop's next round
        self.log.close()

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
        try:
            await self._doors[station.resident.model.transport].listen(station)
        except OSError as exc:
            raise AddressTakenError(
                f"{station.address} ({station.miner_id}) cannot be listened on: {exc.strerror}; "
                "another emulated world may be running: end it, or choose --port or --first-address"
            ) from exc

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
        if which is Fault.REFLASHED:
            fleet = self._reflashable(miners)
        struck = choose(fleet, miners=miners, share=share, number=number, seed=seed)
        if after_s < 0.0:
            raise FaultRefusedError(f"a start {after_s} s from now lies in the past")
        at_s = self._now().timestamp()
        order = self._script.add(which, struck, begins_s=at_s + after_s, for_s=for_s)
        await self._apply(self._script.due(at_s))
        self._changed.set()
        return order

    def _reflashable(self, miners: Sequence[str]) -> list[str]:
        """Whose machine runs more than one firmware.

        Raises:
            FaultRefusedError: one of those named, or nobody at all, does.
        """
        able = [s.miner_id for s in self.stations.values() if s.planned.model.reflashed]
        unable = [name for name in miners if name in self.stations and name not in able]
        if unable or not able:
            kinds = sorted(model.key for model in MODELS.values() if model.reflashed)
            who = unable[0] if unable else "no miner here"
            raise FaultRefusedError(
                f"{who} has no other firmware; those of {', '.join(kinds)} have"
            )
        return able

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
                _touch_body(self.firmware(station, at_s), change, at_s)
            if change.fault is Fault.REFLASHED:
                await stop_listening([station])
                self._reflash(station, at_s, begins=change.begins)
            station.touch()
            if change.fault in _RELISTENING:
                await self._touch_listener(station)
            if change.fault in (_RELISTENING if change.begins else _HOLDING):
                cut_off.add(change.miner)
        if cut_off:
            for door in self._doors.values():
                door.drop(cut_off)

    def _reflash(self, station: Station, at_s: float, *, begins: bool) -> None:
        """Another firmware, which perhaps listens behind another door."""
        planned = station.planned
        resident = planned
        if begins and planned.model.reflashed is not None:
            resident = refitted(planned, MODELS[planned.model.reflashed])
        miner = self.firmware(station, at_s).miner
        miner.advance(at_s)
        miner.model, miner.preset = resident.model, resident.preset
        miner.boot(at_s)
        station.resident = resident
        station.firmware = firmware_of(miner, resident.who)

    async def _touch_listener(self, station: Station) -> None:
        closed = bool(station.faults & _CLOSING)
        if closed:
            await stop_listening([station])
        elif station.server is None:
            await self._listen(station)

    def firmware(self, station: Station, at_s: float) -> Firmware:
        """The station's firmware, made at the first question."""
        if station.firmware is None:
            miner = machine(station.resident, self._air, self._began_s)
            miner.advance(at_s)
            station.firmware = firmware_of(miner, station.resident.who)
            station.touch()
        return station.firmware

    # -- for whoever looks from outside -------------------------------------------------------

    def now(self) -> datetime:
        """The world's instant."""
        return self._now()

    @property
    def inventory(self) -> list[dict[str, Any]]:
        """The fleet as an operator would enter it, one entry per miner."""
        return [inventory_entry(s.planned, s.address) for s in self.stations.values()]

    def replies(self) -> list[ReplyLine]:
        """Every reply in the log so far, earlier runs included."""
        return [] if self.log.path is None else list(read_replies(self.log.path))

    def truth(self, miner_id: str) -> dict[str, Any]:
        """What is really so at one miner now, whatever it may answer."""
        station = self.stations[miner_id]
        at_s = self._now().timestamp()
        miner = self.firmware(station, at_s).miner
        miner.advance(at_s)
        return {
            "miner_id": miner_id,
            "address": station.address,
            "model": miner.model.key,
            "family": miner.model.family,
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
