"""What a Kafka and a PostgreSQL of ours have in common: a folder, a port, a child process."""

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from minestream_devstack.ports import Ports
from minestream_runtime.errors import ConfigurationError

if TYPE_CHECKING:
    from minestream_devstack.process import Child


class Server:
    """One server whose data, port and configuration live in one folder.

    Args:
        folder: of everything that is its own.
        preferred_port: moved when somebody else has it; 0 for any.
    """

    title: ClassVar[str]
    """As people call it."""
    port_name: ClassVar[str]
    """What its port is kept under."""

    def __init__(self, folder: Path, *, preferred_port: int) -> None:
        self._folder = folder
        self._preferred_port = preferred_port
        self._ports = Ports(folder / "ports.json")
        self._child: Child | None = None

    @property
    def prepared(self) -> bool:
        """Whether it was ever set up here, so that its port is known."""
        return self._ports.known(self.port_name) is not None

    @property
    def port(self) -> int:
        """Its port for clients; known once prepared.

        Raises:
            ConfigurationError: it was never prepared here.
        """
        port = self._ports.known(self.port_name)
        if port is None:
            raise ConfigurationError(f"no {self.title} was ever set up in {self._folder}")
        return port

    @property
    def pid(self) -> int | None:
        """The process id while ``start`` has it running."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def stop(self) -> None:
        """End what ``start`` began, in its own time."""
        if self._child is not None:
            self._child.stop()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._child is not None:
            self._child.kill()
