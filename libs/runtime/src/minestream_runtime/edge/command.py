"""``minestream-edge``, also ``minestream edge``: a site's collectors, told by one file."""

import os
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from minestream_runtime.command.terminal import Screen
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.edge.config import Edge, read_edge
from minestream_runtime.edge.running import Collector, collectors_of, run_edge
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.service import EXIT_CONFIGURATION, run_loaded
from minestream_schemas.inventory import Fleet

NAME: Final = "minestream-edge"
_FAULTS_SHOWN: Final = 1000
_console: Final = Screen(stderr=True, highlight=False, soft_wrap=True)


def edge(
    *,
    config: Annotated[
        Path, typer.Option(help="The site's file: YAML.", exists=True, dir_okay=False)
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with the file, and end.")
    ] = False,
) -> None:
    """Poll the miners of a site without Kafka, and upload what they say to its gateway.

    SIGHUP has the list of miners read again; a change of the file does too. Exit codes: 0 ended as
    told, 78 the file is wrong, 70 a fault.
    """
    try:
        site = read_edge(config, os.environ)
        collectors = collectors_of(site)
        fleet = site.read_inventory(os.environ).fleet if check else None
    except DocumentError as exc:
        _refuse(config, exc.faults)
    except ConfigurationError as exc:
        _refuse(config, [Fault(1, str(exc))])
    except (OSError, UnicodeDecodeError) as exc:
        _refuse(config, [Fault(1, f"cannot be read: {exc}")])
    if fleet is not None:
        _tell(site, collectors, fleet)
        return

    async def main(_: object, health: Health) -> None:
        await run_edge(site, collectors, health)

    run_loaded(NAME, lambda: collectors[0].settings, main)


def main() -> None:
    """The console script."""
    typer.run(edge)


def _tell(site: Edge, collectors: list[Collector], fleet: Fleet) -> None:
    spool = site.file.spool
    hints = Counter(entry.dialect or entry.transport for entry in fleet.miners.values())
    typer.echo(f"site       {site.file.site}, {len(fleet.miners)} miners")
    typer.echo(f"gateway    {site.file.gateway}")
    typer.echo(f"collectors {', '.join(each.name for each in collectors)}")
    typer.echo(f"speaking   {', '.join(f'{name} {count}' for name, count in hints.items())}")
    typer.echo(
        f"spool      {site.path.parent / spool.folder}: "
        f"{spool.most_bytes / (1 << 30):g} GiB or {spool.most_age_s / 86_400:g} days"
    )


def _refuse(config: Path, faults: list[Fault]) -> NoReturn:
    for fault in faults[:_FAULTS_SHOWN]:
        _console.print(f"{config}:{fault.line}: {fault.text}", markup=False)
    _console.print("[red]1 fault[/]" if len(faults) == 1 else f"[red]{len(faults)} faults[/]")
    raise typer.Exit(EXIT_CONFIGURATION)
