"""``minestream migrate``: every registered schema, up to date."""

import asyncio
from importlib.metadata import entry_points

import typer
from rich.console import Console

from minestream_runtime.database.migrations import Migrations
from minestream_runtime.database.migrations import migrate as apply
from minestream_runtime.errors import MinestreamError
from minestream_runtime.settings import Settings


def registered() -> list[Migrations]:
    """The migrations that installed services have registered."""
    return [entry.load() for entry in entry_points(group="minestream.migrations")]


def migrate() -> None:
    """Bring the database's schemas up to date (applied files are never run again)."""
    console = Console(stderr=True)
    try:
        done = asyncio.run(apply(Settings.load(), registered()))
    except MinestreamError as exc:
        console.print(f"[red]{exc}[/]")
        raise typer.Exit(1) from exc
    for name in done:
        console.print(f"applied {name}")
    console.print(f"{len(done)} applied, everything is up to date")
