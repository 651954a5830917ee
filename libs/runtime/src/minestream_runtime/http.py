"""Asks many small devices over HTTP; whatever one does becomes a value, never an exception."""

import asyncio
import errno
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from minestream_runtime.clock import Clock

MAX_BODY_BYTES: Final = 1024 * 1024
CONNECT_S: Final = 3.0
PER_HOST: Final = 2
KEPT_OF_GARBAGE_BYTES: Final = 4096
_RETRY_PAUSE_S: Final = (0.1, 0.5)
_KEEPALIVE_S: Final = 5.0
_CHUNK_BYTES: Final = 64 * 1024
_OUR_OWN: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_NO_ROUTE: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.EHOSTUNREACH,
        errno.ENETUNREACH,
        errno.EHOSTDOWN,
        errno.ENETDOWN,
        errno.EADDRNOTAVAIL,
        errno.EINVAL,
        errno.EACCES,
        errno.EPERM,
    }
)


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
        reply_id: the ``X-Reply-Id`` header.
        error: what went wrong, for people; names no path and no query.
    """

    fault: Fault | None
    latency_ms: float
    http_status: int | None = None
    body: bytes = b""
    server_at: datetime | None = None
    reply_id: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """One request.

    Args:
        url: absolute.
        method: GET or POST.
        body: sent as JSON; None: without.
        bearer: token for the ``Authorization`` header.
    """

    url: str
    method: str = "GET"
    body: bytes | None = None
    bearer: str | None = None


def device_session() -> aiohttp.ClientSession:
    """The one session a collector shares: two connections per host, no cookies, no decoding.

    Connections are kept for 5 s: long enough for the requests of one poll, too short to hold one
    per device of a large fleet.
    """
    connector = aiohttp.TCPConnector(
        limit=0, limit_per_host=PER_HOST, keepalive_timeout=_KEEPALIVE_S, ttl_dns_cache=300
    )
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
        trust_env=False,
    )


async def fetch(
    session: aiohttp.ClientSession,
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
        # around everything: a read timeout starts anew at every chunk, so dripping never trips it
        async with asyncio.timeout(deadline_s), _request(session, question) as response:
            body, whole = await _read(response, max_bytes)
            if not whole:
                response.close()
            return Reply(
                fault=None if whole else Fault.TOO_LARGE,
                latency_ms=(clock.monotonic() - began_s) * 1000,
                http_status=response.status if 100 <= response.status <= 599 else None,  # noqa: PLR2004 - HTTP's range
                body=body if whole else body[:KEPT_OF_GARBAGE_BYTES],
                server_at=_instant(response.headers.get("Date")),
                reply_id=(response.headers.get("X-Reply-Id") or "")[:64] or None,
                error=None if whole else f"body over {max_bytes} bytes",
            )
    except TimeoutError:
        late_s = clock.monotonic() - began_s
        return reply(Fault.TIMEOUT, f"no whole answer within {late_s:.1f} s")
    except OSError as exc:  # aiohttp's connection errors are both; their errno tells more
        return reply(_fault_of(exc), _text(exc))
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError) as exc:
        return reply(Fault.TIMEOUT, f"connection ended early ({type(exc).__name__})")
    except aiohttp.InvalidURL:
        return reply(Fault.REFUSED, "no such address")
    except (aiohttp.ClientError, HttpProcessingError, ValueError) as exc:
        return reply(Fault.GARBAGE, f"does not speak HTTP ({type(exc).__name__})")


async def fetch_with_retry(
    ask: Callable[[], Awaitable[Reply]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Reply:
    """Ask; when the answer timed out, ask once more after 0.1 to 0.5 s.

    The deadline counts for each try, so a poll's total is at most twice the deadline and half a
    second. Only a timeout is tried again: who refuses is offline, who answers garbage has
    answered.

    Args:
        ask: one try.
        sleep: waits so many seconds.
    """
    reply = await ask()
    if reply.fault is not Fault.TIMEOUT:
        return reply
    await sleep(random.uniform(*_RETRY_PAUSE_S))  # noqa: S311 - spreads load, guards nothing
    return await ask()


def _request(
    session: aiohttp.ClientSession, question: Question
) -> aiohttp.client._RequestContextManager:
    headers = {}
    if question.bearer is not None:
        headers["Authorization"] = f"Bearer {question.bearer}"
    if question.body is not None:
        headers["Content-Type"] = "application/json"
    return session.request(
        question.method,
        question.url,
        data=question.body,
        headers=headers,
        allow_redirects=False,
    )


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            return bytes(body), False
    return bytes(body), True


def _fault_of(exc: OSError) -> Fault:
    if isinstance(exc, aiohttp.ClientConnectorDNSError | aiohttp.ClientSSLError):
        return Fault.REFUSED
    if exc.errno in _OUR_OWN:
        return Fault.OURS
    if exc.errno in _NO_ROUTE:
        return Fault.REFUSED
    return Fault.TIMEOUT


def _text(exc: OSError) -> str:
    if isinstance(exc, aiohttp.ClientConnectorDNSError):
        return "no such host"
    if exc.errno is not None and exc.errno in errno.errorcode:
        return f"{errno.errorcode[exc.errno]}: {_reason(exc.errno)}"
    return type(exc).__name__


def _reason(number: int) -> str:
    known = {
        errno.ECONNREFUSED: "connection refused",
        errno.EHOSTUNREACH: "no route to host",
        errno.ENETUNREACH: "network unreachable",
        errno.ECONNRESET: "connection reset",
    }
    return known.get(number, "connection failed")


@lru_cache(maxsize=256)  # a fleet answers with the same few dates each second
def _instant(date: str | None) -> datetime | None:
    if date is None:
        return None
    with suppress(ValueError, TypeError, IndexError, OverflowError):
        at = parsedate_to_datetime(date)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return None
