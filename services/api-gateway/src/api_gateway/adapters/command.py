"""``minestream inventory``: the fleet as a file, in and out."""

import json
import os
import re
import sys
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer
from rich.markup import escape
from rich.table import Table

from api_gateway.adapters.bringing import Wish, bring, changed, publish_up_to, read_whole, settle
from api_gateway.adapters.database import fleet, open_writer
from api_gateway.adapters.reseal_command import reseal
from api_gateway.adapters.scan_command import scan
from api_gateway.adapters.terminal import CONSOLE, check_site, progress, step
from api_gateway.settings import GatewaySettings
from minestream_runtime.command.files import TABLES, write_fleet
from minestream_runtime.command.terminal import EXIT_FAILED, EXIT_USAGE, console, refuse, run, table
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.inventory.columns import IGNORED, MappingError, plain
from minestream_runtime.inventory.reading import Wanted, read_inventory
from minestream_runtime.inventory.table import read_table, text_of, wanted_of
from minestream_runtime.inventory.writing import write_inventory
from minestream_runtime.logs import hush
from minestream_schemas.inventory import InventoryEntry

app = typer.Typer(no_args_is_help=True, help="The fleet: which miners there are.")
app.command("scan")(scan)
app.command("reseal")(reseal)
_FAULTS_SHOWN: Final = 1000
_SECRET: Final = re.compile(r"pass|pw|secret|key|token", re.IGNORECASE)
_SPREADSHEETS: Final = frozenset({".xlsx", ".xls", ".ods"})
"""Refused where a table is read, which says what to save them as."""


@app.callback()
def quiet() -> None:
    """The fleet: which miners there are, and where."""
    hush("aiokafka", "psycopg.pool")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="YAML, or CSV", exists=True, dir_okay=False)],
    *,
    site: Annotated[
        str | None,
        typer.Option(help="Of miners that name none (in YAML, of all); --prune keeps to it."),
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

    Example: minestream inventory import miners.csv --site farm --dry-run
    """
    check_site(site)
    try:
        if file.suffix.casefold() in TABLES | _SPREADSHEETS:
            wish = _wish_of_table(file, site, column or [], asked=not (yes or dry_run))
        else:
            read = _read_yaml(file, site)
            if prune and not read.fleet.miners and not (yes or dry_run):
                _confirm()
            wish = _as_read(read)
        changes, last = bring(wish, prune=prune, dry_run=dry_run, yes=yes, site_id=site)
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
        publish_up_to(last)


@app.command()
def export(
    file: Annotated[
        Path | None,
        typer.Argument(help="YAML, or CSV; YAML to standard output when absent", dir_okay=False),
    ] = None,
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
) -> None:
    """Write the fleet so that it can be imported again; credentials stay sealed, or out of CSV.

    Example: minestream inventory export fleet.yaml
    """
    whole = run(read_whole())
    found = whole.of_site(site)
    if site is not None and not (found.sites or found.miners):
        known = ", ".join(sorted(whole.sites)) or "none"
        refuse(f"--site: no site {site!r} in the fleet; there are: {known}", EXIT_USAGE)
    if file is None:
        write_inventory(found, sys.stdout)
        return
    with progress() as bar:
        write_fleet(found, file, advanced=step(bar, "writing"))
    CONSOLE.print(f"{len(found.miners)} miners written to {file}", markup=False, soft_wrap=True)


@app.command("list")
def list_(
    *,
    site: Annotated[str | None, typer.Option(help="Only this site's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Show the miners of the fleet.

    Example: minestream inventory list --site farm --json
    """
    found = run(read_whole())
    entries = [e for _, e in sorted(found.miners.items()) if site in {None, e.site_id}]
    if as_json:
        for entry in entries:
            shown = entry.model_dump(mode="json", exclude={"sealed"}, exclude_none=True)
            typer.echo(json.dumps(shown | {"has_credentials": entry.sealed is not None}))
        return
    columns = ("miner_id", "site_id", "rack_id", "slot", "address", "dialect", "model")
    rows = table(*columns)
    for entry in entries:
        values = dict(entry) | {"dialect": entry.dialect or _found_out(entry)}
        rows.add_row(
            *("" if values[name] is None else escape(str(values[name])) for name in columns)
        )
    console().print(rows)
    CONSOLE.print(f"{len(entries)} miners")


def _found_out(entry: InventoryEntry) -> str | None:
    found = None if entry.detected is None else entry.detected.dialect
    return None if found is None else f"{found} (found)"


@app.command()
def publish() -> None:
    """Send every entry again: rebuilds minestream.inventory.v1.

    Example: minestream inventory publish
    """

    async def enqueue() -> int | None:
        async with (
            open_writer(GatewaySettings.load()) as writer,
            fleet.changing(writer) as connection,
        ):
            last = await fleet.republish(connection)
            await settle()
            return last

    last = changed(enqueue())
    if last is None:
        typer.echo("the fleet is empty: nothing to send")
    else:
        publish_up_to(last)


def _read_yaml(file: Path, site: str | None) -> Wanted:
    with progress() as bar:
        return read_inventory(
            file.read_text(encoding="utf-8"),
            os.environ,
            site_id=site,
            advanced=step(bar, "reading the file"),
        )


def _as_read(read: Wanted) -> Wish:
    return lambda _there, _advanced: read


def _wish_of_table(file: Path, site: str | None, columns: list[str], *, asked: bool) -> Wish:
    if wrong := [each for each in columns if "=" not in each]:
        raise MappingError(f"--map {wrong[0]}: COLUMN=FIELD is wanted")
    given = dict(column.rpartition("=")[::2] for column in columns)
    read = read_table(text_of(file.read_bytes()), given, site_id=site)
    shown = Table("column", "is", "for example", box=None)
    for name, of, sample in read.samples():
        secret = sample and (of == "password" or _SECRET.search(name))
        overruled = of == IGNORED and plain(name) not in map(plain, given)
        taken_as = f"{IGNORED} (--site {site})" if overruled else of or "(nothing we know)"
        words = (name, taken_as, "…" if secret else sample)
        shown.add_row(*map(escape, words))
    counted = f"{file}: {read.mapped.layout}, {len(read.rows)} rows"
    CONSOLE.print(counted, markup=False, soft_wrap=True)
    CONSOLE.print(shown)
    if asked:
        if not sys.stdin.isatty():
            CONSOLE.print("[red]add --yes if these columns are right, else --map COLUMN=FIELD[/]")
            raise typer.Exit(EXIT_USAGE)
        typer.confirm("Are these columns right?", abort=True, err=True)
    return lambda there, advanced: wanted_of(read, there, site_id=site, advanced=advanced)


def _confirm() -> None:
    """Ask before the transaction begins: whoever thinks it over holds up nobody."""
    if not sys.stdin.isatty():
        CONSOLE.print("[red]the file lists no miner: add --yes to remove the whole fleet[/]")
        raise typer.Exit(EXIT_USAGE)
    typer.confirm("The file lists no miner. Remove the whole fleet?", abort=True, err=True)


def _refuse(file: Path, faults: list[Fault]) -> NoReturn:
    for fault in faults[:_FAULTS_SHOWN]:
        CONSOLE.print(f"{file}:{fault.line}: {fault.text}", markup=False, soft_wrap=True)
    if len(faults) > _FAULTS_SHOWN:
        CONSOLE.print(f"… and {len(faults) - _FAULTS_SHOWN} more")
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    CONSOLE.print(f"[red]{count}; nothing was written[/]")
    raise typer.Exit(EXIT_FAILED)
