"""One connection to a device: HTTP/1.1 over TCP, parsed by llhttp, one request at a time."""

import asyncio
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from aiohttp.http import HttpResponseParser, RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDictProxy

if TYPE_CHECKING:
    from aiohttp.streams import StreamReader

_HEAD_BYTES: Final = 64 * 1024
"""Most of an answer's headers, beside its body."""
_LINE_BYTES: Final = 8190
_SWITCHING, _FIRST_FINAL = 101, 200


class ConnectionEndedError(Exception):
    """The device hung up before its answer was whole."""

    def __init__(self) -> None:
        super().__init__("connection ended early")


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


class Connection(asyncio.Protocol):
    """One connection, which carries one request at a time.

    Args:
        loop: the running one.
        connect_by_s: on the loop's clock: until when it must have come about; None: it has.
    """

    __slots__ = (
        "_connect_by_s",
        "_done",
        "_head",
        "_late",
        "_loop",
        "_max_bytes",
        "_parser",
        "_payload",
        "_received",
        "_transport",
        "idle_since_s",
        "reusable",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, connect_by_s: float | None = None) -> None:
        self.reusable = True
        self._connect_by_s = connect_by_s
        self.idle_since_s = 0.0
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._parser: HttpResponseParser | None = None
        self._done: asyncio.Future[Said] | None = None
        self._head: RawResponseMessage | None = None
        self._payload: StreamReader | None = None
        self._received = 0
        self._max_bytes = 0
        self._late: asyncio.TimerHandle

    @property
    def heard(self) -> bool:
        """Has the device said a byte of the latest answer?"""
        return self._received > 0

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
        self._received, self._max_bytes = 0, max_bytes
        if self._transport is None:
            raise ConnectionEndedError
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
        first_s = until_s if self._connect_by_s is None else min(until_s, self._connect_by_s)
        self._late = self._loop.call_at(first_s, self._look_at_clock, until_s)
        try:
            self._transport.write(request)
            return await done
        finally:
            self._late.cancel()
            self._done = self._parser = self._head = self._payload = None
            if not done.done() or done.cancelled() or done.exception() is not None:
                self.close()
            self._connect_by_s = None
            del done  # an error's traceback holds this frame, and would be held by it in turn

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
        self._fail(ConnectionEndedError())

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

    def _look_at_clock(self, until_s: float) -> None:
        """Time is up, or it is time to be connected: then the request has left."""
        self._connect_by_s = None
        waits = self._transport is not None and self._transport.get_write_buffer_size() > 0
        if waits or self._loop.time() >= until_s:
            self._fail(TimeoutError())
        else:
            self._late = self._loop.call_at(until_s, self._look_at_clock, until_s)

    def _fail(self, exc: BaseException) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc)
