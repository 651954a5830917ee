"""Tells by mail: one message for each transition, whose ``Message-ID`` is the ledger's."""

import asyncio
import html
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP as LINES
from typing import Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTPAuthenticationError, SMTPResponseException

from alerter.adapters.channel import DeliveryDelayedError, DeliveryRefusedError, Notification
from alerter.domain.wording import facts_of, headline, text_of
from minestream_runtime.clock import Clock
from minestream_runtime.errors import ConfigurationError
from minestream_schemas.alert import AlertPhase, Severity

_PERMANENT: Final = 500
_URGENT: Final = {"Importance": "high", "X-Priority": "1"}
_STARTTLS: Final[dict[str, bool | None]] = {"auto": None, "always": True, "never": False}


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail goes, as its address says it.

    Args:
        host: its name.
        port: 25, 587 with a login, 465 for smtps.
        tls: from the first byte.
        starttls: True: insisted on; False: never; None: if it is offered.
        user: of the login; None: without.
        password: of the login.
    """

    host: str
    port: int
    tls: bool
    starttls: bool | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def at(cls, url: str) -> Self:
        """Read ``smtp[s]://[user:password@]host[:port][?starttls=auto|always|never]``.

        A password goes over an encrypted connection only, unless ``never`` is said.

        Raises:
            ConfigurationError: it says something that is not understood.
        """
        parts = urlsplit(url)
        tls = parts.scheme == "smtps"
        asked = parse_qs(parts.query).get("starttls", ["auto"])[-1]
        if asked not in _STARTTLS:
            raise ConfigurationError("MINESTREAM_SMTP_URL: starttls is auto, always or never")
        starttls = False if tls else _STARTTLS[asked]
        user = unquote(parts.username) if parts.username else None
        if user is not None and starttls is None:
            starttls = True
        usual = 465 if tls else (25 if user is None else 587)
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname or "", parts.port or usual, tls, starttls, user, password)

    def client(self, *, timeout_s: float, tls_context: ssl.SSLContext | None) -> aiosmtplib.SMTP:
        """A connection to it, not yet opened."""
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user,
            password=self.password,
            use_tls=self.tls,
            start_tls=self.starttls,
            timeout=timeout_s,
            tls_context=tls_context,
        )


class Mail:
    """One mail server and the people behind it.

    Args:
        server: which.
        sender: address of the sender.
        recipients: addresses; all get the same message.
        clock: dates the message.
        timeout_s: for the whole exchange.
        tls_context: whom to trust; None: the system's authorities.
    """

    name: Final = "mail"

    def __init__(
        self,
        server: MailServer,
        *,
        sender: str,
        recipients: Sequence[str],
        clock: Clock,
        timeout_s: float,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._recipients = list(recipients)
        self._clock = clock
        self._timeout_s = timeout_s
        self._tls_context = tls_context
        self.where: Final = server.host

    async def send(self, notification: Notification) -> str | None:
        """See ``Channel``. Taken for one recipient is taken: the others' refusal is a remark."""
        message = self.message(notification)
        client = self._server.client(timeout_s=self._timeout_s, tls_context=self._tls_context)
        try:
            async with asyncio.timeout(self._timeout_s):
                await client.connect()
                refused, _ = await client.send_message(
                    message, sender=self._sender, recipients=self._recipients
                )
        except SMTPAuthenticationError as exc:  # says nothing against the message
            raise DeliveryDelayedError(f"{self.where} refuses our login: {exc.code}") from exc
        except (aiosmtplib.SMTPConnectError, aiosmtplib.SMTPHeloError) as exc:  # nor does this
            raise DeliveryDelayedError(f"{self.where}: {type(exc).__name__}") from exc
        except aiosmtplib.SMTPRecipientsRefused as exc:
            worst = min(fault.code for fault in exc.recipients)
            raise _error(worst, f"{self.where} refuses all recipients: {worst}") from exc
        except SMTPResponseException as exc:
            raise _error(exc.code, f"{self.where} answered {exc.code}") from exc
        except (TimeoutError, OSError, aiosmtplib.SMTPException, ssl.SSLError) as exc:
            raise DeliveryDelayedError(f"{self.where}: {type(exc).__name__}") from exc
        except ValueError as exc:  # what cannot be put into SMTP's words: a strange address
            raise DeliveryRefusedError(f"{self.where}: {type(exc).__name__}") from exc
        finally:
            await _leave(client)
        if refused:
            return f"refused for {len(refused)} of {len(self._recipients)} recipients"
        return None

    def message(self, notification: Notification) -> EmailMessage:
        """The mail: the same ids at every try; answers to one alert stand in one thread."""
        alert = notification.alert
        ours = self._sender.rpartition("@")[2]
        message = EmailMessage(policy=LINES)
        message["From"] = self._sender
        message["To"] = ", ".join(self._recipients)
        message["Subject"] = headline(alert)
        message["Date"] = self._clock.now()
        message["Message-ID"] = f"<{notification.notification_id}@{ours}>"
        message["References"] = f"<{alert.alert_id}@{ours}>"
        message["Auto-Submitted"] = "auto-generated"
        if alert.severity is Severity.CRITICAL and alert.phase is AlertPhase.FIRING:
            for name, value in _URGENT.items():
                message[name] = value
        message.set_content(text_of(alert))
        rows = "".join(
            f"<tr><th align=left>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>"
            for name, value in facts_of(alert)
        )
        message.add_alternative(
            f"<p><b>{html.escape(headline(alert))}</b></p><table>{rows}</table>", subtype="html"
        )
        return message


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Take leave; whatever comes of that, the message has been taken or not."""
    with suppress(aiosmtplib.SMTPException, OSError):
        if client.is_connected:
            await client.quit(timeout=1)
    client.close()


def _error(code: int, text: str) -> DeliveryDelayedError | DeliveryRefusedError:
    return DeliveryRefusedError(text) if code >= _PERMANENT else DeliveryDelayedError(text)
