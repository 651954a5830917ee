"""What a person sees while a stack starts: one line per step, with the time it took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Screen:
    """Steps on a terminal with a spinner, or plain lines where there is none."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._status = self.console.status("")

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that something is being done, and how long it took."""
        began = time.monotonic()
        self._status.update(title)
        with self._status:
            yield
        self.say(f"[green]✓[/] {title} [dim]{time.monotonic() - began:.1f} s[/]")

    def detail(self, text: str) -> None:
        """Say what the current step is at."""
        self._status.update(escape(text))  # it may be a line of anybody's log

    def download(self, file: str, count: int, of: int) -> None:
        """Say which file has been fetched."""
        self.detail(f"downloading Kafka (first time only): {count} of {of}, {file}")

    def say(self, text: str) -> None:
        """A line that stays."""
        self.console.print(text, soft_wrap=True)
