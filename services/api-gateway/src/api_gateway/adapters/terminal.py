"""What the fleet's commands share at the terminal: where they say how it goes, and a bar."""

import re
from typing import Final

from rich.progress import Progress

from minestream_runtime.command.terminal import EXIT_USAGE, Screen, refuse
from minestream_runtime.inventory.advance import Advanced
from minestream_schemas.ids import SLUG

CONSOLE: Final = Screen(stderr=True)


def check_site(site: str | None) -> None:
    """Refuse what is no name of a site, before anything is done in it."""
    if site is not None and not re.fullmatch(SLUG, site):
        refuse(f"--site: no site {site!r}; 2 to 63 of a-z, 0-9 and - are wanted", EXIT_USAGE)


def progress() -> Progress:
    """A bar that leaves nothing behind; without a terminal none."""
    return Progress(console=CONSOLE, transient=True, disable=not CONSOLE.is_terminal)


def step(bar: Progress, name: str) -> Advanced:
    """Show the next step of a work, in place of the one before."""
    for task in bar.task_ids:
        bar.update(task, visible=False)
    task = bar.add_task(name, total=None)
    return lambda done, total: bar.update(task, completed=done, total=total)
