"""What the fleet's commands share at the terminal: where they say how it goes, and a bar."""

from collections.abc import Callable
from typing import Final

from rich.progress import Progress

from minestream_runtime.command.terminal import Screen

CONSOLE: Final = Screen(stderr=True)
Advanced = Callable[[int, int], None]
"""Told how much of how much is done."""


def progress() -> Progress:
    """A bar that leaves nothing behind; without a terminal none."""
    return Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)


def step(bar: Progress, name: str) -> Advanced:
    """Show the next step of a work, in place of the one before."""
    for task in bar.task_ids:
        bar.update(task, visible=False)
    task = bar.add_task(name, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
