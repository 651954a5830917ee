"""Real mail servers: encryption, login, refusals."""

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.unit.alerter.alerts import StandingClock, notification

from alerter.adapters.channel import DeliveryDelayedError, DeliveryRefusedError
from alerter.adapters.mail import Mail, MailServer
from minestream_runtime.errors import MinestreamError

_PASSWORD = b"ge:he/im"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = dt.datetime.now(dt.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "mail.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


class _Handler:
    """Takes mails, and refuses whom it is told to."""

    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        self.taken: list[Any] = []
        self._refused = refused

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address in self._refused:
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - as above
        self.taken.append((envelope, session.ssl is not None, session.authenticated))
        return "250 OK"


def _authenticate(*parts: Any) -> AuthResult:
    data = parts[-1]
    known = (data.login, data.password) == (b"me@farm", _PASSWORD)
    return AuthResult(success=known, handled=False)


@asynccontextmanager
async def _server(
    handler: _Handler, *, implicit: ssl.SSLContext | None = None, **more: Any
) -> AsyncIterator[str]:
    loop, transports = asyncio.get_running_loop(), list[Any]()

    class Connection(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(transport)
            super().connection_made(transport)

    server = await loop.create_server(
        lambda: Connection(handler, hostname="mail.test", loop=loop, **more),
        "127.0.0.1",
        0,
        ssl=implicit,
    )
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for transport in transports:  # aiosmtpd forgets one whose STARTTLS failed
            transport.abort()
        await asyncio.sleep(0.01)


def _serving(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


async def _send(url: str, trusted: Path | None = None) -> str | None:
    mail = Mail(
        MailServer.at(url),
        sender="minestream@farm.invalid",
        recipients=["ops@farm.invalid", "boss@farm.invalid"],
        clock=StandingClock(),
        timeout_s=30,
        tls_context=ssl.create_default_context(cafile=trusted) if trusted else None,
    )
    return await mail.send(notification())


async def test_a_login_goes_over_starttls(certificate: Path) -> None:
    handler = _Handler()
    async with _server(
        handler,
        tls_context=_serving(certificate),
        authenticator=_authenticate,
        auth_required=True,
    ) as where:
        assert await _send(f"smtp://me%40farm:ge%3Ahe%2Fim@{where}", certificate) is None
    ((envelope, encrypted, authenticated),) = handler.taken
    assert encrypted
    assert authenticated
    assert envelope.rcpt_tos == ["ops@farm.invalid", "boss@farm.invalid"]


async def test_smtps_is_encrypted_from_the_first_byte(certificate: Path) -> None:
    handler = _Handler()
    async with _server(handler, implicit=_serving(certificate)) as where:
        assert await _send(f"smtps://{where}", certificate) is None
    assert len(handler.taken) == 1


async def test_a_password_never_goes_to_a_server_that_does_not_encrypt() -> None:
    heard: list[bytes] = []
    ended = asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            heard.append(line)
            writer.write(b"250-mail.test\r\n250 AUTH PLAIN LOGIN\r\n")
        writer.close()
        ended.set()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        with pytest.raises(DeliveryDelayedError):
            await _send(f"smtp://me:geheim@127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await ended.wait()
    finally:
        server.close()
    assert heard[0].startswith(b"EHLO")
    assert not any(line.startswith((b"AUTH", b"MAIL")) for line in heard)


async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(certificate: Path) -> None:
    async with _server(_Handler(), tls_context=_serving(certificate)) as where:
        with pytest.raises(DeliveryDelayedError):
            await _send(f"smtp://{where}")


async def test_a_refused_login_is_tried_again_and_does_not_tell_the_password(
    certificate: Path,
) -> None:
    async with _server(
        _Handler(), tls_context=_serving(certificate), authenticator=_authenticate
    ) as where:
        with pytest.raises(DeliveryDelayedError, match="refuses our login: 535") as caught:
            await _send(f"smtp://me%40farm:wr0ng@{where}", certificate)
    assert "wr0ng" not in str(caught.value)


async def test_one_unknown_recipient_does_not_keep_the_mail_from_the_others() -> None:
    handler = _Handler(frozenset({"boss@farm.invalid"}))
    async with _server(handler) as where:
        assert await _send(f"smtp://{where}") == "refused for 1 of 2 recipients"
    assert handler.taken[0][0].rcpt_tos == ["ops@farm.invalid"]


async def test_without_any_recipient_left_it_has_failed() -> None:
    handler = _Handler(frozenset({"ops@farm.invalid", "boss@farm.invalid"}))
    async with _server(handler) as where:
        with pytest.raises(DeliveryRefusedError, match="refuses all recipients: 550"):
            await _send(f"smtp://{where}")


@pytest.mark.parametrize(
    "greeting", [b"", b"554 go away\r\n", b"421 busy\r\n", b"HTTP/1.1 400\r\n"]
)
async def test_whatever_stands_at_the_port_it_is_an_error_of_ours(greeting: bytes) -> None:
    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(MinestreamError) as caught:
            await _send(f"smtp://127.0.0.1:{port}")
        assert caught.value.disposition == "retry", "it says nothing against the message"
    finally:
        server.close()
