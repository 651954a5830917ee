"""A miner with its socket and its faults, and what a door needs to answer for it."""

import asyncio
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from minestream_emulators.device import Firmware
from minestream_emulators.faults import Fault
from minestream_emulators.replies import ReplyLog
from minestream_emulators.world import Resident

Now = Callable[[], datetime]
DAY_S: Final = 86400.0
_TURNS: Final = 4
"""Of the loop, from a connection's acceptance to its handler's first step."""


@dataclass(slots=True)
class Station:
    """One miner on the network.

    Args:
        firmware: made when somebody first asks, so that a large fleet starts at once.
    """

    resident: Resident
    host: str
    port: int
    firmware: Firmware | None = None
    server: asyncio.Server | None = None
    faults: set[Fault] = field(default_factory=set)
    planned: Resident = field(init=False)
    """What the inventory takes it for, whatever it runs now."""

    def __post_init__(self) -> None:
        """Remember what was planned."""
        self.planned = self.resident

    @property
    def miner_id(self) -> str:
        """The miner's name."""
        return self.resident.who.miner_id

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"

    def touch(self) -> None:
        """Let the firmware know of its faults."""
        if self.firmware is not None:
            self.firmware.wrong_unit = Fault.WRONG_UNIT in self.faults
            self.firmware.wrong_password = Fault.WRONG_PASSWORD in self.faults
            self.firmware.ahead_s = DAY_S if Fault.CLOCK_SKEW in self.faults else 0.0


class Household(Protocol):
    """What a door asks of the fleet behind it."""

    log: ReplyLog

    def now(self) -> datetime:
        """The world's instant."""

    def firmware(self, station: Station, at_s: float) -> Firmware:
        """The station's firmware, made at the first question."""


class Door(Protocol):
    """How miners of one transport are reached."""

    async def listen(self, station: Station) -> None:
        """Listen at the station's address; sets its server and, where it was 0, its port.

        Raises:
            OSError: the address is taken.
        """

    def drop(self, miners: set[str]) -> None:
        """Cut the connections of these miners, by id."""

    async def close(self) -> None:
        """Cut every connection."""


def listener(station: Station) -> socket.socket:
    """A socket bound to the station's address.

    Raises:
        OSError: the address is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((station.host, station.port))
    except OSError:
        sock.close()
        raise
    return sock


async def stop_listening(stations: Iterable[Station]) -> None:
    """Let nobody in any more; who was let in a moment ago has reached its door when this returns.

    A server that closes with a connection on its way leaves that one's socket open.

    Args:
        stations: those without a server are left as they are.
    """
    servers = []
    for station in stations:
        if station.server is not None:
            servers.append(station.server)
            station.server = None
    if not servers:
        return
    loop = asyncio.get_running_loop()
    for server in servers:
        for sock in server.sockets:
            loop.remove_reader(sock.fileno())
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    for server in servers:
        server.close()
