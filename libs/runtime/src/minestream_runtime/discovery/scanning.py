"""Looks through networks for miners: which ports are open, and who answers there.

Two steps for each host: one connect per port, at an even rate; then, where one is open, a prober's
questions. What is to be asked and what an answer means, others know.
"""

import asyncio
import socket
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import collapse_addresses, ip_network
from typing import Final, Generic

from minestream_runtime.clock import Clock
from minestream_runtime.devices.addresses import begin_connecting, connected
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.connect_errors import OwnFaultError, is_our_own, text_of
from minestream_runtime.devices.connections import Devices
from minestream_runtime.devices.http import device_session
from minestream_runtime.devices.networks import SETTING, Network, Networks, hosts
from minestream_runtime.discovery.probing import Prober, Recognise, S_contra, Sighting

PORTS: Final = (80, 443, 4028, 4433)
MOST_HOSTS: Final = 65_536
RATE_PER_S: Final = 200.0
_TLS: Final = 443
"""Only looked whether it is open: no collector speaks TLS, so who answers there alone is no use."""
_WEB: Final = 80
_CONNECT_S: Final = 1.0
_ANSWER_S: Final = 5.0
_PROBED_AT_ONCE: Final = 32
_WORKERS: Final = 512
_SLACK_S: Final = 0.05
"""So much of what a late loop has missed is made up for."""


class ScanRefusedError(ValueError):
    """These networks are not looked through."""


class Port(StrEnum):
    """What a connect came to."""

    OPEN = "open"
    CLOSED = "closed"
    SILENT = "silent"


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody who answers.

    Args:
        host: whose ports these are.
        ports: those that are open.
        sighting: what came of asking; None: only 443 is open, where nobody is asked.
    """

    host: str
    ports: tuple[int, ...]
    sighting: Sighting | None


def networks_of(words: Sequence[str], allowed: Networks) -> list[Network]:
    """The networks that somebody wants scanned, none twice.

    Args:
        words: CIDRs, or single addresses.
        allowed: where miners may be.

    Raises:
        ScanRefusedError: one is none, not allowed, or all are too many addresses.
    """
    found = []
    for word in words:
        try:
            network = ip_network(word, strict=False)
        except ValueError:
            said = f"no network: {word!r}; 10.0.0.0/24 or an address is wanted"
            raise ScanRefusedError(said) from None
        if not allowed.has(network):
            inside = ", ".join(map(str, allowed.each))
            said = f"{network} is outside of {SETTING} ({inside})"
            raise ScanRefusedError(said)
        found.append(network)
    each: list[Network] = []
    for version in (4, 6):
        each += collapse_addresses(one for one in found if one.version == version)  # type: ignore[type-var]
    total = sum(network.num_addresses for network in each)
    if total > MOST_HOSTS:
        raise ScanRefusedError(_too_many(max(each, key=lambda one: one.num_addresses), total))
    return each


def _too_many(largest: Network, total: int) -> str:
    small = 16 if largest.version == 4 else 112  # noqa: PLR2004 - both are 65,536 addresses
    parts = largest.subnets(new_prefix=max(small, largest.prefixlen))
    some = [str(part) for _, part in zip(range(2), parts, strict=False)]
    return (
        f"{total:,} addresses, and at most {MOST_HOSTS:,} go in one scan: split them into "
        f"{some[0]}" + (f", then {some[1]}, and so on" if some[1:] else " and the rest")
    )


def hosts_of(networks: Iterable[Network]) -> Iterator[str]:
    """Every address to look at."""
    for network in networks:
        yield from hosts(network, most=MOST_HOSTS)


def key_of(host: str, port: int, usual: Sequence[int] = PORTS) -> str:
    """Which miner it is: a host is one miner, unless ports of no known kind tell several apart."""
    return host if port in usual else f"{host}:{port}"


class Pace:
    """Turns at an even rate.

    Args:
        per_s: how many.
        clock: measures.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        per_s: float,
        clock: Clock,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._apart_s = 1 / per_s
        self._clock = clock
        self._sleep = sleep
        self._free_s = clock.monotonic()

    async def turn(self) -> None:
        """Wait for one."""
        now_s = self._clock.monotonic()
        begins_s = max(self._free_s, now_s - _SLACK_S)
        self._free_s = begins_s + self._apart_s
        if begins_s > now_s:
            await self._sleep(begins_s - now_s)


class Scanner(Generic[S_contra]):
    """Looks at hosts; ``scanner`` opens one.

    Args:
        web: connections for HTTP, which refuse what is not allowed.
        tcp: asks over TCP, likewise.
        clock: measures.
        steps: what to ask, in order.
        recognise: who gave an answer.
        ports: where to look.
        per_s: connects, and beginnings of questioning, per second.
        offered: credentials for who asks for some; None: nobody is given any.
    """

    def __init__(
        self,
        web: Devices,
        tcp: CgminerClient,
        clock: Clock,
        *,
        steps: Sequence[S_contra],
        recognise: Recognise[S_contra],
        ports: Sequence[int] = PORTS,
        per_s: float = RATE_PER_S,
        offered: Mapping[str, str] | None = None,
    ) -> None:
        self._web, self._tcp, self._clock = web, tcp, clock
        self._steps = tuple(steps)
        self._recognise = recognise
        self._offered = offered
        self._ports = tuple(dict.fromkeys(ports))
        self._pace = Pace(per_s, clock)
        self._probed = asyncio.Semaphore(_PROBED_AT_ONCE)
        self._workers = min(_WORKERS, max(_PROBED_AT_ONCE, int(2 * per_s)))

    async def scan(
        self,
        addresses: Iterable[str],
        seen: Callable[[Seen], None],
        advanced: Callable[[], None] = lambda: None,
    ) -> None:
        """Look at hosts, many at a time.

        Args:
            addresses: numeric ones, all of them allowed.
            seen: told of everybody who answers, at once.
            advanced: told after each host.

        Raises:
            OwnFaultError: this machine cannot ask; what was seen so far has been told.
        """
        left = iter(addresses)

        async def work() -> None:
            for host in left:
                for one in await self._look(host):
                    seen(one)
                advanced()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._workers):
                    group.create_task(work())
        except* OwnFaultError as faults:
            raise OwnFaultError(str(faults.exceptions[0])) from None

    async def _look(self, host: str) -> list[Seen]:
        found = []
        for port in self._ports:
            await self._pace.turn()
            if await knock(host, port) is Port.OPEN:
                found.append(port)
        usual = tuple(port for port in found if port in PORTS)
        seen = [await self._ask_usual(host, usual)] if usual else []
        others = [port for port in found if port not in PORTS]
        return seen + [
            Seen(host, (port,), await self._ask(host, port, self._steps)) for port in others
        ]

    async def _ask_usual(self, host: str, ports: tuple[int, ...]) -> Seen:
        """Ask at the doors that are open, and at no other: a closed one may swallow a question."""
        doors = [port for port in ports if port != _TLS]
        if not doors:
            return Seen(host, ports, None)
        steps = [
            step
            for step in self._steps
            if (_WEB if step.transport == "http" else step.ports[0]) in doors
        ]
        return Seen(host, ports, await self._ask(host, doors[0], steps))

    async def _ask(self, host: str, port: int, steps: Sequence[S_contra]) -> Sighting:
        async with self._probed:
            await self._pace.turn()
            prober = Prober(
                self._web,
                self._tcp,
                self._clock,
                steps=steps,
                recognise=self._recognise,
                deadline_s=_ANSWER_S,
            )
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return await prober.look(address, offered=self._offered)


@asynccontextmanager
async def scanner(
    clock: Clock,
    allowed: Networks,
    *,
    steps: Sequence[S_contra],
    recognise: Recognise[S_contra],
    ports: Sequence[int] = PORTS,
    per_s: float = RATE_PER_S,
    offered: Mapping[str, str] | None = None,
) -> AsyncIterator[Scanner[S_contra]]:
    """A scanner that reaches nobody outside of some networks; see ``Scanner``."""
    async with device_session(allowed=allowed.allows) as web:
        yield Scanner(
            web,
            CgminerClient(allowed=allowed.allows),
            clock,
            steps=steps,
            recognise=recognise,
            ports=ports,
            per_s=per_s,
            offered=offered,
        )


async def knock(host: str, port: int, *, deadline_s: float = _CONNECT_S) -> Port:
    """Try to connect, say nothing, and hang up.

    Args:
        host: numeric.
        port: TCP's.
        deadline_s: for it to answer.

    Raises:
        OwnFaultError: this machine has no socket for it.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock: socket.socket | None = None
    try:
        sock = begin_connecting(family, (host, port))
        async with asyncio.timeout(deadline_s):
            await connected(sock)
    except TimeoutError:
        return Port.SILENT
    except OSError as exc:
        if is_our_own(exc):
            raise OwnFaultError(text_of(exc)) from exc
        return Port.CLOSED
    finally:
        if sock is not None:
            sock.close()
    return Port.OPEN
