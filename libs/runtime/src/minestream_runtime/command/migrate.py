"""``minestream migrate``: every registered schema, up to date."""

from importlib.metadata import entry_points

import typer

from minestream_runtime.command.terminal import run
from minestream_runtime.database.migrations import Migrations
from minestream_runtime.database.migrations import migrate as apply
from minestream_runtime.settings import Settings


def registered() -> list[Migrations]:
    """The migrations that installed services have registered."""
    return [entry.load() for entry in entry_points(group="minestream.migrations")]


def migrate() -> None:
    """Bring the database's schemas up to date (applied files are never run again)."""
    done = run(apply(Settings.load(), registered()))
    for name in done:
        typer.echo(f"applied {name}", err=True)
    typer.echo(f"{len(done)} applied, everything is up to date", err=True)
