"""Where a device is: host and port, what a name leads to, and the beginning of a connection."""

import asyncio
import errno
import os
import socket
from typing import Final

_NAMES_KEPT_S: Final = 300.0
_NAMES_KEPT: Final = 100_000
_NAMES_LATE_S: Final = 1.0
_NAMES_OLD_S: Final = 30.0
_AWAY: Final = frozenset({socket.EAI_AGAIN, socket.EAI_FAIL})
_PORT_DIGITS: Final = 5

Address = tuple[socket.AddressFamily, tuple[str, int]]


class AddressInvalidError(ValueError):
    """That is no address."""


def split(where: str) -> tuple[str, int]:
    """Host and port.

    Args:
        where: host:port; an IPv6 address stands in brackets.

    Raises:
        AddressInvalidError: there are none.
    """
    name, _, port = where.rpartition(":")
    plain = port.isdecimal() and port.isascii() and len(port) <= _PORT_DIGITS
    if not name or not plain or not 0 < int(port) < 1 << 16:
        raise AddressInvalidError("no host:port")
    return name.removeprefix("[").removesuffix("]"), int(port)


def family_of(name: str) -> socket.AddressFamily | None:
    """Of an address; None: it is a name."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, name)
        except (OSError, ValueError):  # a NUL within is a ValueError
            continue
        return family
    return None


def is_mistyped(name: str) -> bool:
    """Whether it is no address, and cannot be a name: ``10.0.0.300``, ``10.0.0.07``, ``fd00:::1``.

    Source: RFC 1123, 2.1: no name ends in a number alone.
    """
    last = name.rstrip(".").rpartition(".")[2]
    return family_of(name) is None and (":" in name or last.isdecimal())


class Names:
    """Where names lead; each is asked for every five minutes.

    A name server that is away or slow makes no device silent: where a name led before counts on.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, list[tuple[socket.AddressFamily, str]]]] = {}

    async def find(self, name: str, port: int) -> list[Address]:
        """All addresses of a name.

        Raises:
            AddressInvalidError: no name can look like this.
            socket.gaierror: nobody knows it.
        """
        now_s = asyncio.get_running_loop().time()
        until_s, found = self._known.get(name, (0.0, []))
        if until_s < now_s:
            kept_s = _NAMES_KEPT_S
            try:
                async with asyncio.timeout(_NAMES_LATE_S if found else None):
                    found = await self._asked(name, port)
            except (TimeoutError, socket.gaierror) as exc:
                if not found or (isinstance(exc, socket.gaierror) and exc.errno not in _AWAY):
                    raise
                kept_s = _NAMES_OLD_S
            if len(self._known) >= _NAMES_KEPT:
                self._known.clear()
            self._known[name] = (now_s + kept_s, found)
        return [(family, (address, port)) for family, address in found]

    async def _asked(self, name: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
        try:
            told = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        except ValueError as exc:  # an empty label, one of more than 63 characters, a NUL
            raise AddressInvalidError("no host name") from exc
        return [(family, str(to[0])) for family, _, _, _, to in told]


async def connected(sock: socket.socket) -> None:
    """Wait until a socket that is connecting has come about.

    Raises:
        OSError: it has not, and the system says why.
    """
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(sock, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_writer(sock)
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        raise OSError(number, os.strerror(number))


def begin_connecting(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    """A socket that is connecting, or connected; nobody waits for the end of it.

    Raises:
        OSError: what the system says at once.
    """
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    number = sock.connect_ex(address)
    if number not in {0, errno.EINPROGRESS}:
        sock.close()
        raise OSError(number, os.strerror(number))
    return sock
