"""What the fleet's commands share at the terminal: where they say how it goes, and a bar."""

from typing import Final

from rich.progress import Progress

from minestream_runtime.command.terminal import Screen

CONSOLE: Final = Screen(stderr=True)


def progress() -> Progress:
    """A bar that leaves nothing behind; without a terminal none."""
    return Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)
