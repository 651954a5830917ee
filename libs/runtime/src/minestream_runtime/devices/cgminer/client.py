"""Asks one command of one miner; at most one connection to a miner at a time."""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from minestream_runtime.devices.addresses import (
    Address,
    AddressInvalidError,
    Names,
    begin_connecting,
    family_of,
    split,
)
from minestream_runtime.devices.cgminer.commands import Wire, question, wire_of
from minestream_runtime.devices.cgminer.errors import (
    CgminerAddressError,
    CgminerForbiddenError,
    CgminerTimeoutError,
    CgminerUnreachableError,
)
from minestream_runtime.devices.cgminer.exchange import (
    MAX_ANSWER_BYTES,
    Exchange,
    FramedExchange,
    error_of,
    scratch,
)
from minestream_runtime.devices.networks import refusal

DEADLINE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a miner said.

    Args:
        body: as it came, without the NULs or the length that frame it.
        latency_ms: from the call to the last byte.
    """

    body: bytes
    latency_ms: float


class CgminerClient:
    """Asks miners, each with one connection per question, one question at a time.

    Args:
        allowed: may this numeric address be asked? None: every one.
        max_bytes: of an answer.
    """

    def __init__(
        self,
        *,
        allowed: Callable[[str], bool] | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self._allowed = allowed
        self._max_bytes = max_bytes
        self._names = Names()
        self._scratch = scratch()
        self._asked: dict[str, deque[asyncio.Future[None]]] = {}

    async def ask(
        self,
        address: str,
        command: str,
        *,
        wire: Wire | None = None,
        deadline_s: float = DEADLINE_S,
    ) -> Answer:
        """Ask one command.

        Args:
            address: host:port.
            command: one of ``READS``; a parameter stands behind a colon.
            wire: how the port wants to be asked; None: as the command's name says.
            deadline_s: for everything: the miner's turn, connecting, the whole answer.

        Raises:
            CgminerError: see its tree; nothing else, whatever miner and network do.
        """
        wire = wire or wire_of(command)
        asked = question(wire, command)
        try:
            name, port = split(address)
        except AddressInvalidError as exc:
            raise CgminerAddressError("no host:port") from exc
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        until_s = began_s + deadline_s
        framed = wire is Wire.WHATSMINER_V3
        await self._turn(address, until_s)
        try:
            family = family_of(name)
            if family is not None:
                body = await self._exchange((family, (name, port)), asked, until_s, framed=framed)
            else:
                body = await self._exchange_by_name(name, port, asked, until_s, framed=framed)
        finally:
            self._leave(address)
        return Answer(body, (loop.time() - began_s) * 1000)

    async def _exchange_by_name(
        self, name: str, port: int, asked: bytes, until_s: float, *, framed: bool
    ) -> bytes:
        try:
            async with asyncio.timeout_at(until_s):
                found = await self._names.find(name, port)
        except AddressInvalidError as exc:
            raise CgminerAddressError("no host name") from exc
        except TimeoutError as exc:
            raise CgminerTimeoutError("the name was not found in time") from exc
        except socket.gaierror as exc:
            raise CgminerUnreachableError("no such host") from exc
        failed = [CgminerUnreachableError("no such host")]
        for address in found:
            try:
                return await self._exchange(address, asked, until_s, framed=framed)
            except CgminerUnreachableError as exc:
                failed.append(exc)
        try:
            raise failed[-1]
        finally:
            failed.clear()  # its traceback holds this frame, which would hold it in turn

    async def _exchange(
        self, address: Address, asked: bytes, until_s: float, *, framed: bool
    ) -> bytes:
        family, to = address
        if self._allowed is not None and not self._allowed(to[0]):
            raise CgminerForbiddenError(refusal(to[0]))
        make = FramedExchange if framed else Exchange
        exchange = make(
            asyncio.get_running_loop(),
            asked,
            until_s=until_s,
            max_bytes=self._max_bytes,
            scratch=self._scratch,
        )
        await _begin(exchange, family, to)
        try:
            return await exchange.done
        finally:
            exchange.close()
            del exchange  # an error's traceback holds this frame, and would be held by it in turn

    async def _turn(self, address: str, until_s: float) -> None:
        """Wait until nobody else asks this miner; who leaves hands over the place."""
        waiting = self._asked.get(address)
        if waiting is None:
            self._asked[address] = deque()
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(place)
        try:
            async with asyncio.timeout_at(until_s):
                await place
        except BaseException as exc:
            if place.done() and not place.cancelled():  # handed over in the same moment
                self._leave(address)
            if isinstance(exc, TimeoutError):
                raise CgminerTimeoutError("another question to it was under way") from exc
            raise

    def _leave(self, address: str) -> None:
        waiting = self._asked[address]
        while waiting:
            place = waiting.popleft()
            if not place.done():
                place.set_result(None)
                return
        del self._asked[address]


async def _begin(exchange: Exchange, family: socket.AddressFamily, to: tuple[str, int]) -> None:
    """Begin to connect; what becomes of it, the exchange is told."""
    sock: socket.socket | None = None
    try:
        sock = begin_connecting(family, to)
        await asyncio.get_running_loop().create_connection(lambda: exchange, sock=sock)
    except BaseException as exc:
        exchange.close()
        if sock is not None:
            sock.close()
        if isinstance(exc, OSError):
            raise error_of(exc) from exc
        raise
