"""The ``minestream`` command: gathers the sub-commands that libraries and services register."""

import logging
import os
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any, Final

import typer

from minestream_runtime.errors import MinestreamError

_GROUP: Final = "minestream.commands"
_ADOPTERS: Final = "minestream.adopt"
"""Who may lead a sub-command to servers of its own: told its entry and the environment."""


def main() -> None:
    """Run the sub-command that the arguments name.

    Errors of ours are a sentence and exit code 1, never a traceback.
    """
    entries = sorted(entry_points(group=_GROUP), key=lambda entry: entry.name)
    chosen = [entry for entry in entries if entry.name in sys.argv[1:2]]
    if chosen:
        for adopter in entry_points(group=_ADOPTERS):
            adopter.load()(chosen[0].value, os.environ)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its repeats drown our sentence
    try:
        build(chosen or entries)()
    except MinestreamError as exc:
        typer.echo(f"minestream: {exc}", err=True)
        sys.exit(1)


def build(entries: list[EntryPoint]) -> typer.Typer:
    """The command with these sub-commands; one that cannot be loaded says why when it is called.

    Args:
        entries: each names a function or a Typer application.
    """
    app = typer.Typer(
        name="minestream",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for entry in entries:
        try:
            loaded = entry.load()
        except Exception as exc:  # noqa: BLE001 - one broken sub-command must not take the others
            loaded = _broken(entry, exc)
        _add(app, entry.name, loaded)
    return app


def _add(app: typer.Typer, name: str, loaded: Any) -> None:
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=name)
    else:
        app.command(name)(loaded)


def _broken(entry: EntryPoint, exc: Exception) -> Callable[[], None]:
    reason = f"not available: {entry.value} cannot be loaded ({type(exc).__name__}: {exc})"

    def explain() -> None:
        typer.echo(f"minestream {entry.name}: {reason}", err=True)
        raise typer.Exit(1)

    explain.__doc__ = reason
    return explain


def _show_version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"minestream {version('minestream-runtime')}")
        raise typer.Exit


def _root(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="and exit")
    ] = False,
) -> None:
    """Event-streaming microservices for crypto-mining fleets."""
