"""What came back, as the contract has it: text or base64, and what its status is."""

import base64
from datetime import datetime
from typing import Final, Literal

from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.http import KEPT_OF_GARBAGE_BYTES, Fault, Reply
from minestream_schemas.raw import EndpointBody, PollStatus

_OK: Final = 200
_REFUSES: Final = frozenset({401, 403})
_STATUS_OF: Final = {
    Fault.TIMEOUT: PollStatus.TIMEOUT,
    Fault.REFUSED: PollStatus.REFUSED,
    Fault.GARBAGE: PollStatus.GARBAGE,
    Fault.TOO_LARGE: PollStatus.GARBAGE,
}


def status_of(reply: Reply) -> tuple[PollStatus, str | None]:
    """How an answer over HTTP ended, before anybody has looked into it, and why.

    Raises:
        OwnFaultError: this machine could not ask.
    """
    if reply.fault is Fault.OURS:
        raise OwnFaultError(reply.error)
    if reply.fault is not None:
        return _STATUS_OF[reply.fault], reply.error
    if reply.http_status in _REFUSES:
        return PollStatus.UNAUTHORISED, f"HTTP {reply.http_status}"
    if reply.http_status != _OK:
        return PollStatus.ERROR, f"HTTP {reply.http_status}"
    return PollStatus.OK, None


def body_of(
    reply: Reply,
    status: PollStatus,
    at: datetime,
    *,
    kept: bytes = b"",
    error: str | None = None,
) -> EndpointBody:
    """An endpoint's body of an answer over HTTP.

    Args:
        reply: as it came.
        status: what it amounts to.
        at: when it was here.
        kept: as much of the body as others may see.
        error: what is wrong with it, for people.
    """
    text, encoding = text_of(kept)
    return EndpointBody(
        status=status,
        fetched_at=at,
        latency_ms=reply.latency_ms,
        http_status=reply.http_status,
        encoding=encoding,
        body=text,
        server_at=reply.server_at,
        reply_id=reply.reply_id,
        error=error,
    )


def start_of(body: bytes) -> bytes:
    """The first 4 KiB, not ending within a character."""
    if len(body) <= KEPT_OF_GARBAGE_BYTES:
        return body
    end = KEPT_OF_GARBAGE_BYTES
    while end > KEPT_OF_GARBAGE_BYTES - 3 and body[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8
        end -= 1
    return body[:end]


def text_of(body: bytes) -> tuple[str | None, Literal["text", "base64"]]:
    """Bytes as an event carries them: text where they are UTF-8, else base64; None: no bytes."""
    if not body:
        return None, "text"
    try:
        return body.decode(), "text"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
