"""What commands print onto, and how they end where something is wrong."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, Final, NoReturn, TypeVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from minestream_runtime.errors import ConfigurationError, MinestreamError, StoreUnavailableError

_WIDE: Final = 240
"""Columns in a file or a pipe: nobody there wants a table folded."""
_NO_STORE: Final = (
    "is a stack running here (`minestream status`), or MINESTREAM_DATABASE_URL right?"
)
_NOT_SHOWN: Final = dict.fromkeys(
    [
        *{*range(0x20)} - {0x09, 0x0A},
        *range(0x7F, 0xA0),
        0x061C,
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ],
    "?",
)
"""What commands a terminal, turns a line around, or is no character at all."""
EXIT_FAILED: Final = 1
"""It was done, and found or met trouble."""
EXIT_USAGE: Final = 2
"""What was asked for, set or found here is wrong: nothing was done."""
EXIT_INTERRUPTED: Final = 130
T = TypeVar("T")


class Screen(Console):
    """A console on which nobody's text is a command: miners are asked by whoever scans them.

    Rich itself writes an ESC within a text as it is: a miner's name could clear the screen, write
    to the clipboard or hide the lines before it.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """See ``Console``; what it says to the terminal itself stays what it is."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else text.translate(_NOT_SHOWN), style, control)


def console(*, stderr: bool = False) -> Console:
    """As wide as the terminal is; in a file or a pipe wide enough for any table.

    What others have said (miners, operators, logs) goes out escaped or with ``markup=False``: some
    of it looks like markup.
    """
    found = Screen(stderr=stderr, highlight=False)
    return found if found.is_terminal else Screen(stderr=stderr, highlight=False, width=_WIDE)


def table(first: str, *others: str) -> Table:
    """A table whose first column stands in one piece, and of which nothing is cut off.

    Args:
        first: the column by which a row is known, and which people copy.
        others: folded where the terminal is narrow.
    """
    found = Table(box=None)
    found.add_column(first, no_wrap=True)
    for name in others:
        found.add_column(name, overflow="fold")
    return found


def refuse(text: str, code: int = EXIT_FAILED) -> NoReturn:
    """Say what is wrong, and end the command.

    Raises:
        typer.Exit: with that code.
    """
    console(stderr=True).print(text, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)


def told(exc: MinestreamError) -> str:
    """An error for people; of a database that is away also where to look."""
    return f"{exc}\n{_NO_STORE}" if type(exc) is StoreUnavailableError else str(exc)


def exit_code(exc: MinestreamError) -> int:
    """What a command ends with that ends with this error."""
    return EXIT_USAGE if isinstance(exc, ConfigurationError) else EXIT_FAILED


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it; an error is told and ends the command."""
    try:
        return asyncio.run(work)
    except MinestreamError as exc:
        refuse(told(exc), exit_code(exc))
