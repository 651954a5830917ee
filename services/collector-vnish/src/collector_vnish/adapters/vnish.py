"""Speaks Vnish's HTTP API: one endpoint in, its body as the contract has it out."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from collector_vnish.adapters.masked import masked_body
from collector_vnish.domain.endpoints import (
    CADENCE_S,
    Endpoint,
    firmware_of,
    life_of,
    shape_fault,
    wanted,
)
from minestream_dialects.bodies import decode
from minestream_dialects.fields import text
from minestream_runtime import semconv
from minestream_runtime.breaker import Manners
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.bodies import body_of, start_of, status_of
from minestream_runtime.collecting.family import Miner
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import Question, Reply, fetch
from minestream_schemas.raw import EndpointBody, PollStatus

NAME: Final = "vnish"
PLAN: Final = Plan(
    main=Endpoint.SUMMARY.value,
    cadence_s=CADENCE_S,
    rides_along=frozenset(
        {Endpoint.INFO.value, Endpoint.STATUS.value, Endpoint.PERF_SUMMARY.value}
    ),
    never_dropped=frozenset({Endpoint.INFO.value}),
    identity=Endpoint.INFO.value,
    guarded=frozenset({Endpoint.SETTINGS.value}),
    configuration=frozenset({Endpoint.INFO.value, Endpoint.SETTINGS.value}),
    manners=Manners(failures=3, rest_s=30.0),
)
_OK: Final = 200
_NOT_FOUND: Final = 404


class _Status(msgspec.Struct):
    miner_state: str | None = None
    miner_state_time: float | None = None


class _Miner(msgspec.Struct):
    miner_status: _Status | None = None


class _Summary(msgspec.Struct):
    """Of a ``summary``, which every poll brings, all is checked but only this is built."""

    miner: _Miner


_SUMMARY: Final = msgspec.json.Decoder(_Summary)


class Vnish:
    """The family of Vnish 1.x miners.

    Args:
        session: from ``minestream_runtime.devices.http.device_session``.
        clock: instants of answers.
        deadline_s: for one whole answer.
    """

    name = NAME
    plan = PLAN
    secrets: Mapping[str, str] | None = None

    def __init__(self, session: Devices, clock: Clock, *, deadline_s: float) -> None:
        self._session = session
        self._clock = clock
        self.deadline_s = deadline_s

    def wanted(self, memory: Memory) -> tuple[str, ...]:
        """See ``Family``."""
        return wanted(memory.firmware, memory.missing)

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        """See ``Family``."""
        path = f"/api/v1/{endpoint}"
        return f"GET {endpoint}", {semconv.HTTP_METHOD: "GET", semconv.URL_PATH: path}

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        """See ``Family``."""
        limit_s = min(self.deadline_s, deadline_s)
        if endpoint == Endpoint.SETTINGS:
            return await self._ask_settings(miner, limit_s)
        question = Question(_url(miner.address, endpoint))
        reply = await fetch(self._session, question, self._clock, deadline_s=limit_s)
        return self._answer(endpoint, reply)

    async def _ask_settings(self, miner: Miner, deadline_s: float) -> Answer:
        """Read ``settings``, unlocking first where we hold no token or it has ended."""
        token = miner.session
        if isinstance(token, str):
            answer = await self._with_token(miner.address, token, deadline_s)
            if answer.body.status is not PollStatus.UNAUTHORISED:
                return answer
        password = (miner.offered or {}).get("password", "")
        reply = await fetch(
            self._session,
            Question(_url(miner.address, "unlock"), "POST", msgspec.json.encode({"pw": password})),
            self._clock,
            deadline_s=deadline_s,
        )
        miner.session = token = _token(reply)
        if token is None:
            return Answer(self._unlock_fault(reply))
        return await self._with_token(miner.address, token, deadline_s)

    async def _with_token(self, address: str, token: str, deadline_s: float) -> Answer:
        question = Question(_url(address, Endpoint.SETTINGS), authorization=f"Bearer {token}")
        reply = await fetch(self._session, question, self._clock, deadline_s=deadline_s)
        return self._answer(Endpoint.SETTINGS, reply)

    def _unlock_fault(self, reply: Reply) -> EndpointBody:
        """Why there is no token; whatever ``unlock`` answered stays with us."""
        now = self._clock.now()
        if reply.fault is None and reply.http_status == _OK:
            error = "unlock: no token in the answer"
            return body_of(reply, PollStatus.GARBAGE, now, error=error)
        status, why = status_of(reply)
        return body_of(reply, status, now, error=f"unlock: {why}")

    def _answer(self, endpoint: str, reply: Reply) -> Answer:
        status, error = status_of(reply)
        secret = endpoint == Endpoint.SETTINGS
        now = self._clock.now()
        if status is not PollStatus.OK:
            kept = b"" if secret else start_of(reply.body)
            body = body_of(reply, status, now, kept=kept, error=error)
            return Answer(body, missing=reply.http_status == _NOT_FOUND)
        body = body_of(reply, PollStatus.OK, now, kept=reply.body)
        if endpoint == Endpoint.SUMMARY and body.encoding == "text":
            with suppress(msgspec.DecodeError, RecursionError):
                told = _SUMMARY.decode(reply.body).miner.miner_status
                if told is None:
                    return Answer(body)
                return Answer(body, uptime_s=told.miner_state_time, state=told.miner_state)
        content, fault = _content(body, reply.body)
        fault = fault or shape_fault(endpoint, content)
        if secret and fault is None:
            return Answer(masked_body(reply, content, now))
        if fault is not None:
            kept = b"" if secret else start_of(reply.body)
            return Answer(body_of(reply, PollStatus.GARBAGE, now, kept=kept, error=fault))
        return _told(endpoint, body, content)


def _told(endpoint: str, body: EndpointBody, content: object) -> Answer:
    """What an answer says of its miner."""
    if endpoint == Endpoint.INFO:
        return Answer(body, firmware=text(firmware_of(content)))
    if endpoint == Endpoint.SUMMARY:
        state, since_s = life_of(content)
        return Answer(body, uptime_s=since_s, state=state)
    return Answer(body)


def _url(address: str, path: str) -> str:
    return f"http://{address}/api/v1/{path}"


def _content(body: EndpointBody, raw: bytes) -> tuple[object, str | None]:
    """The JSON of a body, mended where that is needed, or why there is none."""
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return msgspec.json.decode(raw), None
    mended = decode(body)
    return mended.value, mended.problem


def _token(reply: Reply) -> str | None:
    if reply.fault is not None or reply.http_status != _OK:
        return None
    try:
        token = msgspec.json.decode(reply.body, type=dict[str, object]).get("token")
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else None
