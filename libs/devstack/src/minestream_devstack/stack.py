"""Starts and stops a stack: servers, topics, schemas, services, each waited for."""

import asyncio
import http.client
import json
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pydantic import SecretStr

from minestream_devstack import orphans
from minestream_devstack.dashboard import Dashboard
from minestream_devstack.home import KEY, MARK, Home, keys_named
from minestream_devstack.kafka import KafkaServer
from minestream_devstack.ports import ANY_HOST, HOST, Ports, answers
from minestream_devstack.postgres import PostgresServer
from minestream_devstack.process import last_lines
from minestream_devstack.screen import Screen
from minestream_devstack.services import (
    GATEWAY,
    KAFKA,
    NAMES,
    POSTGRES,
    SERVICES,
    Program,
    Service,
    service_program,
)
from minestream_devstack.supervision import State, Supervisor
from minestream_runtime.command.migrate import registered
from minestream_runtime.database import migrate
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.kafka import ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.topics import TOPICS

_REFUSED: Final = 78
"""The exit code of a service that its settings make impossible: restarts will not help."""
_PATIENCE_S: Final = 15
"""How long a service that ended at once may take to do better."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a stack shall consist of.

    Args:
        only: names of what to start; everything by default.
        extra: programs besides our services.
        kafka: the address of a Kafka that runs elsewhere.
        database: the address of a database that runs elsewhere.
        traces: a folder for traces other than the home's own.
        lake: likewise for the lake.
        keys: the settings that name another key for credentials than the home's own.
    """

    only: Collection[str] = NAMES
    extra: Sequence[Program] = ()
    kafka: str | None = None
    database: str | None = None
    traces: str | None = None
    lake: str | None = None
    keys: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def told(cls, environ: Mapping[str, str] = os.environ, **rest: object) -> "Wish":
        """With the servers that the environment names.

        Raises:
            ConfigurationError: an unknown name in ``only``.
        """
        wish = cls(
            kafka=environ.get("MINESTREAM_KAFKA_BOOTSTRAP") or None,
            database=environ.get("MINESTREAM_DATABASE_URL") or None,
            traces=environ.get("MINESTREAM_TRACE_FOLDER") or None,
            lake=environ.get("MINESTREAM_LAKE_FOLDER") or None,
            keys=keys_named(environ),
            **rest,  # type: ignore[arg-type] # fields of this class
        )
        if unknown := sorted(set(wish.only) - set(NAMES)):
            raise ConfigurationError(f"no {', '.join(unknown)}; there are: {', '.join(NAMES)}")
        return wish


class Stack:
    """The stack of one home."""

    def __init__(self, home: Home, screen: Screen) -> None:
        self.home = home
        self.supervisor = Supervisor(home)
        self.screen = screen
        self.begun = False
        """Whether this very object has begun to start it: what others started is theirs to end."""
        self._kafka = KafkaServer(home.folder / KAFKA)
        self._postgres = PostgresServer(home.folder / POSTGRES)
        self._ports = Ports(home.folder / "ports.json")

    def up(self, wish: Wish, *, alone: bool = False) -> None:
        """Start whatever does not run yet, and wait until all of it is ready.

        Args:
            wish: what that is.
            alone: refuse where a stack runs already.

        Raises:
            ConfigurationError: something did not start; the text says what and why.
        """
        with self.home.changing():
            if alone:
                self.refuse_a_running_one()
            self.begun = True
            running = self._recover()
            wish = replace(wish, only={*wish.only, *(running & set(NAMES))})
            own = self._own(wish)
            Settings.load()  # what is wrong for all services is said before anything starts
            self._prepare(own, running)
            extra = [*wish.extra, *self._kept(running, wish)]
            exports = self._exports(wish, own, extra)
            services = [
                self._service(service, wish, exports, running)
                for service in SERVICES
                if service.name in wish.only
            ]
            self.home.export(exports)
            self.supervisor.apply([*map(self._server, own), *extra, *services])
            self._start(own)
            self._furnish(exports)
            self._start([program.name for program in (*extra, *services)])

    def end_leftovers(self) -> None:
        """End what a killed supervisor left behind: it holds ports that are to be claimed again.

        Raises:
            ConfigurationError: somebody else starts or stops the stack.
        """
        with self.home.changing():
            self._recover()

    def refuse_a_running_one(self) -> None:
        """Keep away from a stack that somebody has started here.

        Raises:
            ConfigurationError: there is one.
        """
        if self.supervisor.alive:
            raise ConfigurationError(
                f"a stack runs in {self.home.folder} already, and the demo's end would end it: "
                "`minestream status` shows it, `minestream down` ends it; "
                "or give the demo a folder of its own: MINESTREAM_HOME"
            )

    def down(self, *, wait_s: float = 0.0) -> bool:
        """Stop everything; data stay.

        Args:
            wait_s: how long to wait for somebody else who starts or stops it.

        Returns:
            whether anything ran.
        """
        with self.home.changing(wait_s=wait_s):
            ran = self.supervisor.alive
            if ran:
                states = self.supervisor.states()
                others = [s.name for s in states if s.name not in {KAFKA, POSTGRES}]
                self.supervisor.stop(others)
                self.supervisor.shut_down()
            return bool(orphans.sweep(self.home)) or ran

    def restart(self, name: str) -> None:
        """Stop one program, start it, and wait until it is ready.

        Raises:
            ConfigurationError: there is no such program, or it did not become ready.
        """
        with self.home.changing():
            self.supervisor.stop([name])
            self.supervisor.start(name)
            self.wait(name)

    def wait(self, name: str, *, within_s: float = 90) -> None:
        """Wait until a program is ready.

        Raises:
            ConfigurationError: it ended or took too long; the text ends with its last lines.
        """
        deadline = time.monotonic() + within_s
        while (reason := self.fault(name)) is not None:
            state = self.supervisor.state(name)
            ended = state.phase in {"BACKOFF", "EXITED", "FATAL"}
            if ended:
                deadline = min(deadline, time.monotonic() + _PATIENCE_S)
            if (ended and state.exit_code == _REFUSED) or time.monotonic() > deadline:
                raise ConfigurationError(
                    f"{name} is not ready: {reason}. The end of its log:\n"
                    f"{last_lines(self.home.log(name))}"
                )
            self.screen.detail(f"{name}: {reason}")
            time.sleep(0.1)

    def fault(self, name: str) -> str | None:
        """Why a program is not ready; None when it is."""
        state = self.supervisor.state(name)
        if state.phase not in {"RUNNING", "STARTING"}:
            return f"{state.phase.lower()}: {state.ending}" if state.ending else state.phase.lower()
        address = self.address(name)
        if name == KAFKA:
            return None if self._kafka.ready() else "does not answer yet"
        if name == POSTGRES:
            return None if self._postgres.ready() else "does not answer yet"
        if address is None:
            return None if state.phase == "RUNNING" else "starting"
        return not_ready(address)

    def address(self, name: str) -> str | None:
        """``host:port`` of a program."""
        ports: dict[str, Callable[[], int | None]] = {
            KAFKA: lambda: self._kafka.port,
            POSTGRES: lambda: self._postgres.port,
        }
        port = ports.get(name, lambda: self._ports.known(name))()
        return None if port is None else f"{HOST}:{port}"

    def claim(self, program: str, preferred: int) -> int:
        """A port for a program: the one it had, if it has it still or can have it."""
        return self._claim(program, preferred, self._active())

    def claim_beside(
        self, name: str, preferred: int, *, program: str, everywhere: bool = False
    ) -> int:
        """One more port for a program; see ``claim``.

        Args:
            name: of the port.
            preferred: if it can be had.
            program: whose it is.
            everywhere: the program listens on it at many addresses of this machine.
        """
        running = {name} if program in self._active() else set[str]()
        host = ANY_HOST if everywhere else HOST
        return self._claim(name, preferred, running, host=host)

    def _active(self) -> set[str]:
        if not self.supervisor.alive:
            return set()
        return {state.name for state in self.supervisor.states() if state.active}

    def _recover(self) -> set[str]:
        """What runs here; when the supervisor is gone, nothing, and then nothing is left."""
        if self.supervisor.alive:
            return self._active()
        if orphans.find(self.home):
            with self.screen.step("ending what a killed supervisor left behind"):
                orphans.sweep(self.home)
        return set()

    def _prepare(self, own: Sequence[str], running: set[str]) -> None:
        if KAFKA in own and KAFKA not in running:
            with self.screen.step("Kafka: jars, storage"):
                self._kafka.prepare(progress=self.screen.download)
        if POSTGRES in own and POSTGRES not in running:
            with self.screen.step("PostgreSQL: storage"):
                self._postgres.prepare()

    def _own(self, wish: Wish) -> list[str]:
        """Which servers are ours: those that nobody else provides."""
        elsewhere = {
            KAFKA: wish.kafka is not None and wish.kafka != self._kafka.known_bootstrap,
            POSTGRES: wish.database is not None and wish.database != self._postgres.known_url,
        }
        return [name for name in (KAFKA, POSTGRES) if name in wish.only and not elsewhere[name]]

    def _kept(self, running: set[str], wish: Wish) -> list[Program]:
        """Programs that run besides our services (an emulated world): they run on."""
        others = running - set(NAMES) - {program.name for program in wish.extra}
        return [self.supervisor.defined(name) for name in sorted(others)]

    def _exports(self, wish: Wish, own: Sequence[str], extra: Sequence[Program]) -> dict[str, str]:
        found = {
            **(wish.keys or {KEY: self.home.credentials_key}),
            "MINESTREAM_TRACE_FOLDER": wish.traces or str(self.home.folder / "traces"),
            "MINESTREAM_LAKE_FOLDER": wish.lake
            or str(self.home.folder / "state" / "archiver" / "lake"),
        }
        kafka = self._kafka.bootstrap if KAFKA in own else wish.kafka
        database = self._postgres.url() if POSTGRES in own else wish.database
        if kafka is not None:
            found["MINESTREAM_KAFKA_BOOTSTRAP"] = kafka
        if database is not None:
            found["MINESTREAM_DATABASE_URL"] = database
        if GATEWAY.name in wish.only:
            port = self.claim(GATEWAY.name, GATEWAY.port)
            found["MINESTREAM_GATEWAY_URL"] = f"http://{HOST}:{port}"
        for program in extra:
            found |= program.exports
        return found

    def _claim(self, name: str, preferred: int, running: set[str], *, host: str = HOST) -> int:
        known = self._ports.known(name)
        if name in running and known is not None:
            return known
        return self._ports.claim(name, preferred, host=host)

    def _service(
        self, service: Service, wish: Wish, exports: Mapping[str, str], running: set[str]
    ) -> Program:
        own = self._gateways_own(wish, running) if service is GATEWAY else {}
        return service_program(
            service,
            port=self._claim(service.name, service.port, running),
            shared={**exports, **own, MARK: str(self.home.id)},
            state=self.home.folder / "state",
        )

    def _gateways_own(self, wish: Wish, running: set[str]) -> dict[str, str]:
        """Where the other services and the dashboard's build are."""
        addresses = [
            f"{service.name}={HOST}:{self._claim(service.name, service.port, running)}"
            for service in SERVICES
            if service.name in wish.only
        ]
        page = Dashboard.here()
        folder = {} if page is None else {"MINESTREAM_DASHBOARD_FOLDER": str(page.folder)}
        return {"MINESTREAM_SERVICES": ",".join(addresses), **folder}

    def _server(self, name: str) -> Program:
        mark = {MARK: str(self.home.id)}
        if name == KAFKA:
            return Program(KAFKA, tuple(self._kafka.command), mark, order=1)
        return Program(
            POSTGRES,
            tuple(self._postgres.command),
            {**mark, "LC_ALL": "C"},
            user=self._postgres.user,
            stop_signal="INT",
            order=2,
        )

    def _furnish(self, exports: Mapping[str, str]) -> None:
        """Topics and schemas."""
        kafka = exports.get("MINESTREAM_KAFKA_BOOTSTRAP")
        database = exports.get("MINESTREAM_DATABASE_URL")
        if kafka is not None:
            with self.screen.step("topics"):
                settings = Settings.load().model_copy(update={"kafka_bootstrap": kafka})
                asyncio.run(ensure_topics(settings, TOPICS))
        if database is not None:
            with self.screen.step("database schemas"):
                settings = Settings(database_url=SecretStr(database))
                asyncio.run(migrate(settings, registered()))

    def _start(self, names: Sequence[str]) -> None:
        for name in names:
            self.supervisor.start(name)
        for name in names:
            with self.screen.step(f"{name} on {self.address(name)}"):
                self.wait(name)


def not_ready(address: str) -> str | None:
    """Why the service at that address says it is not ready; None when it is."""
    host, _, port = address.partition(":")
    if not answers(int(port), host):
        return "does not listen yet"
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as exc:
        return f"does not answer ({type(exc).__name__})"
    finally:
        connection.close()
    if answer.status == http.client.OK:
        return None
    try:
        faults = json.loads(body)["faults"]
    except (ValueError, KeyError, TypeError):
        return f"answers {answer.status}"
    return "; ".join(f"{check}: {reason}" for check, reason in faults.items())


def states(stack: Stack) -> list[tuple[State, str | None, str | None]]:
    """Each program with its address and why it is not ready (None: it is)."""
    return [
        (state, stack.address(state.name), stack.fault(state.name))
        for state in stack.supervisor.states()
    ]
