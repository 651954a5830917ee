"""A WAMP router (wamp.2.json over websockets) that can be broken on purpose. Knows no mining.

Sessions join, subscribe and call; nobody publishes or registers but the router's owner.
"""

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from aiohttp import WSMsgType, web

SUBPROTOCOL: Final = "wamp.2.json"
HELLO, WELCOME, ABORT, CHALLENGE, AUTHENTICATE, GOODBYE, ERROR = 1, 2, 3, 4, 5, 6, 8
PUBLISH, SUBSCRIBE, SUBSCRIBED, UNSUBSCRIBE, UNSUBSCRIBED, EVENT = 16, 32, 33, 34, 35, 36
CALL, RESULT, REGISTER = 48, 50, 64
NOT_AUTHORIZED: Final = "wamp.error.not_authorized"
_SEND_S: Final = 1.0
_PROTOCOL_ERROR: Final = 1002


class CallRefusedError(Exception):
    """A procedure's caller gets this error.

    Args:
        uri: of the error.
    """

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.uri = uri


@dataclass(frozen=True, slots=True)
class Door:
    """Who may join a realm.

    Args:
        secrets: of whom, by ``authid``, for ``wampcra`` and ``ticket``.
        anonymous: anybody without a name too.
    """

    secrets: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False

    def method(self, offered: Sequence[str]) -> str | None:
        """The first way in that is offered and open; None: there is none."""
        ways = {"wampcra", "ticket"} if self.secrets else set()
        if self.anonymous:
            ways.add("anonymous")
        return next((way for way in offered if way in ways), None)


@dataclass(eq=False, slots=True)
class Session:
    """One client."""

    socket: web.WebSocketResponse
    transport: asyncio.BaseTransport | None
    realm: str = ""
    number: int = 0
    authid: str = "anonymous"
    method: str = "anonymous"
    expected: str | None = None
    topics: dict[str, int] = field(default_factory=dict)


Call = Callable[[str, str, list[Any]], Any]
"""Realm, procedure and arguments to the one result."""


class Router:
    """Joins sessions, and hands events and calls to and fro.

    Args:
        doors: who may join, by realm.
        call: answers calls; raises ``CallRefusedError``. Realm "": it is not there now.
    """

    def __init__(self, doors: Mapping[str, Door], call: Call) -> None:
        self._doors = doors
        self._call = call
        self._numbers = count(1)
        self.sessions: set[Session] = set()
        self.joins = 0
        self.frozen = False
        self.refusing: str | None = None
        self.missing: set[str] = set()
        self._handlers: dict[int, Callable[[Session, list[Any]], Awaitable[None]]] = {
            HELLO: self._hello,
            AUTHENTICATE: self._authenticate,
            GOODBYE: self._goodbye,
            SUBSCRIBE: self._subscribe,
            UNSUBSCRIBE: self._unsubscribe,
            CALL: self._called,
            PUBLISH: self._denied,
            REGISTER: self._denied,
        }

    # -- breaking it --------------------------------------------------------------------------

    async def close_all(self, code: int = 1001) -> None:
        """End every websocket in order, as a router that is stopped does."""
        for session in list(self.sessions):
            await session.socket.close(code=code, drain=False)

    async def goodbye_all(self, reason: str = "wamp.close.normal") -> None:
        """Say goodbye to every session; the sockets are the clients' to close."""
        for session in list(self.sessions):
            await self._send(session, [GOODBYE, {}, reason])

    def drop_all(self) -> None:
        """Reset every connection, without a word."""
        for session in list(self.sessions):
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()

    # -- the owner's side ---------------------------------------------------------------------

    def listened(self, topic: str) -> bool:
        """Does anybody hear a topic?"""
        return any(topic in session.topics for session in self.sessions)

    async def publish(self, topic: str, *args: object) -> None:
        """Tell all who hear the topic; who does not take it within a second is dropped."""
        if self.frozen:
            return
        for session in [each for each in self.sessions if topic in each.topics]:
            event = [EVENT, session.topics[topic], next(self._numbers), {}, list(args)]
            await self._send(session, event)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One client, from the upgrade to its end."""
        socket = web.WebSocketResponse(protocols=(SUBPROTOCOL,), autoping=False)
        await socket.prepare(request)
        session = Session(socket, request.transport)
        self.sessions.add(session)
        try:
            async for frame in socket:
                if self.frozen:
                    continue
                if frame.type is WSMsgType.PING:
                    await socket.pong(frame.data)
                elif frame.type is WSMsgType.TEXT:
                    await self._take(session, frame.data)
        finally:
            self.sessions.discard(session)
        return socket

    async def _take(self, session: Session, text: str) -> None:
        try:
            said = json.loads(text)
            handler = self._handlers[said[0]]
        except (ValueError, KeyError, IndexError, TypeError):
            await session.socket.close(code=_PROTOCOL_ERROR)
            return
        if not session.number and said[0] not in {HELLO, AUTHENTICATE}:
            await session.socket.close(code=_PROTOCOL_ERROR)
            return
        await handler(session, said)

    async def _send(self, session: Session, message: list[Any]) -> None:
        try:
            async with asyncio.timeout(_SEND_S):
                await session.socket.send_str(json.dumps(message))
        except (TimeoutError, ConnectionError, RuntimeError):
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()

    # -- joining ------------------------------------------------------------------------------

    async def _hello(self, session: Session, said: list[Any]) -> None:
        realm, details = str(said[1]), said[2]
        door = self._doors.get(realm)
        if self.refusing is not None:
            await self._abort(session, self.refusing)
        elif door is None:
            await self._abort(session, "wamp.error.no_such_realm")
        else:
            session.realm = realm
            session.authid = str(details.get("authid") or "anonymous")
            method = door.method(details.get("authmethods") or ["anonymous"])
            await self._challenge(session, door, method)

    async def _challenge(self, session: Session, door: Door, method: str | None) -> None:
        if method is None:
            await self._abort(session, NOT_AUTHORIZED)
            return
        session.method = method
        secret = door.secrets.get(session.authid, "")
        if method == "anonymous":
            await self._welcome(session)
        elif method == "ticket":
            session.expected = secret
            await self._send(session, [CHALLENGE, "ticket", {}])
        else:
            text = json.dumps({"authid": session.authid, "nonce": next(self._numbers)})
            digest = hmac.digest(secret.encode(), text.encode(), hashlib.sha256)
            session.expected = base64.b64encode(digest).decode()
            await self._send(session, [CHALLENGE, "wampcra", {"challenge": text}])

    async def _authenticate(self, session: Session, said: list[Any]) -> None:
        if session.expected and hmac.compare_digest(session.expected, str(said[1])):
            await self._welcome(session)
        else:
            await self._abort(session, NOT_AUTHORIZED)

    async def _welcome(self, session: Session) -> None:
        session.number = next(self._numbers)
        self.joins += 1
        details = {
            "realm": session.realm,
            "roles": {"broker": {}, "dealer": {}},
            "authid": session.authid,
            "authrole": "web",
            "authmethod": session.method,
            "authprovider": "static",
        }
        await self._send(session, [WELCOME, session.number, details])

    async def _abort(self, session: Session, uri: str) -> None:
        await self._send(session, [ABORT, {"message": "refused"}, uri])
        await session.socket.close()

    async def _goodbye(self, session: Session, said: list[Any]) -> None:
        session.number = 0
        session.topics.clear()
        if said[2] != "wamp.close.goodbye_and_out":
            await self._send(session, [GOODBYE, {}, "wamp.close.goodbye_and_out"])

    # -- joined -------------------------------------------------------------------------------

    async def _subscribe(self, session: Session, said: list[Any]) -> None:
        request, topic = said[1], str(said[3])
        number = session.topics.setdefault(topic, next(self._numbers))
        await self._send(session, [SUBSCRIBED, request, number])

    async def _unsubscribe(self, session: Session, said: list[Any]) -> None:
        for topic in [name for name, number in session.topics.items() if number == said[2]]:
            del session.topics[topic]
        await self._send(session, [UNSUBSCRIBED, said[1]])

    async def _called(self, session: Session, said: list[Any]) -> None:
        request, procedure = said[1], str(said[3])
        args = said[4] if len(said) > 4 else []  # noqa: PLR2004 - arguments may be left out
        realm = "" if procedure in self.missing else session.realm
        try:
            result = self._call(realm, procedure, args)
        except CallRefusedError as exc:
            await self._send(session, [ERROR, CALL, request, {}, exc.uri])
        else:
            await self._send(session, [RESULT, request, {}, [result]])

    async def _denied(self, session: Session, said: list[Any]) -> None:
        await self._send(session, [ERROR, said[0], said[1], {}, NOT_AUTHORIZED])
