"""The inbox takes what is signed, counts what comes twice, and can be down."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from minestream_emulators.inbox.messages import Message, Messages
from minestream_emulators.inbox.site import SECRET, Inbox
from minestream_emulators.troubles import Trouble, Troubles

Client = TestClient[web.Request, web.Application]


@pytest.fixture
def troubles() -> Troubles:
    return Troubles(lambda: 0.0)


@pytest.fixture
async def client(troubles: Troubles) -> AsyncIterator[Client]:
    server = TestServer(Inbox(troubles, "127.0.0.1", 0).application())
    async with TestClient(server) as client:
        yield client


def _body(text: str = "hot") -> bytes:
    return json.dumps({"title": "[CRITICAL]", "text": text, "alert": {"number": 1}}).encode()


async def _hook(
    client: Client,
    body: bytes,
    *,
    key: str | None = "k1",
    late_s: float = 0,
    secret: str = SECRET,
) -> int:
    stamp = str(int(datetime.now(UTC).timestamp() - late_s))
    signed = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    headers = {
        "X-Minestream-Timestamp": stamp,
        "X-Minestream-Signature": f"v1={signed.hexdigest()}",
    } | ({"Idempotency-Key": key} if key else {})
    async with client.post("/hook", data=body, headers=headers) as answer:
        return answer.status


async def _messages(client: Client) -> dict[str, Any]:
    async with client.get("/messages") as answer:
        said: dict[str, Any] = await answer.json()
        return said


async def test_what_comes_twice_is_kept_once_and_counted(client: Client) -> None:
    assert await _hook(client, _body()) == 202
    assert await _hook(client, _body()) == 200
    assert await _hook(client, _body("other"), key="k2") == 202
    said = await _messages(client)
    assert said["doubles"] == 1
    assert [(each["key"], each["times"]) for each in said["messages"]] == [("k1", 2), ("k2", 1)]
    async with client.delete("/messages") as answer:
        assert await answer.json() == {"forgotten": 2}


async def test_what_is_not_signed_by_us_and_just_now_is_refused(client: Client) -> None:
    assert await _hook(client, _body(), secret="wrong") == 401  # noqa: S106 - a test's
    assert await _hook(client, _body(), late_s=900) == 401
    async with client.post("/hook", data=_body()) as answer:
        assert answer.status == 401
    assert (await _messages(client))["messages"] == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"title": 1}', b"\xff"])
async def test_what_is_no_alert_is_refused(client: Client, body: bytes) -> None:
    assert await _hook(client, body) == 400


async def test_a_message_without_a_key_is_refused(client: Client) -> None:
    assert await _hook(client, _body(), key=None) == 400


async def test_mails_are_shown_beside_web_hooks_and_known_by_their_id(client: Client) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@b.c", "d@e.f", "zu heiß"
    mail["Message-ID"] = "<1@farm>"
    mail.set_content("93 °C\n")
    async with client.get("/where") as answer:
        where = await answer.json()
    for _ in range(2):
        await aiosmtplib.send(mail, hostname=where["host"], port=where["port"])
    (message,) = (await _messages(client))["messages"]
    assert (message["channel"], message["key"], message["times"]) == ("mail", "<1@farm>", 2)
    assert (message["title"], message["text"]) == ("zu heiß", "93 °C\n")


async def test_while_it_is_down_it_takes_nothing(client: Client, troubles: Troubles) -> None:
    troubles.begin(Trouble.INBOX_DOWN, for_s=None)
    assert await _hook(client, _body()) == 503
    async with client.get("/where") as answer:
        where = await answer.json()
    with pytest.raises(aiosmtplib.SMTPResponseException) as caught:
        await aiosmtplib.send(
            EmailMessage(),
            sender="a@b.c",
            recipients=["d@e.f"],
            hostname=where["host"],
            port=where["port"],
        )
    assert caught.value.code == 421
    troubles.heal()
    assert await _hook(client, _body()) == 202


def test_a_copy_that_says_something_else_is_noticed() -> None:
    kept = Messages()
    first, second = (Message("mail", "k", "t", text, datetime.now(UTC)) for text in ("one", "two"))
    assert kept.take(first)
    assert not kept.take(second)
    assert kept.shown()[0].differed
