"""``minestream fault``: break the emulated world on purpose, or mend it."""

import os
from difflib import get_close_matches
from http.client import HTTPConnection, HTTPException
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from minestream_emulators.control_address import CONTROL_VARIABLE, DEFAULT_CONTROL, host_and_port
from minestream_emulators.faults import MEANING, Fault, FaultRefusedError
from minestream_emulators.troubles import TROUBLES, Trouble

_TIMEOUT_S = 10.0
_USUAL_S = 60.0
_BAD_REQUEST = 400


class NoWorldError(Exception):
    """No emulated world answers; the text says how to start one."""


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """One call of the control API of the world that runs.

    Raises:
        NoWorldError: nobody answers.
        FaultRefusedError: it refuses; the text says why and what is allowed.
    """
    where = os.environ.get(CONTROL_VARIABLE) or DEFAULT_CONTROL
    try:
        host, port = host_and_port(where)
    except ValueError as exc:
        raise NoWorldError(f"{CONTROL_VARIABLE}: {exc}") from exc
    connection = HTTPConnection(host, port, timeout=_TIMEOUT_S)
    try:
        connection.request(method, path, body=None if body is None else msgspec.json.encode(body))
        response = connection.getresponse()
        said = msgspec.json.decode(response.read(), type=dict[str, Any])
    except (OSError, HTTPException, msgspec.MsgspecError) as exc:
        raise NoWorldError(
            f"no emulated world answers at {where}; start one with `minestream demo` or "
            f"`python -m minestream_emulators`, or say where it is in {CONTROL_VARIABLE}"
        ) from exc
    finally:
        connection.close()
    if response.status >= _BAD_REQUEST:
        raise FaultRefusedError(str(said.get("error", f"HTTP {response.status}")))
    return said


def _listing(console: Console) -> None:
    table = Table("fault", "what happens", box=None, pad_edge=False)
    for fault, text in (MEANING | TROUBLES).items():
        table.add_row(fault.value, text)
    console.print(table)
    said = ask("GET", "/faults")
    active = said["active"]
    for order in active:
        miners = order["miners"]
        shown = ", ".join(miners[:5]) + (f" and {len(miners) - 5} more" if miners[5:] else "")
        console.print(f"now: {order['fault']} at {shown}")
    for trouble in said["troubles"]:
        console.print(f"now: {trouble}")
    if not active and not said["troubles"]:
        console.print("now: nothing is broken")


def _cause(
    console: Console,
    name: str,
    *,
    miners: list[str],
    share: float | None,
    number: int | None,
    for_s: float | None,
) -> None:
    if name in set(Trouble):
        if miners or share is not None or number is not None:
            raise FaultRefusedError(
                f"{name} is not of a miner: leave out --miner, --share, --count"
            )
        for_s = _USUAL_S if for_s is None else for_s
        ask("POST", "/faults", {"fault": name, "for_s": for_s or None})
        console.print(f"{name} " + (f"for {for_s:g} s" if for_s else "until healed"))
        return
    if name not in set(Fault):
        close = get_close_matches(name, [*Fault, *Trouble], n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise FaultRefusedError(f"unknown fault {name!r}: {hint}--list says what there is")
    which = Fault(name)
    if for_s is None and which is not Fault.REBOOT:
        for_s = _USUAL_S
    body: dict[str, Any] = {"fault": which.value, "for_s": for_s or None}
    if miners:
        body["miners"] = miners
    if share is not None:
        body["share"] = share
    if number is not None:
        body["count"] = number
    order = ask("POST", "/faults", body)
    lasts = order["ends_s"] and order["ends_s"] - order["begins_s"]
    until = f"for {lasts:g} s" if lasts else "until healed"
    for miner in order["miners"]:
        console.print(f"{order['fault']} at {miner} {until}")


def fault(
    name: Annotated[str | None, typer.Argument(help="which fault; see --list")] = None,
    *,
    miner: Annotated[list[str] | None, typer.Option(help="whom, by id; repeatable")] = None,
    share: Annotated[float | None, typer.Option(help="of the fleet, above 0 and up to 1")] = None,
    count: Annotated[int | None, typer.Option(help="so many of the fleet; default 1")] = None,
    for_s: Annotated[
        float | None,
        typer.Option("--for", min=0, help="seconds; default 60, a reboot 30; 0: until healed"),
    ] = None,
    show: Annotated[bool, typer.Option("--list", help="what there is and what is active")] = False,
    heal: Annotated[bool, typer.Option("--heal", help="mend everything")] = False,
) -> None:
    """Break the emulated world on purpose: a hot chip, a dead fan, a silent miner and more."""
    console = Console(highlight=False, soft_wrap=True)
    try:
        if heal:
            console.print(f"healed {ask('DELETE', '/faults')['healed']}")
        elif show or name is None:
            _listing(console)
        else:
            _cause(console, name, miners=miner or [], share=share, number=count, for_s=for_s)
    except (NoWorldError, FaultRefusedError) as exc:
        Console(stderr=True, highlight=False, soft_wrap=True).print(f"[red]{exc}[/]")
        raise typer.Exit(1) from exc
