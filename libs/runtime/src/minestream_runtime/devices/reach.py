"""Is a host there? One echo request where this process may send one, else a connection."""

import asyncio
import errno
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from minestream_runtime.devices.addresses import (
    AddressInvalidError,
    Names,
    begin_connecting,
    connected,
    family_of,
)

_ECHO: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: Final = {socket.AF_INET: b"\x00", socket.AF_INET6: b"\x81"}
_PROTOCOL: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_THERE: Final = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
"""Whoever refuses a connection is there."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of it.

    Args:
        there: did the host answer?
        by: ``icmp`` or ``tcp``.
        words: for people.
    """

    there: bool
    by: str
    words: str


async def reach(name: str, port: int, *, wait_s: float = 3.0) -> Reached:
    """Send one packet, and wait.

    Args:
        name: of the host, or its address.
        port: to connect to where no echo request may be sent.
        wait_s: for the answer.
    """
    loop = asyncio.get_running_loop()
    family = family_of(name)
    began_s = loop.time()
    by = "icmp"
    try:
        async with asyncio.timeout(wait_s):
            if family is None:
                found = await Names().find(name, port)
                family, address = found[0][0], found[0][1][0]
            else:
                address = name
            try:
                await _echo(family, address)
            except PermissionError:
                by = "tcp"
                await _connect(family, address, port)
    except TimeoutError:
        return Reached(there=False, by=by, words=f"no answer within {wait_s:g} s")
    except (AddressInvalidError, socket.gaierror):
        return Reached(there=False, by=by, words="no such host")
    except OSError as exc:
        return Reached(there=False, by=by, words=exc.strerror or type(exc).__name__)
    took_ms = (loop.time() - began_s) * 1000
    how = "" if by == "icmp" else " to a connection: this process may send no ICMP"
    return Reached(there=True, by=by, words=f"answered in {took_ms:.1f} ms{how}")


async def _echo(family: socket.AddressFamily, address: str) -> None:
    """One ICMP echo.

    Raises:
        PermissionError: this process may not.
        OSError: no way leads there.
    """
    sock, headed = _socket(family)
    with sock:
        sock.settimeout(0)
        token = os.urandom(16)
        sock.connect((address, 0))
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, _request(family, token))
        while True:
            heard = await loop.sock_recv(sock, 1024)
            start = (heard[0] & 0x0F) * 4 if headed and heard else 0
            if heard[start : start + 1] == _REPLY[family] and heard.endswith(token):
                return


def _socket(family: socket.AddressFamily) -> tuple[socket.socket, bool]:
    """One for ICMP, and whether what it hears begins with the IP header."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            sock = socket.socket(family, kind, _PROTOCOL[family])
        except OSError:
            continue
        return sock, kind is socket.SOCK_RAW and family is socket.AF_INET
    raise PermissionError(errno.EPERM, "no ICMP")


def _request(family: socket.AddressFamily, token: bytes) -> bytes:
    """An echo request; the kernel sets its id, and IPv6's checksum."""
    head = struct.pack("!BBHHH", _ECHO[family], 0, 0, 0, 1)
    words = struct.unpack(f"!{(len(head) + len(token)) // 2}H", head + token)
    total = sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBHHH", _ECHO[family], 0, checksum, 0, 1) + token


async def _connect(family: socket.AddressFamily, address: str, port: int) -> None:
    try:
        with begin_connecting(family, (address, port)) as sock:
            await connected(sock)
    except OSError as exc:
        if exc.errno not in _THERE:
            raise
