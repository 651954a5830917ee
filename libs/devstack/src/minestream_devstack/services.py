"""The programs of a stack, as data: what is started, with which variables, and how it is asked."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

KAFKA: Final = "kafka"
POSTGRES: Final = "postgres"
EMULATORS: Final = "emulators"


@dataclass(frozen=True, slots=True)
class Service:
    """A service of ours.

    Args:
        name: as topics and groups call it.
        module: what ``python -m`` runs.
        port: where its health, or the gateway itself, listens by preference.
        port_variable: which variable tells it so.
    """

    name: str
    module: str
    port: int
    port_variable: str = "MINESTREAM_HEALTH_PORT"

    @property
    def command(self) -> list[str]:
        """What runs it in the foreground."""
        return [sys.executable, "-m", self.module]


GATEWAY: Final = Service("api-gateway", "api_gateway", 8480, "MINESTREAM_GATEWAY_PORT")
SERVICES: Final = (
    Service("collector-vnish", "collector_vnish", 8481),
    Service("processor", "processor", 8482),
    Service("timescale-sink", "timescale_sink", 8483),
    Service("collector-pool", "collector_pool", 8484),
    Service("collector-market", "collector_market", 8485),
    Service("alerter", "alerter", 8486),
    Service("abacus-sink", "abacus_sink", 8487),
    Service("archiver", "archiver", 8488),
    Service("collector-cgminer", "collector_cgminer", 8489),
    GATEWAY,
)
NAMES: Final = (KAFKA, POSTGRES, *(service.name for service in SERVICES))


@dataclass(frozen=True, slots=True)
class Program:
    """Something that the supervisor runs.

    Args:
        name: its name, its log's name.
        command: what runs it in the foreground.
        environment: variables besides the supervisor's own.
        user: whom it runs as; None: as we do.
        stop_signal: how it is told to end.
        order: smaller ones end later.
        exports: variables that services and other commands get while it is part of the stack.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: str = "TERM"
    order: int = 100
    exports: Mapping[str, str] = field(default_factory=dict)


def service_program(
    service: Service, *, port: int, shared: Mapping[str, str], state: Path
) -> Program:
    """The program of a service, and the folder of its state.

    Args:
        service: which one.
        port: where its health, or the gateway itself, listens.
        shared: the variables that all services get.
        state: the folder of all services' state.
    """
    own = {
        "MINESTREAM_HEALTH_HOST": "127.0.0.1",
        "MINESTREAM_STATE_DIR": str(state / service.name),
        "PYTHONUNBUFFERED": "1",
        service.port_variable: str(port),
    }
    (state / service.name).mkdir(parents=True, exist_ok=True)
    if service is GATEWAY:
        own["MINESTREAM_GATEWAY_HOST"] = "127.0.0.1"
    return Program(service.name, tuple(service.command), {**shared, **own})
