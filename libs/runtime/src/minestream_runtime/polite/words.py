"""What an answer of a web service means, and what its failure does: pure, and quotes nothing."""

import errno
import json
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import quote, quote_plus

import httpx
import msgspec
from pydantic import SecretStr

from minestream_schemas.raw import PollStatus

Values = Mapping[str, str | SecretStr]

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_REFUSED: Final = frozenset({401, 403})


class Said(NamedTuple):
    """What came over the wire.

    Args:
        status: of HTTP.
        headers: of HTTP.
        body: up to the size limit.
        whole: was that all of it?
    """

    status: int
    headers: httpx.Headers
    body: bytes
    whole: bool


def judged(said: Said, max_bytes: int) -> tuple[PollStatus, str | None]:
    """What an answer is, and for people why it is not what was wanted."""
    if said.status in _REFUSED:
        return PollStatus.UNAUTHORISED, _reason(said.status)
    if said.status in REDIRECTS:
        return PollStatus.ERROR, f"{_reason(said.status)}, to elsewhere: not followed"
    if not HTTPStatus.OK <= said.status < HTTPStatus.MULTIPLE_CHOICES:
        return PollStatus.ERROR, _reason(said.status)
    if not said.whole:
        return PollStatus.GARBAGE, f"body over {max_bytes} bytes"
    if said.headers.get("Content-Encoding", "identity").lower() != "identity":
        return PollStatus.GARBAGE, "packed, although asked for plain"
    return (PollStatus.OK, None) if _is_json(said.body) else (PollStatus.GARBAGE, "no JSON")


def _reason(status: int) -> str:
    with suppress(ValueError):
        return f"{status} {HTTPStatus(status).phrase}"
    return f"HTTP status {status}"


def _is_json(body: bytes) -> bool:
    with suppress(ValueError, RecursionError):
        msgspec.json.decode(body)
        return True
    with suppress(ValueError, RecursionError):  # it takes NaN, which costs its own field alone
        json.loads(body.decode())
        return True
    return False


def of_failure(exc: Exception) -> tuple[PollStatus, str]:
    """What an error of the HTTP client means; its own text may quote what was sent."""
    why = _why(exc)
    if isinstance(exc, httpx.ConnectError):
        return PollStatus.REFUSED, f"no connection ({why})"
    if isinstance(exc, (httpx.NetworkError, httpx.RemoteProtocolError, OSError)):
        return PollStatus.TIMEOUT, f"the connection broke ({why})"
    return PollStatus.ERROR, f"cannot be asked ({why})"


def _why(exc: Exception) -> str:
    """The system's word for it; the numbers of TLS and of names are none of the system's."""
    cause = _system_error(exc)
    if cause is None:
        return type(exc).__name__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"TLS: its certificate is not trusted, {cause.verify_message}"
    if isinstance(cause, ssl.SSLError):
        return f"TLS: {cause.reason or type(cause).__name__}"
    if isinstance(cause, socket.gaierror):
        return "no address is known for its name"
    return errno.errorcode.get(cause.errno or 0, str(cause.errno))


def _system_error(exc: BaseException | None) -> OSError | None:
    """The system's error among the causes of an error."""
    for _ in range(10):
        if exc is None:
            break
        if isinstance(exc, OSError) and exc.errno:
            return exc
        exc = exc.__cause__ or exc.__context__
    return None


def instant(date: str | None) -> datetime | None:
    """Read a date as HTTP writes it; None where it is none."""
    if date is not None:
        with suppress(ValueError, TypeError, IndexError, OverflowError):
            at = parsedate_to_datetime(date)
            return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return None


def retry_after_s(said: str | None, at: datetime) -> float | None:
    """How long ``Retry-After`` asks us to wait, s, seen from the source's own clock."""
    said = (said or "").strip()
    if said.isascii() and said.isdigit():
        return float(said[:9])
    until = instant(said)
    return None if until is None else max((until - at).total_seconds(), 0.0)


def plain(values: Values) -> dict[str, str]:
    """The values as they are sent."""
    return {
        name: value.get_secret_value() if isinstance(value, SecretStr) else value
        for name, value in values.items()
    }


def spellings(values: tuple[str | SecretStr, ...]) -> Iterator[bytes]:
    """Each secret as it may come back to us: plain, and as an address spells it."""
    for value in values:
        if isinstance(value, SecretStr) and (secret := value.get_secret_value()):
            yield from {text.encode() for text in (secret, quote(secret, ""), quote_plus(secret))}


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Who answers at an address."""
    return url.scheme, url.host, url.port
