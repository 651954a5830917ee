"""The ``minestream`` command: gathers the sub-commands that libraries and services register."""

import logging
import os
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points, version
from typing import Annotated, Any, Final

import structlog
import typer

from minestream_runtime.command.terminal import EXIT_FAILED, EXIT_INTERRUPTED, exit_code
from minestream_runtime.errors import MinestreamError

_GROUP: Final = "minestream.commands"
_GROUPS: Final = {"diagnose": "Find out, step by step, why a source does not answer."}
"""Commands of two words: an entry named ``diagnose.vnish`` is ``minestream diagnose vnish``."""
_ADOPTERS: Final = "minestream.adopt"
"""Who may lead a sub-command to servers of its own: told its entry and the environment."""


def main() -> None:
    """Run the sub-command that the arguments name.

    Errors of ours are a sentence and the exit code that ``terminal`` gives them, never a
    traceback; so is Ctrl-C while it still loads.
    """
    try:
        _run()
    except MinestreamError as exc:
        typer.echo(f"minestream: {exc}", err=True)
        sys.exit(exit_code(exc))
    except KeyboardInterrupt:
        sys.exit(EXIT_INTERRUPTED)


def _run() -> None:
    entries = sorted(entry_points(group=_GROUP), key=lambda entry: entry.name)
    chosen = [entry for entry in entries if entry.name.partition(".")[0] in sys.argv[1:2]]
    exact = [entry for entry in chosen if entry.name in {sys.argv[1], ".".join(sys.argv[1:3])}]
    if exact:
        for adopter in entry_points(group=_ADOPTERS):
            adopter.load()(exact[0].value, os.environ)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # its repeats drown our sentence
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))  # not in JSON
    build(chosen or entries)()


def build(entries: list[EntryPoint]) -> typer.Typer:
    """The command with these sub-commands; one that cannot be loaded says why when it is called.

    Args:
        entries: each names a function or a Typer application; a dot in its name makes it one of
            a group.
    """
    app = typer.Typer(
        name="minestream",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    groups: dict[str, typer.Typer] = {}
    for entry in entries:
        try:
            loaded = entry.load()
        except Exception as exc:  # noqa: BLE001 - one broken sub-command must not take the others
            loaded = _broken(entry, exc)
        first, _, second = entry.name.partition(".")
        if not second:
            _add(app, first, loaded)
            continue
        if first not in groups:
            groups[first] = typer.Typer(help=_GROUPS.get(first), no_args_is_help=True)
            groups[first].callback()(_group)
            app.add_typer(groups[first], name=first)
        _add(groups[first], second, loaded)
    return app


def _group() -> None:
    """Several commands about one thing."""


def _add(app: typer.Typer, name: str, loaded: Any) -> None:
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=name)
    else:
        app.command(name)(loaded)


def _broken(entry: EntryPoint, exc: Exception) -> Callable[[], None]:
    reason = f"not available: {entry.value} cannot be loaded ({type(exc).__name__}: {exc})"

    def explain() -> None:
        typer.echo(f"minestream {entry.name.replace('.', ' ')}: {reason}", err=True)
        raise typer.Exit(EXIT_FAILED)

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
