"""The inbox over HTTP and SMTP.

POST /inbox/hook · GET and DELETE /inbox/messages[?channel=] · GET /inbox/where (of the mail server)
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default as policy
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from aiosmtpd.smtp import SMTP

from minestream_emulators.inbox.messages import Message, Messages
from minestream_emulators.troubles import Trouble, Troubles

if TYPE_CHECKING:
    from email.message import EmailMessage

    from minestream_emulators.outside import Outside

SECRET: Final = "demo-secret"  # noqa: S105 - of the emulated world
"""What signs the web hook's messages; an unsigned one is refused."""
_LATE_S: Final = 300.0
_AWAY: Final = "421 4.3.2 the inbox is down"


class Inbox:
    """The web hook and the mail server of one world."""

    def __init__(self, troubles: Troubles, host: str, smtp_port: int) -> None:
        self._troubles = troubles
        self._host = host
        self._smtp_port = smtp_port
        self._where: tuple[str, int] | None = None
        self._messages = Messages()

    def application(self) -> web.Application:
        """The routes, and the mail server that runs as long as they do."""
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        app.router.add_get("/messages", self._show)
        app.router.add_delete("/messages", self._clear)
        app.router.add_get("/where", self._tell_where)
        app.cleanup_ctx.append(self._mail_server)
        return app

    async def _hook(self, request: web.Request) -> web.Response:
        if Trouble.INBOX_DOWN in self._troubles:
            return _said(HTTPStatus.SERVICE_UNAVAILABLE, "the inbox is down")
        body = await request.read()
        if fault := _distrusted(request, body):
            return _said(HTTPStatus.UNAUTHORIZED, fault)
        key = request.headers.get("Idempotency-Key")
        try:
            said: dict[str, Any] = json.loads(body)
            title, text, alert = str(said["title"]), str(said["text"]), dict(said["alert"])
        except (ValueError, KeyError, TypeError) as exc:
            return _said(HTTPStatus.BAD_REQUEST, f"unreadable: {type(exc).__name__}")
        if not key:
            return _said(HTTPStatus.BAD_REQUEST, "without Idempotency-Key")
        new = self._messages.take(
            Message("webhook", key, title, text, datetime.now(UTC), alert, _kept(request.headers))
        )
        return _said(HTTPStatus.ACCEPTED if new else HTTPStatus.OK, "new" if new else "known")

    async def _show(self, request: web.Request) -> web.Response:
        shown = self._messages.shown(request.query.get("channel"))
        doubles = sum(message.times - 1 for message in shown)
        return web.json_response(
            {"messages": [message.worded() for message in shown], "doubles": doubles}
        )

    async def _clear(self, _: web.Request) -> web.Response:
        return web.json_response({"forgotten": self._messages.clear()})

    async def _tell_where(self, _: web.Request) -> web.Response:
        host, port = self._where or (self._host, self._smtp_port)
        return web.json_response({"host": host, "port": port})

    async def _mail_server(self, _: web.Application) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(self, hostname="inbox.invalid", loop=loop), self._host, self._smtp_port
        )
        bound = server.sockets[0].getsockname()
        self._where = str(bound[0]), int(bound[1])
        yield
        server.close()
        with suppress(TimeoutError):  # somebody stays connected
            async with asyncio.timeout(1):
                await server.wait_closed()

    async def handle_MAIL(  # noqa: N802 - as aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Take a sender, or be down."""
        if Trouble.INBOX_DOWN in self._troubles:
            return _AWAY
        envelope.mail_from = address
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        """Take a mail, or be down."""
        if Trouble.INBOX_DOWN in self._troubles:
            return _AWAY
        mail: EmailMessage = message_from_bytes(envelope.content, policy=policy)
        plain = mail.get_body(("plain",))
        text = "" if plain is None else plain.get_content().replace("\r\n", "\n")
        headers = _kept(mail) | {"rcpt": ", ".join(envelope.rcpt_tos)}
        key = str(mail["Message-ID"] or hashlib.sha256(envelope.content).hexdigest())
        new = self._messages.take(
            Message("mail", key, str(mail["Subject"]), text, datetime.now(UTC), None, headers)
        )
        return "250 OK" if new else "250 OK, known"


def inbox(outside: "Outside") -> web.Application:
    """The part of the world beyond the farm where people are told."""
    return Inbox(outside.troubles, outside.host, outside.smtp_port).application()


def _distrusted(request: web.Request, body: bytes) -> str | None:
    """Why a message cannot be from whom it says; None: it is."""
    stamp = request.headers.get("X-Minestream-Timestamp", "")
    signed = hmac.new(SECRET.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    signature = request.headers.get("X-Minestream-Signature", "")
    if not hmac.compare_digest(signature.encode(), f"v1={signed}".encode()):
        return "the signature is missing or wrong"
    if not stamp.isdecimal() or abs(datetime.now(UTC).timestamp() - int(stamp)) > _LATE_S:
        return "signed too long ago"
    return None


def _kept(headers: Any) -> dict[str, str]:
    wanted = ("traceparent", "Message-ID", "References", "From", "To", "Importance")
    return {name: str(headers[name]) for name in wanted if name in headers}


def _said(status: HTTPStatus, text: str) -> web.Response:
    return web.json_response({"said": text}, status=status)
