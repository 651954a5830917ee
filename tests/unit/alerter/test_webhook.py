"""What a web hook gets, and what its answers mean."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import httpx
import pytest
from pydantic import SecretStr
from tests.unit.alerter.alerts import AT, StandingClock, notification

from alerter.adapters.channel import DeliveryDelayedError, DeliveryRefusedError
from alerter.adapters.webhook import Webhook, seconds_in
from minestream_runtime.errors import MinestreamError

_URL = SecretStr("https://hooks.invalid/T0KEN/path?key=hidden")
_SECRET = SecretStr("hush")


async def _send(
    transport: httpx.AsyncBaseTransport, *, secret: SecretStr | None = _SECRET
) -> str | None:
    async with httpx.AsyncClient(transport=transport) as http:
        hook = Webhook(http, _URL, secret, StandingClock(), timeout_s=0.2)
        return await hook.send(notification())


def _answering(status: int, **headers: str) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _: httpx.Response(status, headers=headers))


async def test_a_message_is_signed_named_and_carries_the_alert() -> None:
    seen: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(202)

    await _send(httpx.MockTransport(take))
    await _send(httpx.MockTransport(take))
    first, second = seen
    assert first.content == second.content, "a repeat is the same to the byte"
    assert first.headers["Idempotency-Key"] == "00000000-0000-0000-0000-000000000003"
    assert first.headers["traceparent"].endswith("-01")
    stamp = first.headers["X-Minestream-Timestamp"]
    assert stamp == str(int(AT.timestamp()))
    signed = hmac.new(b"hush", stamp.encode() + b"." + first.content, hashlib.sha256)
    assert first.headers["X-Minestream-Signature"] == f"v1={signed.hexdigest()}"
    body = json.loads(first.content)
    assert body["title"].startswith("[CRITICAL] site-a-r01-s03: a chip at 93.0 °C")
    assert body["alert"]["severity"] == "critical"
    assert "Limit:    90.0 °C" in body["text"]


async def test_without_a_secret_nothing_is_signed() -> None:
    def take(request: httpx.Request) -> httpx.Response:
        assert "X-Minestream-Signature" not in request.headers
        return httpx.Response(200)

    assert await _send(httpx.MockTransport(take), secret=None) is None


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_tried_again(status: int) -> None:
    with pytest.raises(DeliveryDelayedError, match=str(status)) as caught:
        await _send(_answering(status))
    assert caught.value.after_s is None


@pytest.mark.parametrize("status", [300, 301, 302, 307, 400, 401, 403, 404, 405, 410, 413, 422])
async def test_what_will_not_pass_is_not_tried_again(status: int) -> None:
    with pytest.raises(DeliveryRefusedError, match=str(status)):
        await _send(_answering(status, Location="https://elsewhere.invalid/"))


async def test_the_far_side_is_not_asked_again_before_it_wants_to_be() -> None:
    with pytest.raises(DeliveryDelayedError) as caught:
        await _send(_answering(429, **{"Retry-After": "17"}))
    assert caught.value.after_s == 17


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        ("-5", 0.0),
        ("999999", 3600.0),
        ("Sat, 21 Nov 2026 14:31:17 GMT", 30.0),
        ("Sat, 21 Nov 2020 14:31:17 GMT", 0.0),
        ("soon", None),
        ("9" * 400, None),
        ("", None),
    ],
)
def test_a_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert seconds_in(header, AT) == seconds


class _Dripping(httpx.AsyncByteStream):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(60)


async def test_a_far_side_that_never_answers_is_given_up_in_time() -> None:
    async def hang(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200)

    with pytest.raises(DeliveryDelayedError, match="TimeoutError"):
        await _send(httpx.MockTransport(hang))


async def test_the_body_of_an_answer_is_not_waited_for() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=_Dripping()))
    assert await _send(transport) is None


def _family(parent: type[Exception]) -> set[type[Exception]]:
    return {parent} | {each for child in parent.__subclasses__() for each in _family(child)}


_CAUSES = sorted(_family(httpx.RequestError), key=str)


@pytest.mark.parametrize("cause", [*_CAUSES, httpx.InvalidURL])
async def test_no_httpx_error_escapes_and_none_tells_the_address(cause: type[Exception]) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise cause(f"at {_URL.get_secret_value()}")

    with pytest.raises(MinestreamError) as caught:
        await _send(httpx.MockTransport(fail))
    assert "hooks.invalid" in str(caught.value)
    assert "T0KEN" not in str(caught.value)
    assert "hidden" not in str(caught.value)
