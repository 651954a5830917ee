"""One server as a child process of ours, which ends when we do, however we end."""

import atexit
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from minestream_runtime.errors import ConfigurationError


def last_lines(file: Path, count: int = 15) -> str:
    """The end of a log, for an error's text; what is said again and again is said once."""
    try:
        with file.open("rb") as log:
            log.seek(max(0, file.stat().st_size - 64 * 1024))
            lines = log.read().decode(errors="replace").splitlines()
    except OSError:
        return "(no log)"
    told = [line for line, before in zip(lines, [None, *lines], strict=False) if line != before]
    return "\n".join(told[-count:])


def as_user(user: str | None) -> dict[str, Any]:
    """The arguments with which ``subprocess`` runs something as that user (None: as we are)."""
    if user is None:
        return {}
    import pwd  # noqa: PLC0415 - POSIX only, and so are users to drop to

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


class Child:
    """A server process in a session of its own: our Ctrl-C does not reach it, our death does."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self._name = name
        self._log = log
        self._stop_signal = stop_signal
        with log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - a command of our own making
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                **as_user(user),
            )
        _guard().watch(self.pid, stop_signal)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait_until(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait until the server says that it is ready.

        Raises:
            ConfigurationError: it ended or took too long; the text ends with its last lines.
        """
        deadline = time.monotonic() + within_s
        while not ready():
            if not self.alive:
                raise ConfigurationError(
                    f"{self._name} ended with code {self._process.returncode}:\n"
                    f"{last_lines(self._log)}"
                )
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"{self._name} was not ready within {within_s:.0f} s:\n{last_lines(self._log)}"
                )
            time.sleep(0.05)

    def stop(self, *, within_s: float = 20) -> None:
        """Ask it to end; insist when it does not."""
        if self.alive:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(within_s)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it with SIGKILL, and wait until it is gone."""
        self._process.kill()
        self._process.wait(10)


class _Guard:
    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "minestream_devstack.guard"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            text=True,
            bufsize=1,
        )
        atexit.register(self.close)

    def watch(self, pid: int, sign: signal.Signals) -> None:
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return  # ended already: nothing to guard
        if self._process.stdin is not None:
            self._process.stdin.write(f"{pid} {started!r} {int(sign)}\n")
            self._process.stdin.flush()

    def close(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)


@cache
def _guard() -> _Guard:
    return _Guard()
