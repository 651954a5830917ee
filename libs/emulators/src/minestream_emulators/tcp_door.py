"""Miners over TCP, as CGMiner serves its API: one question and one answer a connection.

A miner talks to one client at a time; the next ones wait, connected and unanswered. The number of
each reply, which over HTTP is the header ``X-Reply-Id``, is the *first key of the answer*:
``{"X-Reply-Id":"17","STATUS":[...`` (a string). So it stands there in truncated answers and in
answers that need repair too. What is no JSON at all (the fault ``garbage-body``) has none.
"""

import asyncio
import struct
from asyncio import StreamReader, StreamWriter
from contextlib import suppress
from typing import Final

from minestream_emulators import wire
from minestream_emulators.device import Framing, Json, TcpFirmware
from minestream_emulators.faults import Fault
from minestream_emulators.recorded import encode
from minestream_emulators.station import Household, Station, listener

REPLY_KEY: Final = "X-Reply-Id"
GARBAGE: Final = b"Socket connect failed: Connection refused\n"
PATIENCE_S: Final = 5.0
_BACKLOG: Final = 128
_LONGEST_QUESTION: Final = 8192
_FLOOD: Final = b'{"STATUS":[' + b"{}," * (16 * 1024)
_LENGTH: Final = struct.Struct("<I")


def is_whole(asked: bytes) -> bool:
    """Is this a whole question? Its end is a NUL, a newline or the last brace."""
    return b"\0" in asked or b"\n" in asked or asked.rstrip().endswith(b"}")


async def _question(reader: StreamReader, framing: Framing) -> bytes | None:
    """What the client asks, framing taken off; None: it went, or frames it in another way."""
    try:
        if framing is Framing.LENGTH:
            (size,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
            return await reader.readexactly(size) if size <= _LONGEST_QUESTION else None
        asked = b""
        while len(asked) <= _LONGEST_QUESTION and not is_whole(asked):
            more = await reader.read(_LONGEST_QUESTION)
            if not more:
                break
            asked += more
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return asked or None


def _framed(body: bytes, framing: Framing) -> bytes:
    if framing is Framing.LENGTH:
        return _LENGTH.pack(len(body)) + body
    return body + b"\0" if framing is Framing.NUL else body


def _struck(body: bytes, faults: set[Fault]) -> bytes:
    """An answer as the miner's faults have it."""
    if Fault.GARBAGE_BODY in faults:
        return GARBAGE
    if Fault.TRUNCATED_JSON in faults:
        return wire.cut(body)
    return wire.lace(body) if Fault.NUL_BYTES in faults else body


class TcpDoor:
    """See ``Door``.

    Args:
        household: whose miners answer.
    """

    def __init__(self, household: Household) -> None:
        self._household = household
        self._talks: dict[asyncio.Task[None], tuple[Station, StreamWriter]] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def listen(self, station: Station) -> None:
        """See ``Door.listen``."""
        sock = listener(station)

        async def met(reader: StreamReader, writer: StreamWriter) -> None:
            # a cancelled handler would be logged as a fault of the server's (Python 3.11)
            with suppress(asyncio.CancelledError):
                await self._meet(station, reader, writer)

        try:
            station.server = await asyncio.start_server(met, sock=sock, backlog=_BACKLOG)
        except OSError:
            sock.close()
            raise
        station.port = sock.getsockname()[1]

    def drop(self, miners: set[str]) -> None:
        """See ``Door.drop``."""
        for task, (station, writer) in list(self._talks.items()):
            if station.miner_id in miners:
                writer.transport.abort()
                task.cancel()

    async def close(self) -> None:
        """See ``Door.close``."""
        talks = list(self._talks)
        self.drop({station.miner_id for station, _ in self._talks.values()})
        await asyncio.gather(*talks, return_exceptions=True)

    async def _meet(self, station: Station, reader: StreamReader, writer: StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of start_server runs in a task
        self._talks[task] = (station, writer)
        turn = self._turns.setdefault(station.miner_id, asyncio.Lock())
        try:
            async with turn:
                await self._talk(station, reader, writer)
        except ConnectionError:
            return
        finally:
            del self._talks[task]
            writer.close()

    async def _talk(self, station: Station, reader: StreamReader, writer: StreamWriter) -> None:
        """Read one question and answer it."""
        now = self._household.now()
        firmware = self._household.firmware(station, now.timestamp())
        if not isinstance(firmware, TcpFirmware):
            return
        asked: bytes | None = None
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                asked = await _question(reader, firmware.framing)
        if asked is None:
            return
        if Fault.SILENT in station.faults:
            await reader.read()
            return
        now = self._household.now()
        answer = firmware.answer(asked, now.timestamp())
        number = self._household.log.write(
            station.miner_id, answer.command, now.isoformat(), answer.status
        )
        if Fault.HUGE_BODY in station.faults:
            await _flood(writer, firmware.framing)
            return
        said: Json = ({} if answer.several else {REPLY_KEY: str(number)}) | answer.body
        body = _struck(firmware.worded(encode(said)), station.faults)
        await _send(writer, _framed(body, firmware.framing), station.faults)


async def _send(writer: StreamWriter, message: bytes, faults: set[Fault]) -> None:
    if Fault.SLOW_DRIP not in faults:
        writer.write(message)
        await writer.drain()
        return
    for place in range(len(message)):
        writer.write(message[place : place + 1])
        await writer.drain()
        await asyncio.sleep(wire.DRIP_S)


async def _flood(writer: StreamWriter, framing: Framing) -> None:
    """1 GiB of the beginning of an answer."""
    if framing is Framing.LENGTH:
        writer.write(_LENGTH.pack(wire.HUGE_BYTES))
    sent = 0
    while sent < wire.HUGE_BYTES:
        writer.write(_FLOOD)
        await writer.drain()
        await asyncio.sleep(0)  # a client that reads as fast as we write must not hold up others
        sent += len(_FLOOD)
