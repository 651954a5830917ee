"""Asks miners with a plain web API, whichever family's, with Digest or Basic where they want it."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from collector_vnish.adapters.masked import masked_body
from collector_vnish.domain.web import Web, elapsed_s, told_firmware
from minestream_dialects.bodies import decode
from minestream_dialects.fields import text
from minestream_runtime import semconv
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.bodies import body_of, start_of, status_of
from minestream_runtime.collecting.family import Miner
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.digest import Login, challenges
from minestream_runtime.devices.http import Question, Reply, fetch, fetch_logged_in
from minestream_schemas.raw import PollStatus

_NOT_FOUND: Final = 404
_TOP: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class WebFamily:
    """One family with a plain web API.

    Args:
        web: which.
        session: from ``minestream_runtime.devices.http.device_session``.
        clock: instants of answers.
        deadline_s: for one whole answer.
        newer: as whom a miner is asked that is no older one after all; None: this is not older.
    """

    def __init__(
        self,
        web: Web,
        session: Devices,
        clock: Clock,
        *,
        deadline_s: float,
        newer: "WebFamily | None" = None,
    ) -> None:
        self.name = web.name
        self.plan = plan_of(web)
        self.secrets = web.secrets
        self.deadline_s = deadline_s
        self._web = web
        self._session = session
        self._clock = clock
        self._other = newer
        if web.older is not None:
            self._other = WebFamily(web.older, session, clock, deadline_s=deadline_s, newer=self)

    def wanted(self, memory: Memory) -> Mapping[str, float]:
        """See ``Family``."""
        return self._web.wanted(memory.firmware)

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        """See ``Family``."""
        path = self._web.path_of(endpoint)
        return f"GET {endpoint}", {semconv.HTTP_METHOD: "GET", semconv.URL_PATH: path}

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        """See ``Family``. Who has no main page is asked as the older or newer one from then on."""
        question = Question(f"http://{miner.address}{self._web.path_of(endpoint)}")
        limit_s = min(self.deadline_s, deadline_s)
        login = self._login(miner)
        if login is None:
            reply = await fetch(self._session, question, self._clock, deadline_s=limit_s)
        else:
            reply = await fetch_logged_in(
                self._session, question, self._clock, login, deadline_s=limit_s
            )
        other, is_missing = self._other, reply.http_status == _NOT_FOUND
        # of another family by now: the inventory has said meanwhile what it is
        if other and endpoint == self._web.main and is_missing and miner.family is self:
            miner.family = other
        return self._answer(endpoint, reply)

    def _login(self, miner: Miner) -> Login | None:
        offered = miner.offered if self._web.login != "none" else None
        if offered is None:
            return None
        if not isinstance(miner.session, Login):
            basic = self._web.login == "basic"
            miner.session = Login(
                username=offered.get("username", "root"),
                password=offered.get("password", ""),
                new_cnonce=lambda: secrets.token_hex(8),
                basic=basic,
                basic_first=basic,
            )
        return miner.session

    def _answer(self, endpoint: str, reply: Reply) -> Answer:
        web, now = self._web, self._clock.now()
        status, error = status_of(reply)
        if status is not PollStatus.OK:
            if status is PollStatus.UNAUTHORISED:
                error = f"{error}{_wanted(reply)}"
            kept = b"" if endpoint in web.configuration else start_of(reply.body)
            body = body_of(reply, status, now, kept=kept, error=error)
            return Answer(body, missing=reply.http_status == _NOT_FOUND and endpoint != web.main)
        if endpoint == web.main and _has(reply.body, web.shape):
            body = body_of(reply, PollStatus.OK, now, kept=reply.body)
            return Answer(body, uptime_s=elapsed_s(reply.body))
        return self._looked_into(endpoint, reply)

    def _looked_into(self, endpoint: str, reply: Reply) -> Answer:
        """What its JSON says of an answer that came whole."""
        web, now = self._web, self._clock.now()
        body = body_of(reply, PollStatus.OK, now, kept=reply.body)
        mended = decode(body)
        content, fault = mended.value, mended.problem
        if fault is None and not isinstance(content, dict | list):
            fault = "neither object nor array"
        if fault is None and endpoint == web.main:
            told = isinstance(content, dict) and web.shape in content
            fault = None if told else f"without `{web.shape}`"
        secret = endpoint in web.configuration
        if fault is not None:
            kept = b"" if secret else start_of(reply.body)
            return Answer(body_of(reply, PollStatus.GARBAGE, now, kept=kept, error=fault))
        if secret:
            return Answer(masked_body(reply, content, now))
        identity = web.identity
        if identity is not None and endpoint == identity[0]:
            return Answer(body, firmware=text(told_firmware(content, identity[1])))
        return Answer(body)


def plan_of(web: Web) -> Plan:
    """The plan of a family with a plain web API."""
    every = frozenset({web.main, *web.cadence_s})
    return Plan(
        main=web.main,
        cadence_s=web.cadence_s,
        rides_along=every - web.alone - {web.main},
        never_dropped=frozenset() if web.identity is None else frozenset({web.identity[0]}),
        identity=None if web.identity is None else web.identity[0],
        guarded=frozenset() if web.login == "none" else every,
        configuration=web.configuration,
    )


def _has(body: bytes, key: str) -> bool:
    """Is it sound JSON with that key at its top? Checked whole, built not at all."""
    with suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return key in _TOP.decode(body)
    return False


def _wanted(reply: Reply) -> str:
    """What a refusal asks for, for people."""
    schemes = sorted({one.scheme.capitalize() for one in challenges(reply.challenges)})
    return f", wants {' or '.join(schemes)}" if schemes else ""
