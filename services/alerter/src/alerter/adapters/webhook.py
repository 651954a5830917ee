"""Tells a web hook: JSON, signed, with a key by which the far side knows a double."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx
from pydantic import SecretStr

from alerter.adapters.channel import DeliveryDelayedError, DeliveryRefusedError, Notification
from alerter.domain.wording import headline, text_of
from minestream_runtime.clock import Clock

SIGNATURE: Final = "X-Minestream-Signature"
TIMESTAMP: Final = "X-Minestream-Timestamp"
IDEMPOTENCY: Final = "Idempotency-Key"
_AGAIN: Final = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_EARLY,
    HTTPStatus.TOO_MANY_REQUESTS,
}
_LONGEST_S: Final = 3600.0


class Webhook:
    """One web hook.

    Args:
        http: the service's client.
        url: may hold a token: only its host is ever shown.
        secret: signs; None: unsigned.
        clock: stamps.
        timeout_s: for the whole exchange, a dripping answer too.
    """

    name: Final = "webhook"

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: SecretStr,
        secret: SecretStr | None,
        clock: Clock,
        *,
        timeout_s: float,
    ) -> None:
        self._http = http
        self._url = httpx.URL(url.get_secret_value())
        self._secret = secret
        self._clock = clock
        self._timeout_s = timeout_s
        self.where: Final = self._url.host

    async def send(self, notification: Notification) -> str | None:
        """See ``Channel``. Redirects are not followed: the body would go where nobody meant it."""
        body = body_of(notification)
        stamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "minestream-alerter",
            IDEMPOTENCY: str(notification.notification_id),
            TIMESTAMP: stamp,
        }
        if self._secret is not None:
            headers[SIGNATURE] = signature_of(self._secret, stamp, body)
        if notification.traceparent is not None:
            headers["traceparent"] = notification.traceparent
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._http.stream("POST", self._url, content=body, headers=headers) as answer,
            ):
                status, after = answer.status_code, answer.headers.get("Retry-After")
        except (TimeoutError, httpx.RequestError) as exc:
            raise DeliveryDelayedError(f"{self.where}: {type(exc).__name__}") from exc
        except (httpx.InvalidURL, httpx.StreamError, ValueError) as exc:
            raise DeliveryRefusedError(f"{self.where}: {type(exc).__name__}") from exc
        self._judge(status, after)
        return None

    def _judge(self, status: int, after: str | None) -> None:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        said = f"{self.where} answered {status}"
        if status in _AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise DeliveryDelayedError(said, after_s=seconds_in(after, self._clock.now()))
        if status < HTTPStatus.BAD_REQUEST:
            said += ", and redirects are not followed"
        raise DeliveryRefusedError(said)


@asynccontextmanager
async def http_client(*, timeout_s: float) -> AsyncIterator[httpx.AsyncClient]:
    """The client that web hooks share."""
    async with httpx.AsyncClient(timeout=timeout_s, follow_redirects=False) as http:
        yield http


def body_of(notification: Notification) -> bytes:
    """The JSON that goes out: the same bytes at every try."""
    alert = notification.alert
    return json.dumps(
        {
            "notification_id": str(notification.notification_id),
            "title": headline(alert),
            "text": text_of(alert),
            "alert": json.loads(alert.to_json()),
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def signature_of(secret: SecretStr, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 of ``<timestamp>.<body>``, as ``v1=<hex>``."""
    signed = stamp.encode() + b"." + body
    return f"v1={hmac.new(secret.get_secret_value().encode(), signed, hashlib.sha256).hexdigest()}"


def seconds_in(retry_after: str | None, now: datetime) -> float | None:
    """What a ``Retry-After`` header asks for, s, an hour at the most; None: nothing legible."""
    if retry_after is None:
        return None
    try:
        wait_s = float(int(retry_after))
    except (ValueError, OverflowError):
        try:
            at = parsedate_to_datetime(retry_after)
        except (ValueError, OverflowError):
            return None
        wait_s = ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    return min(max(wait_s, 0.0), _LONGEST_S)
