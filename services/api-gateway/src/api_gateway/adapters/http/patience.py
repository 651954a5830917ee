"""How much and how long we hear a client whose request is not whole, and one that takes no answer.

Uvicorn has no limit for either: a head without end would fill memory, and heads that never come,
or answers that are never read, would hold all descriptors. The body that follows, routes bound;
what stands around a body's chunks or behind them is bounded here, for no route sees it.
"""

import asyncio
import logging
import struct
from contextlib import suppress
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

try:
    from fcntl import ioctl
    from termios import TIOCOUTQ
except ImportError:  # a platform that counts otherwise: what is in our own buffer must do
    ioctl = None  # type: ignore[assignment]

MOST_HEAD_BYTES: Final = 64 * 1024
_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
_log: Final = logging.getLogger("uvicorn.error.http")
_log.setLevel(logging.ERROR)  # uvicorn would log whatever a stranger sends that is no HTTP


class Patience(HttpToolsProtocol):
    """Uvicorn's connection, with an end to waiting."""

    head_s: ClassVar[float] = 20.0
    """For a request's head, and for what is left of a body once it has been answered."""
    unread_s: ClassVar[float] = 30.0
    """An answer of which nothing is taken for so long is given up."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log
        self._around_bytes = 0
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client is there: from now on it owes us a head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone: nothing is waited for."""
        self._stop_waiting()
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Hear it, and count what is no body; the data in which that began are not counted."""
        self._around_bytes += len(data)
        super().data_received(data)
        if self._around_bytes > MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()
        if self.transport.is_closing():
            self._look_anew()

    def on_message_begin(self) -> None:
        """A head begins."""
        self._around_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """It is whole."""
        self._around_bytes = 0
        self._stop_waiting()
        if not self.flow.write_paused:
            self._stop_looking()  # its answer comes behind what is left of the one before
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Some of a body."""
        self._around_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """An answer has been given; where none is left to give, the next head is owed."""
        super().on_response_complete()
        if not self.cycle.response_complete:
            return
        self._look_anew()
        if not self.transport.is_closing():
            self._await_head()

    def pause_writing(self) -> None:
        """The client takes less than it asked for."""
        super().pause_writing()
        self._look_anew()

    def resume_writing(self) -> None:
        """It has caught up."""
        super().resume_writing()
        if self.cycle is None or self.cycle.response_complete:
            self._look_anew()
        else:
            self._stop_looking()

    def _await_head(self) -> None:
        self._stop_waiting()
        self._late = self.loop.call_later(self.head_s, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _look_anew(self) -> None:
        """Whatever waits to be taken, and nothing is added to it: is it taken?

        A closed connection waits for that, too, and for ever.
        """
        self._stop_looking()
        if self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(self.unread_s, self._look, self._untaken())

    def _stop_looking(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _look(self, before: int) -> None:
        """Has it taken anything since?"""
        if self._untaken() >= before:
            self.transport.abort()
        else:
            self._look_anew()

    def _untaken(self) -> int:
        """Bytes that the client has not acknowledged.

        Of the system's buffer, too: it takes no more of ours before a third of it is free, for
        which a slow line needs minutes.
        """
        queued = bytes(4)
        if ioctl is not None:
            with suppress(OSError, ValueError):  # it has just gone
                queued = ioctl(self.transport.get_extra_info("socket").fileno(), TIOCOUTQ, queued)
        return self.transport.get_write_buffer_size() + int(struct.unpack("i", queued)[0])
