"""What commands print onto, and how they end where something is wrong."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console

from minestream_runtime.errors import MinestreamError, StoreUnavailableError

_WIDE: Final = 240
"""Columns in a file or a pipe: nobody there wants a table folded."""
_NO_STORE: Final = (
    "is a stack running here (`minestream status`), or MINESTREAM_DATABASE_URL right?"
)
T = TypeVar("T")


def console(*, stderr: bool = False) -> Console:
    """As wide as the terminal is; in a file or a pipe wide enough for any table.

    What others have said (miners, operators, logs) goes out escaped or with ``markup=False``: some
    of it looks like markup.
    """
    found = Console(stderr=stderr, highlight=False)
    return found if found.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDE)


def refuse(text: str, code: int = 1) -> NoReturn:
    """Say what is wrong, and end the command.

    Raises:
        typer.Exit: with that code.
    """
    console(stderr=True).print(text, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def told(exc: MinestreamError) -> str:
    """An error for people; of a database that is away also where to look."""
    return f"{exc}\n{_NO_STORE}" if type(exc) is StoreUnavailableError else str(exc)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it; an error is told and ends the command with 1."""
    try:
        return asyncio.run(work)
    except MinestreamError as exc:
        refuse(told(exc))
