"""A family of TCP miners as the polling kit sees it: one command in, its body out."""

from collections.abc import Mapping
from datetime import datetime
from math import inf
from typing import Final

from collector_cgminer.adapters.pages import Pages, is_offered
from collector_cgminer.domain.answers import (
    Verdict,
    clock_of,
    firmware_of,
    reply_id_of,
    state_of,
    told,
    uptime_of,
)
from collector_cgminer.domain.families import FAMILIES, Commands
from minestream_dialects.bodies import decode_bytes
from minestream_runtime import semconv
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.bodies import body_of, start_of, status_of, text_of
from minestream_runtime.collecting.family import Family, Miner
from minestream_runtime.collecting.plan import Answer, Memory, Plan
from minestream_runtime.devices.cgminer import (
    CgminerClient,
    CgminerError,
    CgminerOwnFaultError,
    CgminerUnansweredError,
    CgminerUnreadableError,
    Wire,
)
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import Reply
from minestream_schemas.raw import EndpointBody, PollStatus

_STATUS_OF: Final = {
    Verdict.OK: PollStatus.OK,
    Verdict.MISSING: PollStatus.ERROR,
    Verdict.DENIED: PollStatus.UNAUTHORISED,
    Verdict.DOWN: PollStatus.ERROR,
    Verdict.ERROR: PollStatus.ERROR,
    Verdict.SHAPE: PollStatus.GARBAGE,
}


_NOT_OFFERED: Final = frozenset({Verdict.MISSING, Verdict.DENIED, Verdict.DOWN})


class TcpFamily:
    """Miners that answer the same commands.

    Args:
        commands: which.
        client: asks; shared by all families, as it keeps one connection per miner.
        clock: instants of answers.
        deadline_s: for one whole answer.
        pages: asks what stands on web pages; None: nobody does.
    """

    secrets: Mapping[str, str] | None = None

    def __init__(
        self,
        commands: Commands,
        client: CgminerClient,
        clock: Clock,
        *,
        deadline_s: float,
        pages: Pages | None = None,
    ) -> None:
        self.name = commands.family
        self.plan = _plan(commands)
        self.deadline_s = deadline_s
        self._commands = commands
        self._pages = pages
        self._wire = Wire(commands.wire)
        self._client = client
        self._clock = clock

    def wanted(self, memory: Memory) -> tuple[str, ...]:
        """See ``Family``."""
        return self._commands.wanted(memory.firmware, pages=self._pages is not None)

    def about(self, endpoint: str) -> tuple[str, Mapping[str, str]]:
        """See ``Family``."""
        return f"ask {endpoint}", {
            semconv.NETWORK_TRANSPORT: "tcp",
            semconv.MINER_COMMAND: endpoint,
        }

    async def ask(self, miner: Miner, endpoint: str, deadline_s: float) -> Answer:
        """See ``Family``."""
        limit_s = min(self.deadline_s, deadline_s)
        path = self._commands.pages.get(endpoint)
        if path is not None and self._pages is not None:
            return self._read_page(await self._pages.ask(miner, path, limit_s))
        began_s = self._clock.monotonic()
        try:
            answer = await self._client.ask(
                miner.address, endpoint, wire=self._wire, deadline_s=limit_s
            )
        except CgminerError as exc:
            return Answer(self._fault(exc, (self._clock.monotonic() - began_s) * 1000))
        return self._read(endpoint, answer.body, answer.latency_ms)

    def _read_page(self, reply: Reply) -> Answer:
        """What a web page says; one that is not there for us is no fault."""
        status, error = status_of(reply)
        if status is PollStatus.OK:
            error = decode_bytes(reply.body).problem
            status = PollStatus.OK if error is None else PollStatus.GARBAGE
        kept = reply.body if status is PollStatus.OK else start_of(reply.body)
        body = body_of(reply, status, self._clock.now(), kept=kept, error=error)
        return Answer(body, missing=not is_offered(reply))

    def _read(self, endpoint: str, said: bytes, latency_ms: float) -> Answer:
        decoded = decode_bytes(said)
        content = decoded.value
        if decoded.problem is not None:
            body = self._body(PollStatus.GARBAGE, latency_ms, start_of(said), decoded.problem)
            return Answer(body)
        verdict, why = told(endpoint, content)
        is_main = endpoint == self.plan.main
        is_down = is_main and verdict is Verdict.DOWN
        if verdict is not Verdict.OK and not is_down:
            status = _STATUS_OF[verdict]
            body = self._body(status, latency_ms, start_of(said), why)
            return Answer(body, missing=verdict in _NOT_OFFERED and not is_main)
        body = self._body(PollStatus.OK, latency_ms, said, None, clock_of(content))
        firmware = firmware_of(endpoint, content) if endpoint == self.plan.identity else None
        if not is_main:
            return Answer(body, firmware)
        # whatever runs after it was down has started anew, and is asked again what it did not tell
        uptime_s = inf if is_down else uptime_of(content)
        return Answer(body, firmware, uptime_s, state=state_of(content))

    def _fault(self, exc: CgminerError, latency_ms: float) -> EndpointBody:
        if isinstance(exc, CgminerOwnFaultError):
            raise OwnFaultError(str(exc)) from exc
        if isinstance(exc, CgminerUnreadableError):
            return self._body(PollStatus.GARBAGE, latency_ms, start_of(exc.start), str(exc))
        unanswered = isinstance(exc, CgminerUnansweredError)
        status = PollStatus.TIMEOUT if unanswered else PollStatus.REFUSED
        return self._body(status, latency_ms, b"", str(exc))

    def _body(
        self,
        status: PollStatus,
        latency_ms: float,
        kept: bytes,
        error: str | None,
        server_at: datetime | None = None,
    ) -> EndpointBody:
        text, encoding = text_of(kept)
        return EndpointBody(
            status=status,
            fetched_at=self._clock.now(),
            latency_ms=latency_ms,
            encoding=encoding,
            body=text,
            server_at=server_at,
            reply_id=reply_id_of(kept),
            error=error,
        )


def families_of(
    client: CgminerClient,
    clock: Clock,
    *,
    deadline_s: float,
    session: Devices | None = None,
    web_port: int | None = None,
) -> list[Family]:
    """All families that are spoken over TCP.

    Args:
        client: asks.
        clock: instants of answers.
        deadline_s: for one whole answer.
        session: asks what some tell on web pages alone; None: nobody does.
        web_port: where these are; see ``Pages``.
    """
    pages = None if session is None else Pages(session, clock, port=web_port)
    return [TcpFamily(each, client, clock, deadline_s=deadline_s, pages=pages) for each in FAMILIES]


def _plan(commands: Commands) -> Plan:
    return Plan(
        main=commands.main,
        cadence_s=commands.cadence_s,
        rides_along=frozenset(commands.cadence_s.keys() - commands.pages.keys()),
        never_dropped=frozenset({commands.identity}),
        identity=commands.identity,
        configuration=commands.configuration,
    )
