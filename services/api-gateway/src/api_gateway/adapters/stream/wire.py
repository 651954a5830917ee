"""One websocket's wire: frames go out without a task, and a client that takes nothing is seen."""

import logging
from collections.abc import Callable
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Request

EXTENSION: Final = "minestream.wire"
"""Where an application finds the wire in its scope's extensions."""
GOING_AWAY: Final = 1001
TOO_BIG: Final = 1009
LAST_WORDS_S: Final = 5.0
"""How long after the close frame a client may take to read it."""
_MOST_PIECES: Final = 1000
_PARTING_S: Final = 1.0
"""The same, when the gateway ends."""
_log: Final = logging.getLogger("uvicorn.error.websocket")
_log.setLevel(logging.WARNING)  # uvicorn would log each connection, with its address and query


def frame(text: bytes) -> bytes:
    """A text message as it goes over the wire of any server without extensions."""
    return Frame(Opcode.TEXT, text).serialize(mask=False)


class Wire(WebSocketsSansIOProtocol):
    """Uvicorn's websocket, with what its ASGI side cannot say.

    ASGI has no way to ask whether a client keeps up, to send without waiting for one that does
    not, to hear of pongs, or to let go of a socket whose buffer will never drain.
    """

    when_drained: Callable[[], None] | None = None
    """Called when a client that took nothing takes again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _log
        self.heard_at = self.loop.time()
        """When anything came last, on the loop's clock."""
        self.stalled_at: float | None = None
        """Since when the client takes nothing; None: it keeps up."""
        self.ended_with: int | None = None
        """The code, where the gateway closed."""

    @property
    def is_open(self) -> bool:
        """May anything be sent?"""
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    def push(self, framed: bytes) -> None:
        """Send a frame; what the socket does not take at once waits in its buffer."""
        self.transport.write(framed)

    def ping(self) -> None:
        """Ask for a sign of life."""
        self.conn.send_ping(b"")
        self.transport.write(b"".join(self.conn.data_to_send()))

    def end(self, code: int, reason: str, *, within_s: float) -> None:
        """Close, and let go of the socket whether or not the client answers.

        Args:
            code: why, for programs.
            reason: why, for people; at most 123 bytes.
            within_s: how long the client has to read what was sent, and to answer.
        """
        if not self.is_open:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent, self.ended_with = True, code
        self.read_paused = False
        self._read_or_wait()
        self.close_timer = self.loop.call_later(within_s, self.transport.abort)

    def handle_connect(self, event: Request) -> None:
        """Let the application find this wire."""
        super().handle_connect(event)
        if not self.close_sent:
            self.scope["extensions"][EXTENSION] = self  # type: ignore[assignment] # ours is one more

    def handle_cont(self, event: Frame) -> None:
        """Bound the pieces of a message: those without content count for no limit in bytes."""
        super().handle_cont(event)
        if len(self.frames) > _MOST_PIECES:
            self.frames = []
            self.end(TOO_BIG, f"a message in over {_MOST_PIECES} pieces", within_s=LAST_WORDS_S)

    def data_received(self, data: bytes) -> None:
        """Note that the client lives."""
        self.heard_at = self.loop.time()
        super().data_received(data)
        self._read_or_wait()

    def pause_writing(self) -> None:
        """The socket's buffer is full: hear no more, for each ping is owed a pong."""
        super().pause_writing()
        self.stalled_at = self.loop.time()
        self._read_or_wait()

    def resume_writing(self) -> None:
        """It has room again."""
        super().resume_writing()
        self.stalled_at = None
        self.heard_at = self.loop.time()
        self._read_or_wait()
        if self.when_drained is not None:
            self.when_drained()

    def shutdown(self) -> None:
        """The gateway ends."""
        if self.is_open:
            self.end(GOING_AWAY, "the gateway stops: connect again", within_s=_PARTING_S)
        else:
            super().shutdown()

    def _read_or_wait(self) -> None:
        """Read on, unless there is a message to be dealt with or the client takes nothing."""
        if self.read_paused or self.stalled_at is not None:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
