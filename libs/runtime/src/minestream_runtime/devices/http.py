"""Asks many small devices over HTTP; whatever one does becomes a value, never an exception."""

import re
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

from aiohttp.http_exceptions import HttpProcessingError

from minestream_runtime.clock import Clock
from minestream_runtime.devices.addresses import AddressInvalidError
from minestream_runtime.devices.connect_errors import is_no_way, is_our_own, text_of
from minestream_runtime.devices.connection import ConnectionEndedError
from minestream_runtime.devices.connections import AddressForbiddenError, Devices
from minestream_runtime.devices.digest import Login

MAX_BODY_BYTES: Final = 1024 * 1024
CONNECT_S: Final = 3.0
PER_HOST: Final = 2
KEPT_OF_GARBAGE_BYTES: Final = 4096
_KEEPALIVE_S: Final = 2.0
_ALWAYS: Final = (
    "Accept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: minestream\r\n"
)
_ASKS_WHO: Final = 401
_PLAIN: Final = re.compile(r"[!-~]+")


class Fault(StrEnum):
    """Why there is no whole answer."""

    TIMEOUT = "timeout"
    """Silent, dripping past the deadline, or reset."""
    REFUSED = "refused"
    """Nobody listens there, or there is no way there."""
    GARBAGE = "garbage"
    """It does not speak HTTP."""
    TOO_LARGE = "too_large"
    """Its body passed the limit; reading stopped there."""
    OURS = "ours"
    """This machine is out of descriptors or memory: says nothing about the device."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Args:
        fault: None when a whole answer came, whatever its status.
        latency_ms: from the call to the last byte, the try that counts only.
        http_status: None when none came.
        body: as it came, undecoded; of a body that is too large the first 4 KiB.
        server_at: the ``Date`` header.
        reply_id: the ``X-Reply-Id`` header, where it is plain text.
        error: what went wrong, for people; names no path and no query.
        challenges: of a 401, its ``WWW-Authenticate`` headers.
    """

    fault: Fault | None
    latency_ms: float
    http_status: int | None = None
    body: bytes = b""
    server_at: datetime | None = None
    reply_id: str | None = None
    error: str | None = None
    challenges: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Args:
        url: absolute.
        method: GET or POST.
        body: sent as JSON; None: without.
        authorization: that header.
    """

    url: str
    method: str = "GET"
    body: bytes | None = field(default=None, repr=False)
    authorization: str | None = field(default=None, repr=False)


def device_session(*, allowed: Callable[[str], bool] | None = None) -> Devices:
    """The connections that a collector shares: two per device.

    They are kept for 2 s: long enough for the requests of one poll, too short to hold one per
    device of a large fleet.

    Args:
        allowed: may this numeric address be asked? None: every one.
    """
    return Devices(per_host=PER_HOST, keep_s=_KEEPALIVE_S, connect_s=CONNECT_S, allowed=allowed)


async def fetch(
    session: Devices,
    question: Question,
    clock: Clock,
    *,
    deadline_s: float,
    max_bytes: int = MAX_BODY_BYTES,
) -> Reply:
    """Ask once.

    Args:
        session: from ``device_session``.
        question: what to ask.
        clock: measures the answer.
        deadline_s: seconds for everything: connect (3 s at most), headers, the whole body.
        max_bytes: reading stops beyond.

    Returns:
        the answer, or the fault; never raises for anything that a device or network does.
    """
    began_s = clock.monotonic()

    def reply(fault: Fault, error: str) -> Reply:
        return Reply(fault, (clock.monotonic() - began_s) * 1000, error=error)

    try:
        where, request = _request(question)
        said = await session.ask(
            where,
            request,
            deadline_s=deadline_s,
            max_bytes=max_bytes,
            again=question.method == "GET",
        )
    except TimeoutError:
        late_s = clock.monotonic() - began_s
        return reply(Fault.TIMEOUT, f"no whole answer within {late_s:.1f} s")
    except (OSError, ConnectionEndedError, HttpProcessingError, ValueError) as exc:
        return reply(*_said_of(exc))
    return Reply(
        None if said.whole else Fault.TOO_LARGE,
        (clock.monotonic() - began_s) * 1000,
        said.status if 100 <= said.status <= 599 else None,  # noqa: PLR2004 - HTTP's range
        said.body if said.whole else said.body[:KEPT_OF_GARBAGE_BYTES],
        _instant(said.headers.get("Date")),
        _number(said.headers.get("X-Reply-Id")),
        None if said.whole else f"body over {max_bytes} bytes",
        tuple(said.headers.getall("WWW-Authenticate", ())) if said.status == _ASKS_WHO else (),
    )


async def fetch_logged_in(
    session: Devices,
    question: Question,
    clock: Clock,
    login: Login,
    *,
    deadline_s: float,
) -> Reply:
    """Ask with credentials; a second time where the device sends a new challenge.

    Args:
        session: from ``device_session``.
        question: what to ask, without authorization.
        clock: measures the answer.
        login: credentials, and what the device has wanted so far.
        deadline_s: seconds for everything, both round trips.

    Returns:
        the answer, its latency that of both; never raises for anything that a device does.
    """
    until_s = clock.monotonic() + deadline_s
    began_s = until_s - deadline_s
    uri = "/" + question.url.partition("://")[2].partition("/")[2]
    asked = replace(question, authorization=login.authorization(question.method, uri))
    reply = await fetch(session, asked, clock, deadline_s=deadline_s)
    if reply.http_status != _ASKS_WHO or not login.challenged(reply.challenges):
        return reply
    left_s = until_s - clock.monotonic()
    asked = replace(question, authorization=login.authorization(question.method, uri))
    reply = await fetch(session, asked, clock, deadline_s=max(left_s, 0.0))
    if reply.http_status == _ASKS_WHO:
        login.challenged(reply.challenges)
    return replace(reply, latency_ms=(clock.monotonic() - began_s) * 1000)


def _request(question: Question) -> tuple[str, bytes]:
    """Where a question goes, and its bytes.

    Raises:
        AddressInvalidError: its address has characters that no address has.
    """
    scheme, _, rest = question.url.partition("://")
    where, _, path = rest.partition("/")
    if scheme != "http" or not _PLAIN.fullmatch(rest):
        raise AddressInvalidError("no http://host:port/path")
    head = f"{question.method} /{path} HTTP/1.1\r\nHost: {where}\r\n{_ALWAYS}"
    if question.authorization is not None:
        head += f"Authorization: {question.authorization}\r\n"
    if question.body is None:
        return where, f"{head}\r\n".encode(errors="surrogateescape")
    head += f"Content-Type: application/json\r\nContent-Length: {len(question.body)}\r\n\r\n"
    return where, head.encode() + question.body


def _said_of(exc: Exception) -> tuple[Fault, str]:
    """What an error says about a device, and that for people."""
    match exc:
        case socket.gaierror():
            return Fault.REFUSED, "no such host"
        case OSError():
            return _fault_of(exc), text_of(exc)
        case ConnectionEndedError():
            return Fault.TIMEOUT, str(exc)
        case AddressForbiddenError():
            return Fault.REFUSED, str(exc)
        case AddressInvalidError():
            return Fault.REFUSED, "no such address"
        case _:
            return Fault.GARBAGE, f"does not speak HTTP ({type(exc).__name__})"


def _fault_of(exc: OSError) -> Fault:
    if is_our_own(exc):
        return Fault.OURS
    if is_no_way(exc):
        return Fault.REFUSED
    return Fault.TIMEOUT


def _number(told: str | None) -> str | None:
    return told[:64] if told and _PLAIN.fullmatch(told) else None


@lru_cache(maxsize=256)  # a fleet answers with the same few dates each second
def _instant(date: str | None) -> datetime | None:
    if date is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        at = parsedate_to_datetime(date)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return None
