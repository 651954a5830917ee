"""The supervisor of a stack: supervisord, configured by us and asked over a unix socket."""

import contextlib
import hashlib
import json
import os
import re
import resource
import shlex
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from minestream_devstack.home import MARK, Home, write_private
from minestream_devstack.process import last_lines
from minestream_devstack.services import Program
from minestream_runtime.errors import ConfigurationError

_MOST_FILES: Final = 65_536
STOP_WAIT_S: Final = 20
"""Whoever was told to end and runs after so long is killed."""
_INTERFACE: Final = "supervisor.rpcinterface:make_main_rpcinterface"
_DOWN: Final = frozenset({"BACKOFF", "EXITED", "FATAL"})
_ENDED: Final = re.compile(r" exited: (\S+) \((.*); (?:not )?expected\)$", re.MULTILINE)
_STATUS: Final = re.compile(r"exit status (\d+)")
_RUNNING: Final = frozenset({"STARTING", "RUNNING", "BACKOFF", "STOPPING"})


@dataclass(frozen=True, slots=True)
class State:
    """How a program fares."""

    name: str
    phase: str
    """STOPPED, STARTING, RUNNING, BACKOFF, STOPPING, EXITED or FATAL."""
    pid: int | None
    exit_code: int | None = None
    """Of its last end, where it lies down and ended by itself."""
    ending: str = ""
    """The same in words, a signal too: "exit status 78"."""

    @property
    def active(self) -> bool:
        """Whether a process is there, or about to be."""
        return self.phase in _RUNNING


def configuration(home: Home, programs: Sequence[Program]) -> str:
    """The supervisor's configuration; each program's own part lies in a file of its own.

    Args:
        home: whose.
        programs: what it may run.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _MOST_FILES if most == resource.RLIM_INFINITY else min(most, _MOST_FILES)
    parts = [
        _section(
            "unix_http_server",
            file=home.socket,
            chmod="0700",
        ),
        _section(
            "supervisord",
            logfile=home.folder / "log" / "supervisor.log",
            logfile_maxbytes="10MB",
            logfile_backups=2,
            pidfile=home.folder / "supervisor.pid",
            minfds=files,
            silent="true",
            identifier="minestream",
            **({"user": "root"} if os.geteuid() == 0 else {}),
        ),
        _section("rpcinterface:supervisor", **{"supervisor.rpcinterface_factory": _INTERFACE}),
    ]
    parts += [_program(home, program) for program in programs]
    return "\n".join(parts)


def endings(log: str) -> dict[str, str]:
    """How each program last ended, from the supervisor's log.

    Its interface says 0 for whatever ended soon after its start, whichever code it was.

    Args:
        log: the log, or its end.
    """
    return dict(_ENDED.findall(log))


def _tail(log: Path, most: int = 128 * 1024) -> str:
    with log.open("rb") as content:
        content.seek(max(0, log.stat().st_size - most))
        return content.read().decode(errors="replace")


def _section(title: str, **settings: object) -> str:
    lines = [f"{name}={str(value).replace('%', '%%')}" for name, value in settings.items()]
    return "\n".join((f"[{title}]", *lines, ""))


def _program(home: Home, program: Program) -> str:
    digest = hashlib.sha256(_described(program).encode()).hexdigest()[:16]
    command = [sys.executable, "-m", "minestream_devstack.launch", str(_file(home, program.name))]
    return _section(
        f"program:{program.name}",
        command=shlex.join([*command, digest]),  # a changed program is a changed command
        autostart="false",
        autorestart="true",
        startsecs=2,
        startretries=20,
        stopsignal=program.stop_signal,
        stopwaitsecs=STOP_WAIT_S,
        killasgroup="true",
        priority=program.order,
        redirect_stderr="true",
        stdout_logfile=home.log(program.name),
        stdout_logfile_maxbytes="100MB",
        stdout_logfile_backups=5,
    )


def _described(program: Program) -> str:
    return json.dumps(asdict(program), sort_keys=True)


def _file(home: Home, name: str) -> Path:
    return home.folder / "run" / f"{name}.json"


class Supervisor:
    """The supervisor of one home: started, told, asked."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        with socket.socket(socket.AF_UNIX) as door:
            door.settimeout(5)
            try:
                door.connect(str(self._home.socket))
            except OSError:
                return False
        try:
            self.states()
        except ConfigurationError:
            return False
        return True

    def apply(self, programs: Sequence[Program]) -> None:
        """Make these the programs; start the supervisor if needed, and none of the programs.

        A program that is new or has changed stands still afterwards; one that has not runs on.

        Raises:
            ConfigurationError: the supervisor did not start.
        """
        for program in programs:
            write_private(_file(self._home, program.name), _described(program))
        settings = self._home.folder / "supervisor.conf"
        write_private(settings, configuration(self._home, programs))
        if self.alive:
            self._update()
        else:
            self._launch(settings)

    def defined(self, name: str) -> Program:
        """The program as it was last given to ``apply``."""
        found = json.loads(_file(self._home, name).read_text())
        return Program(**{**found, "command": tuple(found["command"])})

    def states(self) -> list[State]:
        """All programs, in the order of their configuration.

        Raises:
            ConfigurationError: it does not answer.
        """
        found = self._call("getAllProcessInfo")
        lying = any(info["statename"] in _DOWN for info in found)
        ends = endings(_tail(self._home.log("supervisor"))) if lying else {}
        states = []
        for info in found:
            ending = ends.get(info["name"], "") if info["statename"] in _DOWN else ""
            code = _STATUS.fullmatch(ending)
            states.append(
                State(
                    name=info["name"],
                    phase=info["statename"],
                    pid=info["pid"] or None,
                    exit_code=None if code is None else int(code[1]),
                    ending=ending,
                )
            )
        return states

    def state(self, name: str) -> State:
        """One program.

        Raises:
            ConfigurationError: it is not one of this stack.
        """
        states = {state.name: state for state in self.states()}
        if name not in states:
            raise ConfigurationError(
                f"no {name!r} in this stack; there are: {', '.join(states) or 'none'}"
            )
        return states[name]

    def start(self, name: str) -> None:
        """Start a program, if it does not run; does not wait for it to be ready."""
        if not self.state(name).active:
            self._call("startProcess", name, False)  # noqa: FBT003 - XML-RPC has no keywords

    def stop(self, names: Sequence[str], *, within_s: float = STOP_WAIT_S + 5) -> None:
        """Stop programs, all at once, and wait until they are gone."""
        for name in names:
            if self.state(name).active:
                self._call("stopProcess", name, False)  # noqa: FBT003 - XML-RPC has no keywords
        deadline = time.monotonic() + within_s
        while any(s.active for s in self.states() if s.name in names):
            if time.monotonic() > deadline:
                raise ConfigurationError(f"{', '.join(names)} did not end in {within_s:.0f} s")
            time.sleep(0.05)

    def shut_down(self, *, within_s: float = 3 * STOP_WAIT_S) -> None:
        """Stop everything, the supervisor last, and wait until it is gone."""
        pid = int(self._call("getPID"))
        self._call("shutdown")
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            time.sleep(0.05)
        raise ConfigurationError(f"the supervisor (pid {pid}) did not end in {within_s:.0f} s")

    def _update(self) -> None:
        ((added, changed, removed),) = self._call("reloadConfig")
        stale = {name: self.defined(name).order for name in (*changed, *removed)}
        for order in sorted(set(stale.values()), reverse=True):  # services before their servers
            self.stop([name for name in stale if stale[name] == order])
        for name in stale:
            self._call("removeProcessGroup", name)
        for name in (*added, *changed):
            self._call("addProcessGroup", name)

    def _launch(self, settings: Path) -> None:
        self._home.socket.unlink(missing_ok=True)
        done = subprocess.run(  # noqa: S603 - a command of our own making
            [sys.executable, "-m", "supervisor.supervisord", "-c", str(settings)],
            env={**os.environ, MARK: str(self._home.id)},
            cwd=self._home.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            timeout=30,
            check=False,
        )
        deadline = time.monotonic() + 15
        while not self.alive:
            if done.returncode != 0 or time.monotonic() > deadline:
                raise ConfigurationError(
                    "the supervisor did not start: "
                    f"{done.stderr.strip() or last_lines(self._home.log('supervisor'))}"
                )
            time.sleep(0.05)

    def _call(self, method: str, *arguments: object) -> Any:
        with self._door() as door:
            try:
                return getattr(door.supervisor, method)(*arguments)
            except xmlrpc.client.Fault as exc:
                raise ConfigurationError(f"supervisor: {method}: {exc.faultString}") from exc
            except (OSError, xmlrpc.client.ProtocolError) as exc:
                raise ConfigurationError(
                    f"no stack runs in {self._home.folder}: `minestream up` starts one"
                ) from exc

    @contextlib.contextmanager
    def _door(self) -> Iterator[Any]:
        from supervisor.xmlrpc import SupervisorTransport  # noqa: PLC0415 - slow to import

        transport = SupervisorTransport(None, None, f"unix://{self._home.socket}")
        try:
            yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        finally:
            transport.close()
