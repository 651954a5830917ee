"""``minestream inventory``: the fleet as a file, in and out."""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import structlog
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from api_gateway.adapters.database import Writer, fleet, open_writer
from api_gateway.adapters.database.outbox import OUTBOX
from api_gateway.adapters.relay import relay_of
from api_gateway.domain.inventory import (
    Changes,
    compare,
    removes_most,
    taken_addresses,
)
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.database.outbox import Relay
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    MinestreamError,
    StoreUnavailableError,
)
from minestream_runtime.inventory.columns import MappingError
from minestream_runtime.inventory.reading import Wanted, read_inventory
from minestream_runtime.inventory.sealing import sealed_fleet
from minestream_runtime.inventory.table import read_table, wanted_of, write_table
from minestream_runtime.inventory.writing import write_inventory
from minestream_runtime.kafka import Producer, topic_states
from minestream_runtime.sealing import Sealer
from minestream_schemas.inventory import INVENTORY, Fleet

app = typer.Typer(no_args_is_help=True, help="The fleet: which miners there are.")
_console: Final = Console(stderr=True)
_RELAY_WAIT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.1
_FAULTS_SHOWN: Final = 1000
_WIDE: Final = 240
"""Columns of a table that goes into a file or a pipe."""
_NO_STORE: Final = (
    "is a stack running here (`minestream status`), or MINESTREAM_DATABASE_URL right?"
)
_TABLES: Final = frozenset({".csv", ".tsv", ".txt"})
_T = TypeVar("_T")


@app.callback()
def quiet() -> None:
    """The fleet: which miners there are, and where."""
    for name in ("aiokafka", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="YAML, or CSV", exists=True, dir_okay=False)],
    *,
    site: Annotated[
        str | None, typer.Option(help="Of rows of a CSV file that name no site.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option("--map", help="COLUMN=FIELD of a CSV file; FIELD - passes it over."),
    ] = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove miners that the file does not list.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", help="Take a table's columns as shown; let --prune remove most of the fleet."
        ),
    ] = False,
) -> None:
    """Bring the fleet to what FILE says, and tell the collectors.

    A table (CSV, also another manager's export) changes only what its columns speak of; which
    column is taken as what is shown first.
    """
    try:
        if file.suffix.casefold() in _TABLES:
            wish = _wish_of_table(file, site, column or [], asked=not (yes or dry_run))
        else:
            wish = _wish_of_yaml(file)
            if prune and not wish(Fleet({}, {})).fleet.miners and not (yes or dry_run):
                _confirm()
        changes, last = _run(_import(wish, prune=prune, dry_run=dry_run, yes=yes))
    except MappingError as exc:
        _refuse(file, [Fault(1, str(exc))])
    except DocumentError as exc:
        _refuse(file, exc.faults)
    except UnicodeDecodeError as exc:
        _refuse(file, [Fault(1, f"no UTF-8 at byte {exc.start}")])
    counts = (
        f"{len(changes.added)} added, {len(changes.changed)} changed, "
        f"{len(changes.removed)} removed, {changes.unchanged} unchanged"
    )
    typer.echo(f"would be {counts}; nothing was written" if dry_run else counts)
    if last is not None:
        _publish(last)


@app.command()
def export(
    file: Annotated[
        Path | None,
        typer.Argument(help="YAML, or CSV; YAML to standard output when absent", dir_okay=False),
    ] = None,
) -> None:
    """Write the fleet so that it can be imported again; credentials stay sealed, or out of CSV."""
    found = _run(_read())
    if file is None:
        write_inventory(found, sys.stdout)
        return
    write = write_table if file.suffix.casefold() in _TABLES else write_inventory
    with file.open("w", encoding="utf-8", newline="") as out:
        write(found, out)
    _console.print(f"{len(found.miners)} miners written to {file}")


@app.command("list")
def list_(
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show the miners of the fleet."""
    found = _run(_read())
    entries = [e for _, e in sorted(found.miners.items()) if site in {None, e.site_id}]
    if as_json:
        for entry in entries:
            shown = entry.model_dump(mode="json", exclude={"sealed"}, exclude_none=True)
            typer.echo(json.dumps(shown | {"has_credentials": entry.sealed is not None}))
        return
    columns = ("miner_id", "site_id", "rack_id", "slot", "address", "dialect", "model")
    table = Table(*columns, box=None)
    for entry in entries:
        values = (getattr(entry, column) for column in columns)
        table.add_row(*("" if value is None else str(value) for value in values))
    out = Console()
    Console(width=None if out.is_terminal else _WIDE).print(table)
    _console.print(f"{len(entries)} miners")


@app.command()
def publish() -> None:
    """Send every entry again: rebuilds minestream.inventory.v1."""

    async def enqueue() -> int | None:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            fleet.changing(writer) as connection,
        ):
            return await fleet.republish(connection)

    last = _run(enqueue())
    if last is None:
        typer.echo("the fleet is empty: nothing to send")
    else:
        _publish(last)


Wish = Callable[[Fleet], Wanted]
"""What a file wants the fleet to be, given the fleet as it is."""


def _wish_of_yaml(file: Path) -> Wish:
    with _progress() as bar:
        task = bar.add_task("reading", total=None)
        wanted = read_inventory(
            file.read_text(encoding="utf-8"),
            os.environ,
            advanced=lambda done, total: bar.update(task, completed=done, total=total),
        )
    return lambda _: wanted


def _wish_of_table(file: Path, site: str | None, columns: list[str], *, asked: bool) -> Wish:
    given = dict(column.rpartition("=")[::2] for column in columns)
    table = read_table(file.read_text(encoding="utf-8"), given)
    shown = Table("column", "is", "for example", box=None)
    for name, of, sample in table.samples():
        secret = of == "password" and sample
        shown.add_row(name, of or "(nothing we know)", "…" if secret else sample)
    _console.print(f"{file}: {table.mapped.layout}, {len(table.rows)} rows")
    _console.print(shown)
    if asked:
        if not sys.stdin.isatty():
            _console.print("[red]add --yes if these columns are right, else --map COLUMN=FIELD[/]")
            raise typer.Exit(1)
        typer.confirm("Are these columns right?", abort=True, err=True)
    return lambda there: wanted_of(table, there, site_id=site)


async def _import(
    wish: Wish, *, prune: bool, dry_run: bool, yes: bool
) -> tuple[Changes, int | None]:
    settings = GatewaySettings.load()
    sealer = Sealer.from_settings(settings)
    async with open_writer(settings) as writer, fleet.changing(writer) as connection:
        there = await fleet.read_fleet(connection)
        wanted = wish(there)
        target = sealed_fleet(wanted, there, sealer)
        changes = compare(there, target, prune=prune)
        if not prune:
            _check_addresses(there, target, wanted)
        if removes_most(changes, len(there.miners)) and not (yes or dry_run):
            raise ConfigurationError(
                f"--prune would remove {len(changes.removed)} of {len(there.miners)} miners and "
                "nothing was written: add --yes if that is meant"
            )
        last = None if dry_run else await fleet.apply(connection, changes)
    return changes, last


def _check_addresses(there: Fleet, target: Fleet, wanted: Wanted) -> None:
    faults = [
        Fault(
            wanted.lines[miner_id],
            f"{miner_id}: its address {target.miners[miner_id].address} belongs to {holder}, "
            "which is in the fleet and not in this file (--prune would remove it)",
        )
        for miner_id, holder in taken_addresses(there, target)
    ]
    if faults:
        raise DocumentError(sorted(faults))


def _progress() -> Progress:
    return Progress(console=_console, transient=True, disable=not _console.is_terminal)


def _confirm() -> None:
    """Ask before the transaction begins: whoever thinks it over holds up nobody."""
    if not sys.stdin.isatty():
        _console.print("[red]the file lists no miner: add --yes to remove the whole fleet[/]")
        raise typer.Exit(1)
    typer.confirm("The file lists no miner. Remove the whole fleet?", abort=True, err=True)


def _refuse(file: Path, faults: list[Fault]) -> NoReturn:
    for fault in faults[:_FAULTS_SHOWN]:
        _console.print(f"{file}:{fault.line}: {fault.text}", markup=False, soft_wrap=True)
    if len(faults) > _FAULTS_SHOWN:
        _console.print(f"… and {len(faults) - _FAULTS_SHOWN} more")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    _console.print(f"[red]{count}; nothing was written[/]")
    raise typer.Exit(1)


def _publish(last: int) -> None:
    left, reason = _run(_relay(last))
    if left == 0:
        _console.print("published to the collectors")
    else:
        _console.print(
            f"[yellow]{left} events wait in the outbox ({reason}); the gateway sends them "
            "as soon as it can[/]"
        )


async def _read() -> Fleet:
    async with (
        open_writer(GatewaySettings.load()) as writer,
        writer.connection() as connection,
    ):
        return await fleet.read_fleet(connection)


async def _relay(last: int) -> tuple[int, str]:
    """Send what waits, or see the running relay do it; how many still wait, and why."""
    settings = GatewaySettings.load()
    async with AsyncExitStack() as stack:
        writer = await stack.enter_async_context(open_writer(settings))
        producer = await stack.enter_async_context(Producer(settings, deadline_s=_RELAY_WAIT_S))
        bar = stack.enter_context(_progress())
        try:
            [topic] = await topic_states(settings, [INVENTORY])
            if topic.partitions is None:
                return await _waiting(writer, last), f"there is no topic {topic.name}"
            await _drained(relay_of(settings, writer, producer, SystemClock()), writer, last, bar)
        except BrokerUnavailableError as exc:
            return await _waiting(writer, last), str(exc)
        return await _waiting(writer, last), "the gateway's relay has not come to them yet"


async def _drained(relay: Relay, writer: Writer, last: int, bar: Progress) -> None:
    """Drain, or wait as long as another relay makes headway."""
    total = left = await _waiting(writer, last)
    task = bar.add_task("publishing", total=total)
    idle_s = 0.0
    while not await relay.drain(advanced=lambda sent: bar.advance(task, sent)):
        before, left = left, await _waiting(writer, last)
        bar.update(task, completed=total - left)
        idle_s = idle_s + _LOOK_EVERY_S if left == before else 0.0
        if left == 0 or idle_s >= _RELAY_WAIT_S:
            return
        await asyncio.sleep(_LOOK_EVERY_S)


async def _waiting(writer: Writer, last: int) -> int:
    async with writer.connection() as connection:
        return await OUTBOX.count_waiting(connection, up_to=last)


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    try:
        return asyncio.run(work)
    except StoreUnavailableError as exc:
        _console.print(f"{exc}\n{_NO_STORE}", style="red", markup=False)
        raise typer.Exit(1) from exc
    except MinestreamError as exc:
        _console.print(str(exc), style="red", markup=False)
        raise typer.Exit(1) from exc
