"""One question to a miner's TCP port and the answer to it, on a connection of its own."""

import asyncio
from typing import Final, cast

from minestream_runtime.devices.cgminer.errors import (
    CgminerCutError,
    CgminerEmptyError,
    CgminerError,
    CgminerFrameError,
    CgminerOwnFaultError,
    CgminerRefusedError,
    CgminerResetError,
    CgminerTimeoutError,
    CgminerTooLargeError,
    CgminerUnreachableError,
)
from minestream_runtime.devices.connect_errors import is_no_way, is_our_own, text_of

MAX_ANSWER_BYTES: Final = 1024 * 1024
KEPT_BYTES: Final = 4096
QUIET_S: Final = 0.5
"""An answer that looks whole is taken as whole when nothing follows for so long."""
_SCRATCH_BYTES: Final = 64 * 1024
_HEAD_BYTES: Final = 4
_LEAST_FRAME: Final = 2


def scratch() -> memoryview:
    """Where bytes arrive; each exchange takes its own out at once, so that a loop needs one."""
    return memoryview(bytearray(_SCRATCH_BYTES))


class Exchange(asyncio.BufferedProtocol):
    """Sends a question and collects what comes.

    An answer ends with its connection; or with a NUL behind a whole JSON value; or, where a miner
    keeps the connection, when it looks whole and nothing follows for half a second. Looks whole:
    as many brackets closed as opened, or a NUL at the end. A NUL within stays where it is.

    Args:
        loop: the running one.
        question: sent at once, as soon as the connection is there.
        max_bytes: of the answer; reading stops beyond.
        scratch: from ``scratch``; shared by the exchanges of one loop.
    """

    __slots__ = (
        "_body",
        "_depth",
        "_late",
        "_loop",
        "_max_bytes",
        "_opened",
        "_question",
        "_quiet",
        "_scratch",
        "_transport",
        "done",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        question: bytes,
        *,
        until_s: float,
        max_bytes: int,
        scratch: memoryview,
    ) -> None:
        self.done: asyncio.Future[bytes] = loop.create_future()
        self._loop = loop
        self._question = question
        self._max_bytes = max_bytes
        self._scratch = scratch
        self._body = bytearray()
        self._opened, self._depth = False, 0
        self._transport: asyncio.Transport | None = None
        self._quiet: asyncio.TimerHandle | None = None
        self._late = loop.call_at(until_s, self._time_is_up)

    def close(self) -> None:
        """Hang up, whatever is under way, and let go of what was heard."""
        self._body = bytearray()
        self._late.cancel()
        if self._quiet is not None:
            self._quiet.cancel()
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.BaseProtocol``."""
        self._transport = cast("asyncio.Transport", transport)
        if self.done.done():
            self.close()
            return
        self._transport.write(self._question)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - a hint
        """See ``asyncio.BufferedProtocol``."""
        return self._scratch

    def buffer_updated(self, nbytes: int) -> None:
        """See ``asyncio.BufferedProtocol``."""
        if self.done.done():
            return
        body, before = self._body, len(self._body)
        body += self._scratch[:nbytes]
        if len(body) > self._max_bytes:
            self._fail(CgminerTooLargeError(f"answer over {self._max_bytes} bytes", self._start()))
            return
        self._look(body, before)

    def eof_received(self) -> None:
        """See ``asyncio.BaseProtocol``: it has said all, even where it goes on listening."""
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        """See ``asyncio.BaseProtocol``."""
        self._transport = None
        if self.done.done():
            return
        if exc is None or self._looks_whole():
            self._end()
        elif isinstance(exc, OSError):
            self._fail(error_of(exc))
        else:
            self._fail(CgminerResetError(type(exc).__name__))

    def _look(self, body: bytearray, before: int) -> None:
        """Is the answer whole with these bytes?"""
        opened = body.count(b"{", before) + body.count(b"[", before)
        self._opened = self._opened or opened > 0
        self._depth += opened - body.count(b"}", before) - body.count(b"]", before)
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None
        if not self._looks_whole():
            return
        if body[-1] == 0 and self._opened and self._depth == 0:
            self._end()
        else:
            self._quiet = self._loop.call_later(QUIET_S, self._end)

    def _looks_whole(self) -> bool:
        """Could this be all? Brackets within strings count as well, so it is a guess."""
        return bool(self._body) and (self._body[-1] == 0 or (self._opened and self._depth <= 0))

    def _end(self) -> None:
        """Nothing more comes."""
        if not self._body.strip(b"\0"):
            self._fail(CgminerEmptyError("hung up without an answer"))
        else:
            self._say(bytes(self._body.rstrip(b"\0")))

    def _say(self, answer: bytes) -> None:
        self.close()
        if not self.done.done():
            self.done.set_result(answer)

    def _fail(self, error: CgminerError) -> None:
        self.close()
        if not self.done.done():
            self.done.set_exception(error)

    def _start(self) -> bytes:
        return bytes(self._body[:KEPT_BYTES])

    def _time_is_up(self) -> None:
        if self._looks_whole():
            self._end()
            return
        if self._transport is None or self._transport.get_write_buffer_size() > 0:
            heard = "no connection"
        else:
            heard = f"{len(self._body)} bytes came"
        self._fail(CgminerTimeoutError(f"no whole answer in time ({heard})"))


class FramedExchange(Exchange):
    """The same where each side's JSON stands behind its length (Whatsminer v3)."""

    __slots__ = ()

    def _look(self, body: bytearray, before: int) -> None:  # noqa: ARG002 - the frame's end counts
        if len(body) < _HEAD_BYTES:
            return
        length = int.from_bytes(body[:_HEAD_BYTES], "little")
        if length > self._max_bytes - _HEAD_BYTES:
            self._fail(CgminerTooLargeError(f"announces {length} bytes", self._start()))
        elif length < _LEAST_FRAME:
            self._fail(CgminerFrameError(f"announces {length} bytes", self._start()))
        elif len(body) >= _HEAD_BYTES + length:
            self._say(bytes(body[_HEAD_BYTES : _HEAD_BYTES + length]))

    def _looks_whole(self) -> bool:
        return False

    def _end(self) -> None:
        if not self._body:
            self._fail(CgminerEmptyError("hung up without an answer"))
        else:
            self._fail(CgminerCutError(f"hung up after {len(self._body)} bytes of a frame"))


def error_of(exc: OSError) -> CgminerError:
    """What the system's error says about a miner."""
    if is_our_own(exc):
        return CgminerOwnFaultError(text_of(exc))
    if isinstance(exc, ConnectionRefusedError):
        return CgminerRefusedError(text_of(exc))
    if is_no_way(exc):
        return CgminerUnreachableError(text_of(exc))
    if isinstance(exc, TimeoutError):  # ETIMEDOUT: the system's own patience
        return CgminerTimeoutError(text_of(exc))
    return CgminerResetError(text_of(exc))
