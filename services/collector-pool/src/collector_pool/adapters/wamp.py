"""One session of a WAMP router: joined, used, ended. Whatever goes wrong is an error of ours.

Autobahn's protocol on a connection that we open and end ourselves, since its reconnecting
``Component`` retries wrong credentials for ever and cannot be ended while it connects. Its log is
silenced: it names topics, and a pool's topics hold keys.
"""

# autobahn calls itself typed, and is not
# mypy: disable-error-code="no-untyped-call"

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory, WampWebSocketClientProtocol
from autobahn.wamp.auth import create_authenticator
from autobahn.wamp.exception import ApplicationError, Error
from autobahn.wamp.serializer import JsonSerializer
from autobahn.wamp.types import ComponentConfig
from txaio.aio import config

from collector_pool.domain.profiles import Auth
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError

CONNECT_S: Final = 10.0
END_S: Final = 2.0
LOST: Final = "the connection was lost"
MOST_MESSAGE_BYTES: Final = 16 * 1024 * 1024
REFUSALS: Final = frozenset(
    {
        "wamp.error.not_authorized",
        "wamp.error.authorization_failed",
        "wamp.error.authorization_required",
        "wamp.error.authorization_denied",
        "wamp.error.authentication_failed",
        "wamp.error.authentication_denied",
        "wamp.error.authentication_required",
        "wamp.error.cannot_authenticate",
        "wamp.error.no_auth_method",
        "wamp.error.no_matching_auth_method",
        "wamp.error.no_such_principal",
        "wamp.error.no_such_realm",
        "wamp.error.no_such_role",
    }
)
_LOGGERS: Final = ("autobahn", __name__)
"""Autobahn names a session's log by its class, which is ours."""
Hear = Callable[[object], None]


@dataclass(frozen=True, slots=True)
class Door:
    """Where to join, and as whom.

    Args:
        url: ``ws://`` or ``wss://``.
        realm: of the router.
        auth: how we say who we are.
        authid: who we are.
        secret: what proves it.
        ca_file: trusted beside the system's list.
        ping_s: how often the router is asked whether it is there.
        ping_timeout_s: how long it may take to say so.
    """

    url: str
    realm: str
    auth: Auth
    authid: str | None
    secret: str | None = field(repr=False)
    ca_file: Path | None = None
    ping_s: float = 30.0
    ping_timeout_s: float = 10.0


class _Wire(WampWebSocketClientProtocol):
    """The websocket; tells its link that it is gone, however it went."""

    factory: "_Wires"

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.factory.link.left(LOST)


class _Wires(WampWebSocketClientFactory):
    """Makes the one websocket of a link."""

    protocol = _Wire

    def __init__(self, link: "Link", door: "Door") -> None:
        super().__init__(
            lambda: link.begin(_Session(link, door)), url=door.url, serializers=[JsonSerializer()]
        )
        self.link = link
        self.setProtocolOptions(
            autoPingInterval=door.ping_s,
            autoPingTimeout=door.ping_timeout_s,
            openHandshakeTimeout=CONNECT_S,
            closeHandshakeTimeout=END_S,
            maxMessagePayloadSize=MOST_MESSAGE_BYTES,
            tcpNoDelay=True,
        )


class _Session(ApplicationSession):
    def __init__(self, link: "Link", door: Door) -> None:
        super().__init__(ComponentConfig(door.realm, {}))
        self._link = link
        self._door = door

    def onConnect(self) -> None:  # noqa: N802 - as autobahn calls it
        if self._door.auth == "anonymous":
            self.join(self._door.realm)
        else:
            self.join(self._door.realm, authmethods=[self._door.auth], authid=self._door.authid)

    def onChallenge(self, challenge: Any) -> object:  # noqa: N802
        word = "ticket" if self._door.auth == "ticket" else "secret"
        options = {"authid": self._door.authid, word: self._door.secret}
        return create_authenticator(self._door.auth, **options).on_challenge(self, challenge)

    def onJoin(self, details: object) -> None:  # noqa: N802, ARG002
        self._link.joined.set()

    def onLeave(self, details: Any) -> object:  # noqa: N802
        self._link.left(str(details.reason))
        return super().onLeave(details)


class Link:
    """A session while it lasts."""

    def __init__(self) -> None:
        self.joined = asyncio.Event()
        self.gone = asyncio.Event()
        self.session: _Session | None = None
        self._why: str | None = None

    def begin(self, session: _Session) -> _Session:
        """The websocket is open: this speaks over it."""
        self.session = session
        return session

    def left(self, reason: str) -> None:
        """The session has ended; the first reason counts."""
        self._why = self._why or reason
        self.gone.set()

    async def ended(self) -> None:
        """Wait for the end of the session, which is an error.

        Raises:
            SourceRejectedError: the router does not want us.
            SourceUnavailableError: it went away.
        """
        await self.gone.wait()
        raise _error_of(self._why or LOST)

    async def subscribe(self, topic: str, hear: Hear) -> None:
        """Have ``hear`` called with each event's first argument, in order.

        Raises:
            SourceRejectedError: not ours to hear.
            SourceUnavailableError: the router could not, or did not answer.
        """

        def heard(*args: object, **_: object) -> None:
            hear(args[0] if args else None)

        await self._asked(lambda session: session.subscribe(heard, topic), "subscribe")

    async def call(self, procedure: str, *args: str) -> object:
        """Call a procedure.

        Raises:
            SourceRejectedError: not ours to call.
            SourceUnavailableError: it is not there, failed, or did not answer.
        """
        return await self._asked(lambda session: session.call(procedure, *args), "call")

    async def _asked(self, ask: Callable[[_Session], Any], what: str) -> object:
        session = self.session
        if session is None or self.gone.is_set():
            raise SourceUnavailableError(f"{what}: no session")
        try:
            async with asyncio.timeout(CONNECT_S):
                return await ask(session)
        except ApplicationError as exc:
            raise _error_of(str(exc.error)) from None  # its text may name the topic
        except TimeoutError:
            raise SourceUnavailableError(f"{what}: no answer within {CONNECT_S:g} s") from None
        except Error as exc:
            raise SourceUnavailableError(f"{what}: {type(exc).__name__}") from None


def _error_of(uri: str) -> SourceRejectedError | SourceUnavailableError:
    return SourceRejectedError(uri) if uri in REFUSALS else SourceUnavailableError(uri)


@asynccontextmanager
async def joined(door: Door) -> AsyncIterator[Link]:
    """Connect, join, and leave when the body ends.

    Raises:
        SourceRejectedError: the router does not want us, or has no such realm.
        SourceUnavailableError: it is not there, or does not speak WAMP.
    """
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    loop = asyncio.get_running_loop()
    vars(config)["loop"] = loop  # where autobahn's futures and timers live
    link = Link()
    transport = await _connected(loop, door, link)
    try:
        try:
            async with asyncio.timeout(CONNECT_S):
                await _first(link.joined, link.gone)
        except TimeoutError:
            raise SourceUnavailableError(f"not joined within {CONNECT_S:g} s") from None
        if not link.joined.is_set():
            await link.ended()
        yield link
    finally:
        await _end(link, transport)


async def _connected(
    loop: asyncio.AbstractEventLoop, door: Door, link: Link
) -> asyncio.BaseTransport:
    factory = _Wires(link, door)
    tls = ssl.create_default_context() if factory.isSecure else None
    if tls is not None and door.ca_file is not None:
        tls.load_verify_locations(door.ca_file)
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, _ = await loop.create_connection(
                factory, factory.host, factory.port, ssl=tls
            )
    except TimeoutError:
        raise SourceUnavailableError(f"no connection within {CONNECT_S:g} s") from None
    except ssl.SSLError as exc:
        raise SourceUnavailableError(f"TLS: {exc.reason or type(exc).__name__}") from None
    except (OSError, UnicodeError) as exc:
        why = getattr(exc, "strerror", None) or type(exc).__name__
        raise SourceUnavailableError(f"no connection: {why}") from None
    return transport


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    waiting = {asyncio.ensure_future(event.wait()) for event in events}
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _end(link: Link, transport: asyncio.BaseTransport) -> None:
    """Leave in order, within two seconds; then the connection is closed whatever is left."""
    if link.session is not None and link.joined.is_set() and not link.gone.is_set():
        with suppress(Error, TimeoutError):
            link.session.leave()
            async with asyncio.timeout(END_S):
                await link.gone.wait()
    if isinstance(transport, asyncio.Transport):
        transport.abort()
