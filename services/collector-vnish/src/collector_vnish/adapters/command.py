"""``minestream probe``: asks one miner, and tells what it is and what it says."""

import asyncio
import json
import re
import sys
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from collector_vnish.adapters.vnish import NAME, PLAN, Vnish
from collector_vnish.domain.endpoints import Endpoint, chips_endpoint
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.collecting.family import Miner, OwnFaultError
from minestream_runtime.collecting.plan import remember
from minestream_runtime.collecting.polls import Poll, Speech, outcome, to_event
from minestream_runtime.http import device_session
from minestream_schemas.inventory import InventoryEntry
from minestream_schemas.raw import EndpointBody, PollStatus, RawMiner

EXIT_UNREACHABLE: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOT_A_MINER: Final = 3
EXIT_UNREADABLE: Final = 4
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*))(?::(\d{1,5}))?")
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no reading, what to do about it, and the exit code."""

    text: str
    code: int


def probe(
    host: Annotated[str, typer.Argument(metavar="HOST[:PORT]", help="the miner; port 80 if none")],
    as_json: Annotated[bool, typer.Option("--json", help="the reading as JSON")] = False,
    deadline: Annotated[
        float, typer.Option(help="seconds for each answer", min=0.1, max=60.0)
    ] = 10.0,
) -> None:
    """Ask one miner; tell its dialect, firmware, model and reading.

    Exit codes: 0 a reading; 1 unreachable (refused, no answer in time); 2 wrong usage;
    3 something answers, but no Vnish miner; 4 a Vnish miner whose answer cannot be read.
    """
    address = _address(host)
    if address is None:
        _fail(Refusal(f"{host}: that is no HOST or HOST:PORT", EXIT_USAGE))
        return
    try:
        event = asyncio.run(_ask(address, deadline))
    except OwnFaultError as exc:
        _fail(Refusal(f"this machine could not ask: {exc}", EXIT_UNREACHABLE))
        return
    refusal = _refusal(event, address, deadline)
    if refusal is not None:
        _fail(refusal)
    from minestream_dialects import normalise  # noqa: PLC0415 - heavy, and only needed here

    found = normalise(event)
    reading = json.loads(found.telemetry.to_json())
    if as_json:
        sys.stdout.write(json.dumps(reading, indent=2) + "\n")
    else:
        chips = sum(len(board.hashrate_hs) for board in found.chips.boards) if found.chips else None
        _show(address, event, reading, chips)
    if event.status is PollStatus.GARBAGE or reading.get("status") == "garbage":
        raise typer.Exit(EXIT_UNREADABLE)


def _fail(refusal: Refusal) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(
        refusal.text, style="red", markup=False
    )
    raise typer.Exit(refusal.code)


def _address(host: str) -> str | None:
    found = _ADDRESS.fullmatch(host.strip().removeprefix("http://").rstrip("/"))
    if found is None:
        return None
    port = int(found[2] or 80)
    return f"{found[1]}:{port}" if 0 < port <= _MOST_PORT else None


async def _ask(address: str, deadline_s: float) -> RawMiner:
    clock = SystemClock()
    at, began_s = clock.now(), clock.monotonic()
    bodies: dict[str, EndpointBody] = {}
    missing: set[str] = set()
    async with device_session() as session:
        family = Vnish(session, clock, deadline_s=deadline_s)
        entry = InventoryEntry(miner_id="probed", site_id="probed", address=address)
        miner = Miner(entry, family, address, None, None, 60.0)

        async def ask(endpoint: str) -> EndpointBody:
            answer = await family.ask(miner, endpoint, deadline_s)
            bodies[endpoint] = answer.body
            if answer.missing:
                missing.add(endpoint)
            miner.memory = remember(PLAN, miner.memory, endpoint, answer, clock.monotonic())
            return answer.body

        info = await ask(Endpoint.INFO.value)
        if info.status not in {PollStatus.TIMEOUT, PollStatus.REFUSED}:
            await ask(Endpoint.SUMMARY.value)
        if bodies.get(Endpoint.SUMMARY, info).status is PollStatus.OK:
            for endpoint in (Endpoint.STATUS, Endpoint.PERF_SUMMARY):
                await ask(endpoint.value)
            for _ in range(2):
                chips = chips_endpoint(miner.memory.firmware, miner.memory.missing).value
                if chips not in bodies:
                    await ask(chips)
    latency_ms = (clock.monotonic() - began_s) * 1000
    poll = Poll(new_event_id(at), at, latency_ms, bodies, missing=frozenset(missing))
    speech = Speech(NAME, "probe", PLAN)
    return to_event(poll, entry, miner.memory, speech, collector_id="probe", interval_s=60.0)


def _refusal(event: RawMiner, address: str, deadline_s: float) -> Refusal | None:
    info = event.endpoints[Endpoint.INFO]
    summary = event.endpoints.get(Endpoint.SUMMARY)
    if info.status is PollStatus.REFUSED:
        return Refusal(
            f"{address}: refused ({info.error}). Is that its address, and its web server up?",
            EXIT_UNREACHABLE,
        )
    if info.status is PollStatus.TIMEOUT:
        return Refusal(
            f"{address}: no whole answer within {deadline_s:g} s ({info.error}). "
            "Asleep, behind a firewall, or overloaded?",
            EXIT_UNREACHABLE,
        )
    if info.status is not PollStatus.OK and (
        summary is None or summary.status is not PollStatus.OK
    ):
        return Refusal(
            f"{address}: answers, but is not a Vnish miner (/api/v1/info: {info.error})",
            EXIT_NOT_A_MINER,
        )
    status, error = outcome(
        Poll(
            event.event_id,
            event.polled_at,
            event.latency_ms,
            {Endpoint.SUMMARY.value: summary} if summary else {},
        ),
        PLAN.main,
    )
    if status is not PollStatus.OK:
        return Refusal(f"{address}: a Vnish miner that cannot be read ({error})", EXIT_UNREADABLE)
    return None


def _show(address: str, event: RawMiner, reading: dict[str, Any], chips: int | None) -> None:
    console = Console(highlight=False)
    table = Table("", "", show_header=False, box=None, pad_edge=False)
    for name in ("dialect", "firmware", "model", "algorithm", "status"):
        table.add_row(name, str(reading.get(name, "not said")))
    rows = {
        name: value
        for name, value in reading.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    for name, value in rows.items():
        table.add_row(name, f"{value:,.6g}" if isinstance(value, float) else f"{value:,}")
    if chips is not None:
        table.add_row("chips told", f"{chips:,}")
    flags = reading.get("quality_flags")
    if flags:
        table.add_row("flags", ", ".join(map(str, flags)))
    if event.error:
        table.add_row("not answered", event.error)
    console.print(f"{address} answered in {event.latency_ms:.0f} ms")
    console.print(table)
