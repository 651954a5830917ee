"""What the fleet's commands share at the terminal: one console, one bar, errors as sentences."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

from minestream_runtime.errors import MinestreamError, StoreUnavailableError

CONSOLE: Final = Console(stderr=True)
WIDE: Final = 240
"""Columns of a table that goes into a file or a pipe."""
_NO_STORE: Final = (
    "is a stack running here (`minestream status`), or MINESTREAM_DATABASE_URL right?"
)
_T = TypeVar("_T")


def progress() -> Progress:
    """A bar that leaves nothing behind; without a terminal none."""
    return Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)


def told(exc: MinestreamError) -> str:
    """An error for people."""
    return f"{exc}\n{_NO_STORE}" if isinstance(exc, StoreUnavailableError) else str(exc)


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Do it; an error is told and ends the command with 1."""
    try:
        return asyncio.run(work)
    except MinestreamError as exc:
        CONSOLE.print(told(exc), style="red", markup=False)
        raise typer.Exit(1) from exc
