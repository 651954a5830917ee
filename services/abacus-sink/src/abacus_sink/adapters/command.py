"""``minestream abacus``: is the feature store there, and what would be made in it?"""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import typer

from abacus_sink.adapters.discretion import Discretion, discreet
from abacus_sink.adapters.far_side import FarSide
from abacus_sink.adapters.registration import Found, Survey
from abacus_sink.domain.groups import DEFINITIONS, Definition
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.command.terminal import Screen
from minestream_runtime.errors import MinestreamError

app = typer.Typer(no_args_is_help=True, help="The feature store Abacus.AI.")


@app.callback()
def abacus() -> None:
    """Ask the feature store Abacus.AI."""


@app.command()
def check() -> None:
    """Say whether key and endpoint answer, what is there, what would be made. Makes nothing."""
    out = Screen(highlight=False, soft_wrap=True)
    err = Screen(stderr=True, highlight=False, soft_wrap=True)
    try:
        settings = AbacusSettings.load()
        if settings.abacus_key is None:
            err.print("MINESTREAM_ABACUS_KEY is not set: the sink is idle")
            raise typer.Exit(1)
        discretion = Discretion()
        far = FarSide(settings, discretion, SystemClock())
        with discreet(discretion), closing(far):
            version, found = asyncio.run(far.look())
    except MinestreamError as exc:
        err.print(f"[red]{exc}[/]")
        raise typer.Exit(1) from None
    out.print(f"endpoint  {settings.abacus_url or 'https://api.abacus.ai'}")
    out.print(f"key       accepted; the service is at SDK version {version}")
    sound = True
    for line, fine in report(found, settings.abacus_project):
        out.print(line)
        sound = sound and fine
    if not sound:
        raise typer.Exit(1)


def report(found: Survey, project: str) -> Iterator[tuple[str, bool]]:
    """A line for each thing that the sink needs, and whether it is there or can be made.

    Args:
        found: what is there.
        project: its name.
    """
    there = "there" if found.project_id is not None else "would be created"
    yield f"project   {project}: {there}", True
    yield f"token     {'there' if found.token else 'would be created'}", True
    for group, definition in DEFINITIONS.items():
        said, fine = _group(definition, found.groups[group], found)
        yield f"group     {definition.table}: {said}", fine


def _group(definition: Definition, group: Found | None, found: Survey) -> tuple[str, bool]:
    if group is None:
        return f"would be created with {len(definition.columns)} columns", True
    if not group.is_ours:
        return f"there, with the primary key {group.primary_key}: rename or remove it", False
    missing = sorted(definition.columns.keys() - group.columns)
    said = "there" if not missing else f"there, its schema would get {', '.join(missing)}"
    if group.group_id not in found.members:
        said += "; would be put into the project"
    return said, True
