"""``minestream-edge``, also ``minestream edge``: a site's collectors, told by one file."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Final, NoReturn

import typer

from minestream_runtime.command.terminal import Screen
from minestream_runtime.documents import DocumentError, Fault
from minestream_runtime.edge.config import Edge, read_edge
from minestream_runtime.edge.foreseeing import check_places, listed, outside, unpolled
from minestream_runtime.edge.running import Collector, collectors_of, run_edge, worded
from minestream_runtime.edge.whose import left_behind
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.health import Health
from minestream_runtime.service import EXIT_CONFIGURATION, run_loaded
from minestream_schemas.inventory import Fleet

NAME: Final = "minestream-edge"
_FAULTS_SHOWN: Final = 1000
_EXIT_UNPOLLED: Final = 1
_console: Final = Screen(stderr=True, highlight=False, soft_wrap=True)


def edge(
    *,
    config: Annotated[
        Path, typer.Option(help="The site's file: YAML.", exists=True, dir_okay=False)
    ],
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Say what is wrong with the file, and which miners nobody polls; end."
        ),
    ] = False,
) -> None:
    """Poll the miners of a site without Kafka, and upload what they say to its gateway.

    SIGHUP has the list of miners read again; a change of the file does too. Exit codes: 0 ended as
    told, 78 the file is wrong, 70 a fault, 2 wrong usage; of --check 1: miners that no collector
    of the site polls.

    Example: minestream-edge --config /etc/minestream/edge.yaml --check
    """
    with _refusing(config):
        site = read_edge(config, os.environ)
        collectors = collectors_of(site)
        check_places(site)
    if check:
        _check(site, collectors)
        return

    async def main(_: object, health: Health) -> None:
        await run_edge(site, collectors, health)

    run_loaded(NAME, lambda: collectors[0].settings, main, worded=partial(worded, site))


def main() -> None:
    """The console script."""
    typer.run(edge)


def _check(site: Edge, collectors: list[Collector]) -> None:
    with _refusing(site.inventory):
        fleet = listed(site, collectors)
    with _refusing(site.path):
        warnings = left_behind(site.path.parent / site.file.spool.folder, site.file.site)
        exposed = site.exposed()
        faults = outside(collectors, fleet)
        faults += asyncio.run(unpolled(site, collectors, fleet))
    _tell(site, collectors, fleet)
    for said in ([exposed] if exposed else []) + warnings:
        _console.print(f"warning: {said}", style="yellow", markup=False)
    for fault in faults:
        _console.print(fault, style="red", markup=False)
    if faults:
        raise typer.Exit(_EXIT_UNPOLLED)


def _tell(site: Edge, collectors: list[Collector], fleet: Fleet) -> None:
    spool, miners = site.file.spool, fleet.miners
    hints = Counter(entry.dialect or entry.transport for entry in miners.values())
    typer.echo(f"site       {site.file.site}, {len(miners)} miners")
    typer.echo(f"gateway    {site.file.gateway}")
    typer.echo(f"collectors {', '.join(each.name for each in collectors)}")
    typer.echo(f"speaking   {', '.join(f'{name} {count}' for name, count in hints.items())}")
    typer.echo(
        f"spool      {site.path.parent / spool.folder}: "
        f"{spool.most_bytes / (1 << 30):g} GiB or {spool.most_age_s / 86_400:g} days"
    )


@contextmanager
def _refusing(file: Path) -> Iterator[None]:
    """Whatever is wrong with a file is told with its name and line, and ends the command."""
    try:
        yield
    except DocumentError as exc:
        _refuse(file, exc.faults)
    except ConfigurationError as exc:  # of the environment: no file has it
        _end([str(exc)])
    except UnicodeDecodeError as exc:
        _refuse(file, [Fault(1, f"no UTF-8 at byte {exc.start}")])
    except OSError as exc:
        _refuse(file, [Fault(1, f"cannot be read: {exc.strerror}")])


def _refuse(file: Path, faults: list[Fault]) -> NoReturn:
    _end([f"{file}:{fault.line}: {fault.text}" for fault in faults])


def _end(faults: list[str]) -> NoReturn:
    for fault in faults[:_FAULTS_SHOWN]:
        _console.print(fault, markup=False)
    _console.print("[red]1 fault[/]" if len(faults) == 1 else f"[red]{len(faults)} faults[/]")
    raise typer.Exit(EXIT_CONFIGURATION)
