"""Asks an unknown miner what it is: a list of questions over HTTP and TCP, given as data.

Knows how to ask and when to stop; what an answer means, the given ``recognise`` knows.
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby
from typing import Final, Literal, Protocol, TypeVar

from minestream_runtime.clock import Clock
from minestream_runtime.devices.addresses import AddressInvalidError, split
from minestream_runtime.devices.cgminer import (
    CgminerClient,
    CgminerError,
    CgminerForbiddenError,
    CgminerOwnFaultError,
    CgminerTimeoutError,
    CgminerUnreachableError,
    CgminerUnreadableError,
)
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.digest import Login
from minestream_runtime.devices.http import Fault, Question, Reply, fetch, fetch_logged_in

Transport = Literal["http", "tcp"]
_WEB_PORT: Final = 80
_WEB_PORTS: Final = frozenset({80, 443})
_ASKS_WHO: Final = 401
_AT_ONCE: Final = 2
_KEPT_WORDS: Final = 120


class Step(Protocol):
    """One question to an unknown miner, as ``minestream_dialects.detection`` has it."""

    @property
    def name(self) -> str:
        """Of the step."""

    @property
    def transport(self) -> Transport:
        """How to ask."""

    @property
    def ports(self) -> tuple[int, ...]:
        """Where such miners listen."""

    @property
    def question(self) -> str:
        """The path or the command."""

    @property
    def auth(self) -> Literal["none", "digest", "basic"]:
        """What credentials go with it."""


class Finding(Protocol):
    """Who answered, likewise."""

    @property
    def family(self) -> str:
        """Of the miner."""

    @property
    def transport(self) -> Transport:
        """How it is asked."""

    @property
    def model(self) -> str | None:
        """As it names itself."""

    @property
    def firmware(self) -> str | None:
        """Likewise."""

    @property
    def evidence(self) -> str:
        """For people."""

    @property
    def locked(self) -> bool:
        """It named itself, but answers only with credentials."""


S_contra = TypeVar("S_contra", bound=Step, contravariant=True)


class Recognise(Protocol[S_contra]):
    """Tells who gave an answer; None: nobody that it knows."""

    def __call__(
        self,
        step: S_contra,
        body: bytes,
        *,
        http_status: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Finding | None:
        """See above."""


class Ending(StrEnum):
    """What came of asking."""

    FOUND = "found"
    STRANGER = "stranger"
    """Something answers, and it is nothing that we know."""
    LOCKED = "locked"
    """Something answers, and wants credentials before it says anything."""
    REFUSED = "refused"
    """Nobody listens, or no way leads there."""
    TIMEOUT = "timeout"
    """Nobody says anything in time."""


@dataclass(slots=True)
class Sighting:
    """What was seen.

    Args:
        finding: who it is; None: nobody that we know, or nobody at all.
        address: host:port where it answered.
        said: what each question brought, for people: step, door, words.
        heard: did anything answer at all?
        locked: did anything want credentials?
        timed_out: was there silence at some door?
        own_fault: why this machine could not ask at all.
    """

    finding: Finding | None = None
    address: str | None = None
    said: list[tuple[str, str, str]] = field(default_factory=list)
    heard: bool = False
    locked: bool = False
    timed_out: bool = False
    own_fault: str | None = None

    @property
    def ending(self) -> Ending:
        """What came of it."""
        if self.finding is not None:
            return Ending.FOUND
        if self.heard:
            return Ending.LOCKED if self.locked else Ending.STRANGER
        return Ending.TIMEOUT if self.timed_out else Ending.REFUSED


@dataclass(frozen=True, slots=True)
class _Door:
    """A port, and what is asked there, in order."""

    transport: Transport
    address: str
    steps: tuple[Step, ...]


class Prober:
    """Asks unknown miners, at most two questions per host at once.

    Args:
        web: connections for HTTP.
        tcp: asks the others.
        clock: measures.
        steps: what to ask, in order.
        recognise: who gave an answer.
        deadline_s: for each answer.
    """

    def __init__(
        self,
        web: Devices,
        tcp: CgminerClient,
        clock: Clock,
        *,
        steps: Sequence[S_contra],
        recognise: Recognise[S_contra],
        deadline_s: float = 5.0,
    ) -> None:
        self._web = web
        self._tcp = tcp
        self._clock = clock
        self._steps = tuple(steps)
        self._recognise: Callable[..., Finding | None] = recognise
        self._deadline_s = deadline_s

    async def look(
        self,
        address: str,
        *,
        transport: Literal["http", "tcp", "auto"] = "auto",
        offered: Mapping[str, str] | None = None,
    ) -> Sighting:
        """Ask until one answer tells who it is; the web first, then the other ports side by side.

        Args:
            address: host:port. At a port of no known kind everything is asked there and nowhere
                else; else each question at the port where such miners listen.
            transport: ask over this one only.
            offered: credentials for the questions that want some; None: these are left out.

        Raises:
            OwnFaultError: this machine could not ask.
        """
        seen = Sighting()
        try:
            doors = self._doors(address, transport)
        except AddressInvalidError:
            seen.said.append(("address", address, "no such address"))
            return seen
        for door in (door for door in doors if door.transport == "http"):
            await self._ask_web(door, offered, seen)
        if seen.finding is None or seen.finding.locked:
            turns = asyncio.Semaphore(_AT_ONCE)
            others = [door for door in doors if door.transport == "tcp"]
            sightings = await asyncio.gather(*(self._ask_tcp(door, turns) for door in others))
            for other in sightings:
                _take(seen, other)
        if seen.own_fault is not None:
            raise OwnFaultError(seen.own_fault)
        return seen

    def _doors(self, address: str, transport: str) -> list[_Door]:
        name, port = split(address)
        host = f"[{name}]" if ":" in name else name
        usual = _WEB_PORTS | {port for step in self._steps for port in step.ports}

        def port_of(step: Step) -> int:
            if port not in usual:
                return port
            if step.transport == "http":
                return port if port in _WEB_PORTS else _WEB_PORT
            return step.ports[0]

        wanted = [step for step in self._steps if transport in {"auto", step.transport}]
        keyed = sorted(wanted, key=lambda step: (step.transport, port_of(step)))
        return [
            _Door(over, f"{host}:{at}", tuple(steps))
            for (over, at), steps in groupby(
                keyed, key=lambda step: (step.transport, port_of(step))
            )
        ]

    async def _ask_web(
        self, door: _Door, offered: Mapping[str, str] | None, seen: Sighting
    ) -> None:
        """Ask at a web port until somebody is known, or nobody is there."""
        locked: set[str] = set()
        for step in door.steps:
            if step.auth != "none" and (step.question not in locked or offered is None):
                continue
            reply = await self._get(step, door, offered)
            if reply.fault is Fault.OURS:
                seen.own_fault = reply.error
                return
            seen.said.append((step.name, door.address, reply.error or f"HTTP {reply.http_status}"))
            if reply.fault in {Fault.TIMEOUT, Fault.REFUSED}:
                seen.timed_out |= reply.fault is Fault.TIMEOUT
                return
            seen.heard = True
            if reply.http_status == _ASKS_WHO:
                locked.add(step.question)
                seen.locked = True
            found = self._recognise(
                step,
                reply.body,
                http_status=reply.http_status,
                headers={"WWW-Authenticate": ", ".join(reply.challenges)},
            )
            if found is not None and (seen.finding is None or not found.locked):
                seen.finding, seen.address = found, door.address
                if not found.locked:
                    return

    async def _get(self, step: Step, door: _Door, offered: Mapping[str, str] | None) -> Reply:
        question = Question(f"http://{door.address}{step.question}")
        if step.auth == "none" or offered is None:
            return await fetch(self._web, question, self._clock, deadline_s=self._deadline_s)
        login = Login(
            username=offered.get("username", "root"),
            password=offered.get("password", ""),
            new_cnonce=lambda: secrets.token_hex(8),
            basic=step.auth == "basic",
        )
        return await fetch_logged_in(
            self._web, question, self._clock, login, deadline_s=self._deadline_s
        )

    async def _ask_tcp(self, door: _Door, turns: asyncio.Semaphore) -> Sighting:
        """Ask at a port of commands until somebody is known, or nobody is there."""
        seen = Sighting()
        async with turns:
            for step in door.steps:
                try:
                    answer = await self._tcp.ask(
                        door.address, step.question, deadline_s=self._deadline_s
                    )
                except CgminerOwnFaultError as exc:
                    seen.own_fault = str(exc)
                    break
                except CgminerError as exc:
                    seen.said.append((step.name, door.address, str(exc) or exc.kind))
                    seen.heard |= isinstance(exc, CgminerUnreadableError)
                    if _nobody_is_there(exc):
                        seen.timed_out = isinstance(exc, CgminerTimeoutError)
                        break
                    continue
                seen.heard = True
                seen.said.append((step.name, door.address, _words(answer.body)))
                found = self._recognise(step, answer.body)
                if found is not None:
                    seen.finding, seen.address = found, door.address
                    break
        return seen


def _nobody_is_there(exc: CgminerError) -> bool:
    gone = CgminerTimeoutError, CgminerUnreachableError, CgminerForbiddenError
    return isinstance(exc, gone)


def _take(seen: Sighting, other: Sighting) -> None:
    """Add what was seen at another door; the first that is open counts, else the first at all."""
    seen.said += other.said
    seen.heard |= other.heard
    seen.timed_out |= other.timed_out
    seen.own_fault = seen.own_fault or other.own_fault
    if other.finding is not None and (seen.finding is None or seen.finding.locked):
        seen.finding, seen.address = other.finding, other.address


def _words(body: bytes) -> str:
    """The start of an answer, printable."""
    text = body[:_KEPT_WORDS].decode(errors="replace")
    return "".join(char if char.isprintable() else " " for char in text)


def summary_of(said: Iterable[tuple[str, str, str]]) -> str:
    """What the questions brought, in one line for people."""
    return "; ".join(f"{step} at {door}: {words}" for step, door, words in said)
