"""``minestream probe``: asks one miner, and tells what it is and what it says."""

import asyncio
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from collector_vnish.adapters.asking import Asked, ask
from minestream_dialects import HEALTHY_CHIPS_RATIO, normalise
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.terminal import EXIT_USAGE, console, refuse
from minestream_runtime.devices.addresses import family_of, split
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.networks import refusal as outside
from minestream_runtime.discovery.probing import Ending, Sighting
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.settings import Settings
from minestream_schemas.raw import PollStatus, RawMiner

EXIT_UNREACHABLE: Final = 1
EXIT_NOT_A_MINER: Final = 3
EXIT_UNREADABLE: Final = 4
EXIT_LOCKED: Final = 5
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*))(?::(\d{1,5}))?")
_MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no reading, what to do about it, and the exit code."""

    text: str
    code: int


def probe(
    host: Annotated[
        str,
        typer.Argument(
            metavar="HOST[:PORT]", help="the miner; its web, 4028 and 4433 if no port is named"
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="the reading as JSON")] = False,
    deadline: Annotated[
        float, typer.Option(help="seconds for each answer", min=0.1, max=60.0)
    ] = 10.0,
    username: Annotated[
        str | None, typer.Option(help="of the miner's web page; its password is asked for")
    ] = None,
    password: Annotated[
        str | None, typer.Option(envvar="MINESTREAM_MINER_PASSWORD", hidden=True)
    ] = None,
    *,
    web_port: Annotated[
        int | None,
        typer.Option(
            envvar="MINESTREAM_MINER_WEB_PORT",
            min=1,
            max=65_535,
            help="its web pages' (chips of Vnish 3.x); 80 of a miner at 4028",
        ),
    ] = None,
    healthy_chips_ratio: Annotated[
        float, typer.Option(envvar="MINESTREAM_HEALTHY_CHIPS_RATIO", hidden=True, min=0.0, max=1.0)
    ] = HEALTHY_CHIPS_RATIO,
) -> None:
    """Ask one miner, over HTTP and TCP; tell its dialect, firmware, model and reading.

    Exit codes: 0 a reading; 1 unreachable (refused, no answer in time); 2 wrong usage;
    3 something answers, but no miner that we know; 4 a miner whose answer cannot be read;
    5 it wants credentials, or refuses ours.

    Example: minestream probe 10.0.0.11 --username root
    """
    address = address_of(host)
    if address is None:
        refuse(f"{host}: that is no HOST or HOST:PORT", EXIT_USAGE)
    login = login_of(username, password)
    try:
        allowed = Settings.load().networks.allows
        name = split(address)[0]
        if family_of(name) is not None and not allowed(name):
            refuse(outside(name), EXIT_USAGE)
        asked = asyncio.run(
            ask(
                address,
                SystemClock(),
                deadline_s=deadline,
                login=login,
                allowed=allowed,
                web_port=web_port,
            )
        )
    except ConfigurationError as exc:
        refuse(str(exc), EXIT_USAGE)
    except OwnFaultError as exc:
        refuse(f"this machine could not ask: {exc}", EXIT_UNREACHABLE)
    refusal = _unknown(asked.seen, address, deadline) or _unread(asked)
    if refusal is not None:
        refuse(refusal.text, refusal.code)
    if asked.event is not None:
        where = asked.seen.address or address
        _tell(asked.event, where, as_json=as_json, healthy_chips_ratio=healthy_chips_ratio)


def login_of(username: str | None, password: str | None) -> Mapping[str, str] | None:
    """Credentials as a person gave them; a password that is missing is asked for."""
    if username is None and password is None:
        return None
    if password is None:
        password = typer.prompt(f"password of {username}", hide_input=True, err=True)
    return {"username": username or "root", "password": password}


def address_of(host: str) -> str | None:
    """``HOST:PORT`` of what a person typed; None: that is no address."""
    found = _ADDRESS.fullmatch(host.strip().removeprefix("http://").rstrip("/"))
    if found is None:
        return None
    port = int(found[2] or 80)
    return f"{found[1]}:{port}" if 0 < port <= _MOST_PORT else None


def _unknown(seen: Sighting, address: str, deadline_s: float) -> Refusal | None:
    """Why nothing is known of what stands there; None: it is known."""
    said = "".join(f"\n  {step} at {door}: {words}" for step, door, words in seen.said)
    match seen.ending:
        case Ending.REFUSED:
            return Refusal(
                f"{address}: nobody listens there. Is that its address, and is it on?{said}",
                EXIT_UNREACHABLE,
            )
        case Ending.TIMEOUT:
            return Refusal(
                f"{address}: no whole answer within {deadline_s:g} s. "
                f"Asleep, behind a firewall, or overloaded?{said}",
                EXIT_UNREACHABLE,
            )
        case Ending.STRANGER:
            return Refusal(
                f"{address}: answers, but is no miner that we know{said}", EXIT_NOT_A_MINER
            )
        case Ending.LOCKED:
            return Refusal(
                f"{address}: answers, but wants credentials first: --username NAME{said}",
                EXIT_LOCKED,
            )
        case Ending.FOUND:
            return None


def _unread(asked: Asked) -> Refusal | None:
    """Why a miner that is known gives no reading; None: it may."""
    found, event, where = asked.seen.finding, asked.event, asked.seen.address
    if found is None:
        return None
    who = f"{where}: a {found.family} miner ({found.evidence})"
    if event is None:
        return Refusal(f"{who}; nothing installed here can read it", EXIT_UNREADABLE)
    if event.status is PollStatus.UNAUTHORISED and not _has_main(event):
        return Refusal(f"{who} that refuses the credentials: --username NAME", EXIT_LOCKED)
    if event.status not in {PollStatus.OK, PollStatus.PARTIAL, PollStatus.UNAUTHORISED}:
        return Refusal(f"{who} that cannot be read ({event.error})", EXIT_UNREADABLE)
    return None


def _has_main(event: RawMiner) -> bool:
    """The first endpoint that a poll asks is its main one."""
    first = next(iter(event.endpoints.values()), None)
    return first is not None and first.status is PollStatus.OK


def _tell(event: RawMiner, address: str, *, as_json: bool, healthy_chips_ratio: float) -> None:
    found = normalise(event, healthy_chips_ratio=healthy_chips_ratio)
    reading = json.loads(found.telemetry.to_json())
    if as_json:
        sys.stdout.write(json.dumps(reading, indent=2) + "\n")
    else:
        chips = sum(len(board.hashrate_hs) for board in found.chips.boards) if found.chips else None
        _show(address, event, reading, chips)
    if reading.get("status") == "garbage":
        raise typer.Exit(EXIT_UNREADABLE)


def _show(address: str, event: RawMiner, reading: dict[str, Any], chips: int | None) -> None:
    out = console()
    table = Table("", "", show_header=False, box=None, pad_edge=False)
    for name in ("dialect", "firmware", "model", "algorithm", "status"):
        table.add_row(name, str(reading.get(name, "not said")))
    table.add_row("recognised by", event.dialect_evidence or "nothing")
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
    else:
        for name, body in event.endpoints.items():
            if body.status is not PollStatus.OK:
                table.add_row("not told", f"{name}: {body.error or body.status.value}")
    out.print(f"{address} answered in {event.latency_ms:.0f} ms", markup=False)
    out.print(table, markup=False)
