"""Connections to many small devices: a few each, made when asked for, kept for a while.

A general HTTP client (cookies, redirects, proxies, TLS) costs twice as much per request, and
devices need none of it. What an answer means for a device, ``http`` knows.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Self

from minestream_runtime.devices.addresses import (
    Names,
    begin_connecting,
    family_of,
    split,
)
from minestream_runtime.devices.connection import Connection, ConnectionEndedError, Said
from minestream_runtime.devices.networks import refusal

_SWEEPS_PER_STAY: Final = 5
_JUDGED: Final = 100_000
"""Addresses of which it is remembered whether they are allowed."""


@dataclass(slots=True)
class _Host:
    """One device: how many of its connections are in use, those that are idle, and who waits."""

    users: int = 0
    idle: list[Connection] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class AddressForbiddenError(ValueError):
    """Nobody may be asked there."""


class Devices:
    """The connections that a process shares.

    Args:
        per_host: most to one device at a time; more requests wait.
        keep_s: an idle one is closed after so long.
        connect_s: most for making one.
        allowed: may this numeric address be asked? None: every one.
    """

    def __init__(
        self,
        *,
        per_host: int,
        keep_s: float,
        connect_s: float,
        allowed: Callable[[str], bool] | None = None,
    ) -> None:
        self._per_host = per_host
        self._keep_s = keep_s
        self._connect_s = connect_s
        self._allowed = None if allowed is None else lru_cache(maxsize=_JUDGED)(allowed)
        self._hosts: dict[str, _Host] = {}
        self._names = Names()
        self._loop: asyncio.AbstractEventLoop
        self._sweeper: asyncio.TimerHandle

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._sweep()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        for host in self._hosts.values():
            for connection in host.idle:
                connection.close()
        self._hosts.clear()
        await asyncio.sleep(0)  # transports close in the loop's next round

    @property
    def kept(self) -> int:
        """Connections that are idle."""
        return sum(len(host.idle) for host in self._hosts.values())

    async def ask(
        self, where: str, request: bytes, *, deadline_s: float, max_bytes: int, again: bool
    ) -> Said:
        """Send a request to a device and wait for the answer.

        Args:
            where: host:port; an IPv6 address stands in brackets.
            request: head and body, encoded.
            deadline_s: for everything: a free connection, connecting, the whole answer.
            max_bytes: of the body; reading stops beyond.
            again: may it be sent twice? A kept connection may turn out to be dead.

        Raises:
            AddressInvalidError: there is no such address.
            AddressForbiddenError: it is in no network that is allowed.
            TimeoutError: no whole answer in time.
            ConnectionEndedError: it hung up.
            HttpProcessingError: it does not speak HTTP.
            OSError: what the system says; ``socket.gaierror`` where the name is unknown.
        """
        until_s = self._loop.time() + deadline_s
        host = self._hosts.get(where)
        if host is None:
            host = self._hosts[where] = _Host()
        if host.users >= self._per_host:
            await self._turn(host, until_s)
        else:
            host.users += 1
        try:
            while host.idle:
                connection = host.idle.pop()
                if not connection.reusable:
                    continue
                try:
                    return await self._use(host, connection, request, until_s, max_bytes)
                except (ConnectionEndedError, ConnectionResetError, BrokenPipeError):
                    if not again or connection.heard:
                        raise
            connection = await self._connect(where, until_s)
            return await self._use(host, connection, request, until_s, max_bytes)
        finally:
            self._leave(where, host)

    async def _use(
        self, host: _Host, connection: Connection, request: bytes, until_s: float, max_bytes: int
    ) -> Said:
        said = await connection.exchange(request, until_s, max_bytes)
        if connection.reusable:
            connection.idle_since_s = self._loop.time()
            host.idle.append(connection)
        else:
            connection.close()
        return said

    async def _turn(self, host: _Host, until_s: float) -> None:
        """Wait until somebody who leaves hands over the place."""
        place: asyncio.Future[None] = self._loop.create_future()
        host.waiting.append(place)
        try:
            async with asyncio.timeout_at(until_s):
                await place
        except BaseException:
            if place.done() and not place.cancelled():  # handed over in the same moment
                self._pass_on(host)
            raise

    def _leave(self, where: str, host: _Host) -> None:
        self._pass_on(host)
        if not host.users and not host.idle:
            self._hosts.pop(where, None)

    def _pass_on(self, host: _Host) -> None:
        while host.waiting:
            place = host.waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        host.users -= 1

    async def _connect(self, where: str, until_s: float) -> Connection:
        name, port = split(where)
        family = family_of(name)
        if family is not None:
            self._check(name)
            return await self._begin(family, (name, port))
        failed: list[OSError] = []
        async with asyncio.timeout_at(min(until_s, self._loop.time() + self._connect_s)):
            for kind, address in await self._names.find(name, port):
                self._check(address[0])
                try:
                    _, connection = await self._loop.create_connection(
                        lambda: Connection(self._loop), *address, family=kind
                    )
                except OSError as exc:
                    failed.append(exc)
                else:
                    return connection
        failed.append(socket.gaierror(socket.EAI_NONAME, "no address"))
        try:
            raise failed[0]
        finally:
            failed.clear()  # its traceback holds this frame, which would hold it in turn

    def _check(self, address: str) -> None:
        if self._allowed is not None and not self._allowed(address):
            raise AddressForbiddenError(refusal(address))

    async def _begin(self, family: socket.AddressFamily, address: tuple[str, int]) -> Connection:
        """Begin to connect to the one address that there is.

        Nobody waits for the end of it: the request is written as soon as it can be, and whether
        that was in time, ``exchange`` looks. It costs half of what ``create_connection`` does.
        """
        sock = begin_connecting(family, address)
        connect_by_s = self._loop.time() + self._connect_s
        try:
            _, connection = await self._loop.create_connection(
                lambda: Connection(self._loop, connect_by_s), sock=sock
            )
        except BaseException:
            sock.close()
            raise
        return connection

    def _sweep(self) -> None:
        """Close what has been idle for too long."""
        too_old_s = self._loop.time() - self._keep_s
        for where, host in list(self._hosts.items()):
            for connection in host.idle:
                if connection.idle_since_s < too_old_s:
                    connection.close()
            host.idle = [connection for connection in host.idle if connection.reusable]
            if not host.users and not host.idle:
                del self._hosts[where]
        self._sweeper = self._loop.call_later(self._keep_s / _SWEEPS_PER_STAY, self._sweep)
