"""Speaks Vnish's HTTP API: one endpoint in, its body as the contract has it out."""

import base64
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from collector_vnish.domain import masking
from collector_vnish.domain.endpoints import Endpoint
from collector_vnish.domain.polls import firmware_of, shape_fault
from minestream_dialects.bodies import decode
from minestream_runtime.clock import Clock
from minestream_runtime.devices import Devices
from minestream_runtime.http import (
    KEPT_OF_GARBAGE_BYTES,
    Fault,
    Question,
    Reply,
    fetch,
    fetch_with_retry,
)
from minestream_schemas.raw import EndpointBody, PollStatus

_OK: Final = 200
_REFUSES: Final = frozenset({401, 403})
_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_STATUS_OF: Final = {
    Fault.TIMEOUT: PollStatus.TIMEOUT,
    Fault.REFUSED: PollStatus.REFUSED,
    Fault.GARBAGE: PollStatus.GARBAGE,
    Fault.TOO_LARGE: PollStatus.GARBAGE,
}


class OwnFaultError(Exception):
    """This machine could not ask (no descriptors, no memory): nothing is known of the miner."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One endpoint's answer.

    Args:
        body: as it goes into the event.
        firmware: the version, from ``info``.
    """

    body: EndpointBody
    firmware: str | None = None


class VnishClient:
    """Asks miners.

    Args:
        session: from ``minestream_runtime.http.device_session``.
        clock: instants of answers.
        deadline_s: for one whole answer.
    """

    def __init__(self, session: Devices, clock: Clock, *, deadline_s: float) -> None:
        self._session = session
        self._clock = clock
        self.deadline_s = deadline_s

    async def ask(
        self,
        address: str,
        endpoint: Endpoint,
        *,
        deadline_s: float | None = None,
        retry: bool = False,
    ) -> Answer:
        """Read an endpoint that needs no credentials.

        Args:
            address: host:port.
            endpoint: which.
            deadline_s: less than the client's own, where time is short.
            retry: after a timeout ask once more.

        Raises:
            OwnFaultError: this machine could not ask.
        """
        question = Question(_url(address, endpoint))
        limit_s = min(self.deadline_s, deadline_s or self.deadline_s)

        async def once() -> Reply:
            return await fetch(self._session, question, self._clock, deadline_s=limit_s)

        reply = await (fetch_with_retry(once) if retry else once())
        return self._answer(endpoint, reply)

    async def ask_settings(
        self, address: str, password: str, token: str | None, *, deadline_s: float | None = None
    ) -> tuple[Answer, str | None]:
        """Read ``settings``, unlocking first where we hold no token or it has ended.

        Args:
            address: host:port.
            password: of the miner's web page.
            token: from an earlier unlock.
            deadline_s: for each request; less than the client's own, where time is short.

        Returns:
            the answer, its secrets masked, and the token to use next time.

        Raises:
            OwnFaultError: this machine could not ask.
        """
        limit_s = min(self.deadline_s, deadline_s or self.deadline_s)
        if token is not None:
            answer = await self._with_token(address, token, limit_s)
            if answer.body.status is not PollStatus.UNAUTHORISED:
                return answer, token
        reply = await fetch(
            self._session,
            Question(_url(address, "unlock"), "POST", msgspec.json.encode({"pw": password})),
            self._clock,
            deadline_s=limit_s,
        )
        token = _token(reply)
        if token is None:
            return Answer(self._unlock_fault(reply)), None
        return await self._with_token(address, token, limit_s), token

    async def _with_token(self, address: str, token: str, deadline_s: float) -> Answer:
        question = Question(_url(address, Endpoint.SETTINGS), bearer=token)
        reply = await fetch(self._session, question, self._clock, deadline_s=deadline_s)
        return self._answer(Endpoint.SETTINGS, reply)

    def _unlock_fault(self, reply: Reply) -> EndpointBody:
        """Why there is no token; whatever ``unlock`` answered stays with us."""
        if reply.fault is None and reply.http_status == _OK:
            return self._body(reply, PollStatus.GARBAGE, error="unlock: no token in the answer")
        status, error = self._status(reply)
        return self._body(reply, status, error=f"unlock: {error}")

    def _answer(self, endpoint: Endpoint, reply: Reply) -> Answer:
        status, error = self._status(reply)
        if status is not PollStatus.OK:
            kept = reply.body if endpoint is not Endpoint.SETTINGS else b""
            return Answer(self._body(reply, status, kept=_start(kept), error=error))
        body = self._body(reply, PollStatus.OK, kept=reply.body)
        content, fault = _content(endpoint, body, reply.body)
        fault = fault or shape_fault(endpoint, content)
        if endpoint is Endpoint.SETTINGS:
            masked = b"" if fault else msgspec.json.encode(masking.mask(content))
            body = self._body(reply, PollStatus.OK, kept=masked)
        if fault is not None:
            kept = b"" if endpoint is Endpoint.SETTINGS else _start(reply.body)
            return Answer(self._body(reply, PollStatus.GARBAGE, kept=kept, error=fault))
        return Answer(body, firmware_of(content) if endpoint is Endpoint.INFO else None)

    def _status(self, reply: Reply) -> tuple[PollStatus, str | None]:
        if reply.fault is Fault.OURS:
            raise OwnFaultError(reply.error)
        if reply.fault is not None:
            return _STATUS_OF[reply.fault], reply.error
        if reply.http_status in _REFUSES:
            return PollStatus.UNAUTHORISED, f"HTTP {reply.http_status}"
        if reply.http_status != _OK:
            return PollStatus.ERROR, f"HTTP {reply.http_status}"
        return PollStatus.OK, None

    def _body(
        self, reply: Reply, status: PollStatus, *, kept: bytes = b"", error: str | None = None
    ) -> EndpointBody:
        text, encoding = _text(kept)
        return EndpointBody(
            status=status,
            fetched_at=self._clock.now(),
            latency_ms=reply.latency_ms,
            http_status=reply.http_status,
            encoding=encoding,
            body=text,
            server_at=reply.server_at,
            reply_id=reply.reply_id,
            error=error,
        )


def _url(address: str, path: str) -> str:
    return f"http://{address}/api/v1/{path}"


def _content(endpoint: Endpoint, body: EndpointBody, raw: bytes) -> tuple[object, str | None]:
    """The JSON of a body, mended where that is needed, or why there is none.

    Of a ``summary``, which every poll brings, all is checked but only the top is built.
    """
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        if endpoint is Endpoint.SUMMARY and body.encoding == "text":
            return _TOP.decode(raw), None
        return msgspec.json.decode(raw), None
    mended = decode(body)
    return mended.value, mended.problem


def _token(reply: Reply) -> str | None:
    if reply.fault is not None or reply.http_status != _OK:
        return None
    try:
        token = msgspec.json.decode(reply.body, type=dict[str, object]).get("token")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else None


def _start(body: bytes) -> bytes:
    """The first 4 KiB, not ending within a character."""
    if len(body) <= KEPT_OF_GARBAGE_BYTES:
        return body
    end = KEPT_OF_GARBAGE_BYTES
    while end > KEPT_OF_GARBAGE_BYTES - 3 and body[end] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8
        end -= 1
    return body[:end]


def _text(body: bytes) -> tuple[str | None, Literal["text", "base64"]]:
    if not body:
        return None, "text"
    try:
        return body.decode(), "text"
    except UnicodeDecodeError:
        return base64.b64encode(body).decode(), "base64"
