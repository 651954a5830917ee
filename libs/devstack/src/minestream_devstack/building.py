"""The dashboard's build beside a stack that starts: in a process of its own, waited for last."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rich.markup import escape

from minestream_devstack.dashboard import Dashboard
from minestream_devstack.home import Home
from minestream_devstack.process import last_lines
from minestream_devstack.screen import Screen
from minestream_runtime.errors import ConfigurationError

PROGRAM: Final = "dashboard"
"""The name of its log."""
_TITLE: Final = "dashboard: packages, build (once, about 40 s)"
_LONGEST_S: Final = 1200.0


class Building:
    """One build that is under way.

    Args:
        process: which builds.
        log: what it says.
    """

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    def finish(self, screen: Screen) -> None:
        """Wait for its end; one that fails is told, and costs the rest of the system nothing."""
        try:
            with screen.step(_TITLE):
                self._wait(screen)
        except ConfigurationError as exc:
            screen.say(
                f"[yellow]the dashboard is not built; everything else runs.[/] {escape(str(exc))}"
            )

    def _wait(self, screen: Screen) -> None:
        deadline = time.monotonic() + _LONGEST_S
        while self._process.poll() is None:
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"not within {_LONGEST_S:.0f} s: minestream logs {PROGRAM}"
                )
            screen.detail(f"{_TITLE}: {last_lines(self._log, 1)}")
            time.sleep(0.1)
        if self._process.returncode != 0:
            raise ConfigurationError(last_lines(self._log))

    def cancel(self) -> None:
        """End it and all that it started; what it has not finished is not there."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)


@contextmanager
def beside(home: Home, *, wanted: bool = True) -> Iterator[Building | None]:
    """Build the page, if its build is not there, while the block runs; end it with the block.

    Args:
        home: of the stack that starts; keeps the log.
        wanted: whether a page is wanted at all.
    """
    page = Dashboard.here() if wanted else None
    if page is None or page.built:
        yield None
        return
    home.create()
    log = home.log(PROGRAM)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "minestream_devstack", "dashboard"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    building = Building(process, log)
    try:
        yield building
    finally:
        building.cancel()
