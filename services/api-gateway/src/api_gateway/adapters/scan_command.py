"""``minestream inventory scan``: finds the miners of some networks, and writes or adds them."""

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from math import ceil
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api_gateway.adapters.bringing import bring, publish_up_to, read_whole
from api_gateway.adapters.terminal import CONSOLE, check_site
from api_gateway.domain.finds import Find, holders_of, new_entries
from api_gateway.settings import GatewaySettings
from minestream_dialects.detection import STEPS, Found, recognise
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.files import write_fleet
from minestream_runtime.command.terminal import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_USAGE,
    console,
    refuse,
    run,
    table,
    told,
)
from minestream_runtime.devices.addresses import split
from minestream_runtime.devices.connect_errors import OwnFaultError
from minestream_runtime.devices.networks import Network
from minestream_runtime.discovery.probing import Ending, summary_of
from minestream_runtime.discovery.scanning import (
    PORTS,
    RATE_PER_S,
    ScanRefusedError,
    Seen,
    hosts_of,
    key_of,
    networks_of,
    scanner,
)
from minestream_runtime.documents import DocumentError
from minestream_runtime.errors import StoreUnavailableError
from minestream_runtime.inventory.reading import Wanted
from minestream_schemas.inventory import Fleet, InventoryEntry
from minestream_schemas.units import Algorithm

Entries = Mapping[str, InventoryEntry]
"""By the place of the miner."""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be scanned, how fast, and with which credentials."""

    networks: list[Network]
    ports: list[int]
    rate: float
    offered: dict[str, str] | None = field(repr=False)


@dataclass(slots=True)
class _Result:
    """What a scan has seen so far; whole or not, it counts."""

    finds: list[Find] = field(default_factory=list)
    strangers: list[Seen] = field(default_factory=list)
    looked_at: int = 0
    cut_short: str | None = None

    def take(self, seen: Seen) -> None:
        """Sort somebody who answers to the miners or to the others."""
        found = seen.sighting and seen.sighting.finding
        if not isinstance(found, Found) or seen.sighting is None:
            self.strangers.append(seen)
            return
        address = seen.sighting.address or f"{seen.host}:{seen.ports[0]}"
        known = found.algorithm is not Algorithm.UNKNOWN
        self.finds.append(
            Find(
                place=_place(address),
                address=address,
                family=found.family,
                model=found.model,
                firmware=found.firmware,
                algorithm=found.algorithm.value if known else None,
                evidence=found.evidence,
                locked=found.locked,
            )
        )


def scan(
    networks: Annotated[list[str], typer.Argument(metavar="CIDR...", help="10.0.0.0/24, …")],
    *,
    port: Annotated[
        list[int] | None,
        typer.Option(min=1, max=65_535, help="Look at this one, not at 80, 443, 4028 and 4433."),
    ] = None,
    site: Annotated[str | None, typer.Option(help="Where these miners stand.")] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, max=5000, help="Connects per second.")
    ] = RATE_PER_S,
    username: Annotated[
        str | None,
        typer.Option(help="Of miners that want a login; its password is asked for."),
    ] = None,
    password: Annotated[
        str | None, typer.Option(envvar="MINESTREAM_MINER_PASSWORD", hidden=True)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="New miners go there, a new file: YAML, or CSV.", dir_okay=False, writable=True
        ),
    ] = None,
    add: Annotated[bool, typer.Option("--add", help="Add new miners to the fleet.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="--add without asking.")] = False,
    repeated: Annotated[
        bool,
        typer.Option("--repeated", help="Other sites' networks have the same addresses again."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also list who answers and is no miner.")
    ] = False,
) -> None:
    """Find the miners of some networks; write those that the fleet does not have, or add them.

    Only within MINESTREAM_ALLOWED_NETWORKS. Without --username nobody is offered a password; with
    it, whoever wants one. Of 443 it is only looked whether it is open. Ctrl-C ends it and keeps
    what was found (exit code 130).

    Example: minestream inventory scan 10.0.0.0/24 --site farm --out fleet.yaml
    """
    settings = run(_settings())
    try:
        wanted = networks_of(networks, settings.networks)
    except ScanRefusedError as exc:
        refuse(str(exc), EXIT_USAGE)
    _check(site, out, add=add, yes=yes)
    there = _fleet(needed=add)
    wish = _Wish(wanted, port or list(PORTS), rate, _login(username, password))
    result = _scan(wish, settings)
    fleet = there or Fleet({}, {})
    holders = holders_of(fleet, _place, site_id=site, repeated=repeated)
    entries = new_entries(result.finds, holders, fleet, site_id=site) if site else {}
    _tell(result, entries, holders if there is not None else None, site, as_json=as_json)
    _tell_others(result, offered=wish.offered is not None, verbose=verbose)
    _tell_elsewhere(result, holders, site)
    if out is not None:
        _write(out, entries.values(), len(result.finds) - len(entries))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if add:
        _add(entries.values(), result, yes=yes)
    if result.cut_short is not None:
        raise typer.Exit(EXIT_INTERRUPTED if result.cut_short == "interrupted" else EXIT_FAILED)


async def _settings() -> GatewaySettings:
    return GatewaySettings.load()


def _check(site: str | None, out: Path | None, *, add: bool, yes: bool) -> None:
    """What would fail only after a long scan."""
    if site is None and (out is not None or add):
        refuse("--out and --add want --site SITE: where do these miners stand?", EXIT_USAGE)
    check_site(site)
    if out is not None and not os.access(out.parent, os.W_OK):
        refuse(f"--out: no file can be made in {out.parent}", EXIT_USAGE)
    if out is not None and out.is_file() and out.stat().st_size:
        refuse(f"--out: {out} is there already, and stays as it is: name another file", EXIT_USAGE)
    if add and not yes and not sys.stdin.isatty():
        refuse(
            "--add asks before it adds, and nobody is there: give --yes, or --out FILE", EXIT_USAGE
        )


def _fleet(*, needed: bool) -> Fleet | None:
    """The fleet to compare with; None: there is no database, and none is needed."""
    try:
        return asyncio.run(read_whole())
    except StoreUnavailableError as exc:
        if needed:
            refuse(told(exc))
        CONSOLE.print(f"not compared with the fleet: {exc}", style="yellow", markup=False)
        return None


def _place(address: str) -> str:
    return key_of(*split(address))


def _login(username: str | None, password: str | None) -> dict[str, str] | None:
    if username is None:
        return None
    if password is None:
        password = typer.prompt(f"password of {username}", hide_input=True, err=True)
    return {"username": username, "password": password}


def _scan(wish: _Wish, settings: GatewaySettings) -> _Result:
    result = _Result()
    addresses = list(hosts_of(wish.networks))
    about_s = ceil(len(addresses) * len(wish.ports) / wish.rate)
    ports = ", ".join(str(port) for port in wish.ports)
    CONSOLE.print(f"{len(addresses)} addresses, port {ports}: at least {about_s} s")
    try:
        asyncio.run(_until_pressed(_look(addresses, wish, settings, result)))
    except asyncio.CancelledError:
        result.cut_short = "interrupted"
    except OwnFaultError as exc:
        result.cut_short = f"this machine could not ask: {exc}"
    if result.cut_short is not None:
        CONSOLE.print(
            f"{result.cut_short}: {result.looked_at} of {len(addresses)} addresses were looked at",
            style="yellow",
            markup=False,
        )
    return result


async def _until_pressed(looking: Coroutine[None, None, None]) -> None:
    """Look until Ctrl-C; pressed again, also once this is over, it changes nothing.

    As an exception it may come at any moment, and would lose what was found.

    Raises:
        asyncio.CancelledError: it was pressed.
    """
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(looking)

    def end() -> None:
        if not task.cancelling():
            task.cancel()

    def stop(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(end)

    signal.signal(signal.SIGINT, stop)
    await task


async def _look(
    addresses: list[str], wish: _Wish, settings: GatewaySettings, result: _Result
) -> None:
    with _bar() as bar:
        task = bar.add_task("scanning", total=len(addresses), found=0)

        def advanced() -> None:
            result.looked_at += 1
            bar.update(task, completed=result.looked_at, found=len(result.finds))

        async with scanner(
            SystemClock(),
            settings.networks,
            steps=STEPS,
            recognise=recognise,
            ports=wish.ports,
            per_s=wish.rate,
            offered=wish.offered,
        ) as looking:
            await looking.scan(addresses, result.take, advanced)


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[found]} found"),
        console=CONSOLE,
        transient=True,
        disable=not CONSOLE.is_terminal,
    )


def _tell(
    result: _Result, new: Entries, holders: Entries | None, site: str | None, *, as_json: bool
) -> None:
    finds = sorted(result.finds, key=_order)
    known = {} if holders is None else holders
    if as_json:
        for find in finds:
            entry = known.get(find.place) or new.get(find.place)
            said = {key: value for key, value in asdict(find).items() if key != "place"}
            said["miner_id"], said["site_id"] = _named(entry)
            there = None if holders is None else find.place in holders
            typer.echo(json.dumps(said | {"in_fleet": there}))
        return
    columns = ("address", "family", "model", "firmware", "algorithm", "fleet", "evidence")
    rows = table(*columns)
    for find in finds:
        name, where = _named(known.get(find.place) or new.get(find.place))
        if holders is not None and find.place not in holders:
            name = f"new {name or ''}".rstrip()
        elif where is not None and site not in {None, where}:
            name = f"{name} at {where}"
        evidence = find.evidence + (", locked" if find.locked else "")
        cells = (find.address, find.family, find.model, find.firmware, find.algorithm, name)
        rows.add_row(*(cell or "" for cell in cells), evidence)
    if finds:
        console().print(rows, markup=False)


def _named(entry: InventoryEntry | None) -> tuple[str | None, str | None]:
    return (None, None) if entry is None else (entry.miner_id, entry.site_id)


def _tell_elsewhere(result: _Result, holders: Entries, site: str | None) -> None:
    """Of these, which the fleet has at another site: they are not new, and --add moves nobody."""
    if site is None:
        return
    held = [holders[find.place] for find in result.finds if find.place in holders]
    there = Counter(entry.site_id for entry in held if entry.site_id != site)
    for other, count in sorted(there.items()):
        first = next(entry.miner_id for entry in held if entry.site_id == other)
        CONSOLE.print(
            f"{count} of these are in the fleet at {other} ({first}, …): left out; --repeated "
            f"takes them for others, where {other}'s network has these addresses again",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )


def _order(find: Find) -> tuple[int, int, int]:
    host, port = split(find.address)
    address = ip_address(host)
    return address.version, int(address), port


def _tell_others(result: _Result, *, offered: bool, verbose: bool) -> None:
    families = Counter(find.family for find in result.finds)
    each = ", ".join(f"{count} {family}" for family, count in sorted(families.items()))
    CONSOLE.print(f"{len(result.finds)} miners" + (f" ({each})" if each else ""), markup=False)
    if result.strangers:
        hint = "" if verbose else "; -v lists them"
        CONSOLE.print(f"{len(result.strangers)} answer and are no miner that we know{hint}")
    locked = sum(
        seen.sighting is not None and seen.sighting.ending is Ending.LOCKED
        for seen in result.strangers
    )
    if locked and not offered:
        CONSOLE.print(f"{locked} of these want credentials first: --username NAME")
    refused = locked + sum(find.locked for find in result.finds)
    if refused and offered:
        CONSOLE.print(f"{refused} refuse this user name or password: scan them again with theirs")
    for seen in result.strangers if verbose else ():
        ports = ", ".join(map(str, seen.ports))
        said = summary_of(seen.sighting.said) if seen.sighting else "443 is not asked"
        CONSOLE.print(f"{seen.host} (open: {ports}): {said}", markup=False, soft_wrap=True)


def _write(out: Path, entries: Iterable[InventoryEntry], left_out: int) -> None:
    fleet = Fleet({}, {entry.miner_id: entry for entry in entries})
    already = f"; {left_out} are in the fleet already" if left_out else ""
    done = "written to" if fleet.miners else "and nothing in"  # so a next scan may take the name
    if fleet.miners:
        write_fleet(fleet, out)
    CONSOLE.print(f"{len(fleet.miners)} new miners {done} {out}{already}", markup=False)


def _add(entries: Iterable[InventoryEntry], result: _Result, *, yes: bool) -> None:
    """Add them as an import would, once somebody has said so."""
    miners = {entry.miner_id: entry for entry in entries}
    if not miners:
        CONSOLE.print("nothing to add")
        return
    if result.cut_short is not None and yes:
        CONSOLE.print("nothing was added, as the scan was cut short", style="yellow")
        return
    if not yes:
        typer.confirm(f"Add {len(miners)} miners to the fleet?", abort=True, err=True)
    wanted = Wanted(Fleet({}, miners), lines=dict.fromkeys(miners, 0))
    try:
        _, last = bring(lambda _, __: wanted, prune=False, dry_run=False, yes=False)
    except DocumentError as exc:
        refuse("; ".join(fault.text for fault in exc.faults), EXIT_USAGE)
    typer.echo(f"{len(miners)} added")
    if last is not None:
        publish_up_to(last)
