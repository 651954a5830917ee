"""Connections to many small devices: HTTP/1.1 over TCP, parsed by llhttp, a few kept for a while.

It knows sockets and messages; what an answer means for a device, ``http`` knows. A general client
(cookies, redirects, proxies, TLS) costs twice as much per request, and devices need none of it.
"""

import asyncio
import socket
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Self, cast

from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

_NAMES_KEPT_S: Final = 300.0
_NAMES_KEPT: Final = 100_000
_SWEEPS_PER_STAY: Final = 5
_HEAD_BYTES: Final = 64 * 1024
"""Most of an answer's headers, beside its body."""
_LINE_BYTES: Final = 8190
_SWITCHING, _FIRST_FINAL = 101, 200

Address = tuple[socket.AddressFamily, tuple[str, int]]


class ConnectionEndedError(Exception):
    """The device hung up before its answer was whole.

    Args:
        silent: it had not said a byte of it.
    """

    def __init__(self, *, silent: bool) -> None:
        super().__init__("connection ended early")
        self.silent = silent


class AddressInvalidError(ValueError):
    """That is no address."""


class Said(NamedTuple):
    """An answer: its head, and as much of its body as was wanted.

    Args:
        status: as it came, maybe outside of HTTP's range.
        headers: by name, in any case.
        body: undecoded.
        whole: False: it passed the limit, and reading stopped.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes
    whole: bool


class _Connection(asyncio.Protocol):
    """One connection, which carries one request at a time.

    Args:
        loop: the running one.
    """

    __slots__ = (
        "_done",
        "_head",
        "_loop",
        "_max_bytes",
        "_parser",
        "_payload",
        "_received",
        "_transport",
        "idle_since_s",
        "reusable",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.reusable = True
        self.idle_since_s = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = None
        self._done: asyncio.Future[Said] | None = None
        self._head: RawResponseMessage | None = None
        self._payload: StreamReader | None = None
        self._received = 0
        self._max_bytes = 0

    def pause_reading(self) -> None:
        """The parser's reader has much, or many chunks: it has a limit of ours, and never waits."""

    def resume_reading(self, *, resume_parser: bool = True) -> None:
        """The parser's reader has room again; it always had."""

    async def exchange(self, request: bytes, until_s: float, max_bytes: int) -> Said:
        """Send a request and wait for the answer to it.

        Args:
            request: head and body, encoded.
            until_s: on the loop's clock; a device that drips does not move it.
            max_bytes: of the body; reading stops beyond.

        Raises:
            TimeoutError: no whole answer by then.
            ConnectionEndedError: it hung up.
            HttpProcessingError: it does not speak HTTP.
            OSError: what the system says.
        """
        if self._transport is None:
            raise ConnectionEndedError(silent=True)
        self._received, self._max_bytes = 0, max_bytes
        self._parser = HttpResponseParser(
            self,  # type: ignore[arg-type]  # it calls the two methods above, no other
            self._loop,
            max_bytes + _HEAD_BYTES,
            max_line_size=_LINE_BYTES,
            max_field_size=_LINE_BYTES,
            read_until_eof=True,
            auto_decompress=False,
        )
        done: asyncio.Future[Said] = self._loop.create_future()
        self._done = done
        late = self._loop.call_at(until_s, self._fail, TimeoutError())
        try:
            self._transport.write(request)
            return await done
        finally:
            late.cancel()
            self._done = self._parser = self._head = self._payload = None
            if not done.done() or done.cancelled() or done.exception() is not None:
                self.close()

    def close(self) -> None:
        """Hang up; what is still to be sent is dropped."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._parser is None or self._done is None or self._done.done():
            self.close()  # nobody has asked
            return
        self._received += len(data)
        try:
            messages, upgraded, _ = self._parser.feed_data(data)
        except HttpProcessingError as exc:
            self._fail(exc)
            return
        for message, payload in messages:
            if self._head is None and (message.code >= _FIRST_FINAL or message.code == _SWITCHING):
                self._head, self._payload = message, payload
                self.reusable = not (message.should_close or upgraded)
            elif self._head is not None:
                self.reusable = False  # one question, two answers
        if self._payload is not None:
            self._look()
        elif self._received > _HEAD_BYTES:
            self._fail(HttpProcessingError(message="endless headers"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """See ``asyncio.Protocol``."""
        parser, self.reusable, self._transport = self._parser, False, None
        if self._done is None or self._done.done():
            return
        if isinstance(exc, OSError):
            self._fail(exc)
            return
        try:
            if parser is not None:
                parser.feed_eof()  # a body may end where the connection does
        except HttpProcessingError:
            self._payload = None
        if self._payload is not None:
            self._look()
        self._fail(ConnectionEndedError(silent=not self._received))

    def _look(self) -> None:
        """Is the answer whole, or too much?"""
        head, payload, done = self._head, self._payload, self._done
        if head is None or payload is None or done is None or done.done():
            return
        if (error := payload.exception()) is not None:
            self._fail(error)
            return
        whole = payload.is_eof()
        if not whole and self._received <= self._max_bytes + _HEAD_BYTES:
            return
        body = payload.read_nowait(-1)
        whole = whole and len(body) <= self._max_bytes
        done.set_result(Said(head.code, head.headers, body, whole))
        if not whole:
            self.close()

    def _fail(self, exc: BaseException) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc)


@dataclass(slots=True)
class _Host:
    """One device: how many of its connections are in use, those that are idle, and who waits."""

    users: int = 0
    idle: list[_Connection] = field(default_factory=list)
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class Devices:
    """The connections that a process shares.

    Args:
        per_host: most to one device at a time; more requests wait.
        keep_s: an idle one is closed after so long.
        connect_s: most for making one.
    """

    def __init__(self, *, per_host: int, keep_s: float, connect_s: float) -> None:
        self._per_host = per_host
        self._keep_s = keep_s
        self._connect_s = connect_s
        self._hosts: dict[str, _Host] = {}
        self._names: dict[str, tuple[float, list[tuple[socket.AddressFamily, str]]]] = {}
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
                except (ConnectionEndedError, ConnectionResetError, BrokenPipeError) as exc:
                    if not again or not getattr(exc, "silent", True):
                        raise
            connection = await self._connect(where, until_s)
            return await self._use(host, connection, request, until_s, max_bytes)
        finally:
            self._leave(where, host)

    async def _use(
        self, host: _Host, connection: _Connection, request: bytes, until_s: float, max_bytes: int
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

    async def _connect(self, where: str, until_s: float) -> _Connection:
        name, port = _split(where)
        first: OSError | None = None
        async with asyncio.timeout_at(min(until_s, self._loop.time() + self._connect_s)):
            for family, address in await self._addresses(name, port):
                try:
                    _, connection = await self._loop.create_connection(
                        lambda: _Connection(self._loop), *address, family=family
                    )
                except OSError as exc:
                    first = first or exc
                else:
                    return connection
        raise first or socket.gaierror(socket.EAI_NONAME, "no address")

    async def _addresses(self, name: str, port: int) -> list[Address]:
        """Where a name leads; names are kept for five minutes, addresses need no asking."""
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                socket.inet_pton(family, name)
            except OSError:
                continue
            return [(family, (name, port))]
        now_s = self._loop.time()
        until_s, found = self._names.get(name, (0.0, []))
        if until_s < now_s:
            told = await self._loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            found = [(family, str(to[0])) for family, _, _, _, to in told]
            if len(self._names) >= _NAMES_KEPT:
                self._names.clear()
            self._names[name] = (now_s + _NAMES_KEPT_S, found)
        return [(family, (address, port)) for family, address in found]

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


def _split(where: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        AddressInvalidError: there are none.
    """
    name, _, port = where.rpartition(":")
    if not name or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise AddressInvalidError("no host:port")
    return name.removeprefix("[").removesuffix("]"), int(port)
