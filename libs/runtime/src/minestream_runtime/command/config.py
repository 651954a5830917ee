"""``minestream config``: what a configuration file would set, and the fleet that it lists."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
import yaml
from pydantic import ValidationError
from rich.markup import escape
from rich.table import Table

from minestream_runtime.command.terminal import console, refuse
from minestream_runtime.config.collection import Collection
from minestream_runtime.config.fleet import FleetFile
from minestream_runtime.config.marks import PREFIX, Outcome, Setting
from minestream_runtime.config.miners import Listed
from minestream_runtime.config.reading import Verbatim, shown
from minestream_runtime.config.source import Given, load
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.settings import VARIABLE

_HIDDEN: Final = "(secret)"
app = typer.Typer(no_args_is_help=True, help="Configuration files: check them, list their fleet.")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="YAML files")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    """Tell what each value of the files becomes; exit 1 with every fault, file and line.

    Services read the files that MINESTREAM_CONFIG names (by comma); a variable of the
    environment comes before a file.

    Example: minestream config check data_collection_config.yaml
    """
    try:
        found = load(files, os.environ)
    except ConfigurationError as exc:
        refuse(str(exc))
    if as_json:
        for given in found:
            for outcome in _in_order(given):
                typer.echo(json.dumps(_as_object(given, outcome)))
        return
    out = console()
    for given in found:
        out.print(f"[bold]{escape(str(given.file))}[/]", soft_wrap=True)
        out.print(_table(given))
        if miners := _listed(given.read.part):
            typer.echo(
                f"{len(miners)} miners, for the inventory: "
                f"minestream config fleet {given.file} --site SITE"
            )
    typer.echo(f"To use them: export {VARIABLE}={','.join(map(str, files))}")


def _in_order(given: Given) -> list[Outcome]:
    return sorted(given.outcomes, key=lambda each: given.read.line(each.at))


def _table(given: Given) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("line", justify="right")
    table.add_column("value", overflow="fold")
    table.add_column("becomes", overflow="fold")
    for outcome in _in_order(given):
        if isinstance(outcome, Setting):
            text = _HIDDEN if outcome.secret else outcome.value
            says = f"{PREFIX}{outcome.name}={text}"
        else:
            says = f"- {outcome.why}"
        table.add_row(str(given.read.line(outcome.at)), *map(escape, (shown(outcome.at), says)))
    return table


def _as_object(given: Given, outcome: Outcome) -> dict[str, object]:
    said = {
        "file": str(given.file),
        "line": given.read.line(outcome.at),
        "value": shown(outcome.at),
    }
    if not isinstance(outcome, Setting):
        return said | {"setting": None, "why": outcome.why}
    becomes = None if outcome.secret else outcome.value
    return said | {
        "setting": f"{PREFIX}{outcome.name}",
        "becomes": becomes,
        "secret": outcome.secret,
    }


@app.command("fleet")
def fleet_of(
    file: Annotated[Path, typer.Argument(help="a YAML file that lists miners")],
    site: Annotated[str, typer.Option(help="where they stand; the files do not say")],
) -> None:
    """Write the miners that a file lists as an inventory, for `minestream inventory import`.

    Variables (${NAME}) stay as they are written: no secret is printed that the file does not have.

    Example: minestream config fleet config.yaml --site farm > fleet.yaml
    """
    miners = [miner for given in load([file], Verbatim()) for miner in _listed(given.read.part)]
    if not miners:
        raise ConfigurationError(f"{file}: lists no miners")
    entries = [_worded(miner, site, file) for miner in miners]
    yaml.safe_dump({"miners": entries}, sys.stdout, sort_keys=False, allow_unicode=True)


def _listed(part: object) -> tuple[Listed, ...]:
    return part.listed() if isinstance(part, Collection | FleetFile) else ()


def _worded(miner: Listed, site: str, file: Path) -> dict[str, object]:
    try:
        entry = miner.entry(site).model_dump(mode="json", exclude_defaults=True)
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        wrong = f"{first['loc'][0]} {first['input']!r}: {first['msg']}"
        raise ConfigurationError(f"{file}: {miner.name}: {wrong}") from None
    except ValueError as exc:
        raise ConfigurationError(f"{file}: {miner.name}: {exc}") from None
    said = {**entry, "transport": "auto"}
    return said | ({"credentials": miner.credentials} if miner.credentials else {})
