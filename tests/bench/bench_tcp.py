"""What does a poll over TCP cost beside a bare asyncio loop that asks the same question?

In one process, a connection for each question: the whole path of a poll (lanes, question, JSON
checked and its status read, event encoded) against ``asyncio.open_connection``, write, read to the
end; and against the least that asyncio can do, a protocol of a dozen lines. The miners, in another
process, answer ``stats`` of an Antminer S19 Pro (2,259 bytes) and a NUL, and hang up.

Last answer, on a machine at rest: 0.63 of streams, 0.53 of the bare protocol; 6,775 polls/CPU-s.

    python tests/bench/bench_tcp.py [--quick]
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.bench.collector_rig import Makes, served
from tests.bench.lane_polls import cpu_of_polls

from collector_cgminer.adapters.family import TcpFamily
from collector_cgminer.domain.families import ANTMINER
from collector_cgminer.settings import CgminerSettings
from minestream_emulators.recorded import recorded as recording
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.fleet import Fleet
from minestream_runtime.collecting.owners import Owner
from minestream_runtime.collecting.poller import Poller
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_schemas.inventory import InventoryEntry

QUESTION: Final = b'{"command":"stats"}'
AT_ONCE: Final = 64
GOAL: Final = 0.6


@dataclass(frozen=True)
class Size:
    """How much is measured: polls per round, rounds after one that warms up."""

    polls: int
    rounds: int


WHOLE: Final = Size(4096, 9)
QUICK: Final = Size(256, 1)


class _Miner(asyncio.Protocol):
    """Any miner: whoever asks is answered and hung up on."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self._answers = answers
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answers[json.loads(data)["command"]])
        self._transport.close()


def _answers() -> dict[str, bytes]:
    def recorded(command: str) -> bytes:
        sample = recording(f"cgminer/s19pro_{command}")
        return json.dumps(sample, separators=(",", ":")).encode() + b"\0"

    return {command: recorded(command) for command in (ANTMINER.main, *ANTMINER.cadence_s)}


def _far_side() -> Makes:
    answers = _answers()
    return lambda: _Miner(answers)


def tcp_miners() -> AbstractContextManager[Callable[[int], str]]:
    """Antminers on 4028; see ``served``."""
    return served(_far_side, "127.10")


async def _timed(ask: Callable[[str, int], Any], addresses: list[str], polls: int) -> float:
    """CPU seconds of so many questions."""

    async def loop(address: str, count: int) -> None:
        host, _, port = address.rpartition(":")
        for _ in range(count):
            assert await ask(host, int(port))

    await asyncio.gather(*(loop(address, 1) for address in addresses))
    gc.collect()
    began_s = time.process_time()
    await asyncio.gather(*(loop(address, polls // AT_ONCE) for address in addresses))
    return time.process_time() - began_s


async def _by_streams(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(QUESTION)
    answer = await reader.read()
    writer.close()
    return answer


class _Bare(asyncio.Protocol):
    """The least that asks a question."""

    def __init__(self, done: asyncio.Future[bytes]) -> None:
        self._done = done
        self._parts: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.write(QUESTION)

    def data_received(self, data: bytes) -> None:
        self._parts.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        assert exc is None
        self._done.set_result(b"".join(self._parts))


async def _by_protocol(host: str, port: int) -> bytes:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[bytes] = loop.create_future()
    await loop.create_connection(lambda: _Bare(done), host, port)
    return await done


async def streams(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many questions over asyncio's streams."""
    return await _timed(_by_streams, addresses, polls)


async def protocol(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many questions over a bare protocol."""
    return await _timed(_by_protocol, addresses, polls)


async def asked(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many questions of the client alone."""
    client = CgminerClient()

    async def ask(host: str, port: int) -> bytes:
        return (await client.ask(f"{host}:{port}", "stats")).body

    return await _timed(ask, addresses, polls)


async def polled(addresses: list[str], polls: int) -> float:
    """CPU seconds of so many polls."""
    clock, settings = SystemClock(), CgminerSettings()
    owner = Owner([TcpFamily(ANTMINER, CgminerClient(), clock, deadline_s=5.0)])
    fleet = Fleet(
        settings,
        None,
        owner.claim,
        add=lambda *_: None,
        remove=lambda _: None,
        clock=clock,
    )
    for number, address in enumerate(addresses):
        name = f"miner-{number:03}"
        entry = InventoryEntry(miner_id=name, site_id="site", address=address, dialect="antminer")
        # so long between polls that nothing but `stats` is due again
        fleet.there(name, entry.model_copy(update={"interval_s": 10.0}))
    poller = Poller(fleet, clock, collector_id="bench")
    return await cpu_of_polls(poller, list(fleet.miners), clock, polls)


WAYS: Final = {"streams": streams, "protocol": protocol, "asked": asked, "polled": polled}


def measure(size: Size) -> dict[str, list[float]]:
    """Microseconds of CPU per question, a number for each round, the ways in turn."""
    found: dict[str, list[float]] = {name: [] for name in WAYS}
    with tcp_miners() as address:
        addresses = [address(number) for number in range(AT_ONCE)]
        for number in range(size.rounds + 1):
            for name, way in WAYS.items():
                cpu_s = asyncio.run(way(addresses, size.polls))
                if number:  # the first warms up
                    found[name].append(cpu_s / size.polls * 1e6)
    return found


def answer(found: dict[str, list[float]]) -> dict[str, Any]:
    """The figures."""
    cost = {name: median(values) for name, values in found.items()}

    def ratio(name: str, over: str, under: str, goal: float | None = None) -> dict[str, Any]:
        value = cost[over] / cost[under]
        return {
            "name": name,
            "value": round(value, 4),
            "unit": "ratio",
            "goal": None if goal is None else f">= {goal}",
            "met": None if goal is None else value >= goal,
        }

    return {
        "subject": "tcp",
        "figures": [
            ratio("polls, of questions over asyncio's streams", "streams", "polled", GOAL),
            ratio("polls, of questions over a bare protocol", "protocol", "polled"),
            ratio("the client, of questions over asyncio's streams", "streams", "asked"),
            {
                "name": "polls in one process",
                "value": round(1e6 / cost["polled"], 1),
                "unit": "polls/CPU-s",
            },
        ],
        "detail": {
            "cpu_us": {
                name: {"min": round(min(values), 1), "median": round(median(values), 1)}
                for name, values in found.items()
            }
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only check that it works")
    chosen = QUICK if parser.parse_args().quick else WHOLE
    sys.stdout.write(json.dumps(answer(measure(chosen))) + "\n")
