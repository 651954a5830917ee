"""TCP ports of 127.0.0.1: which are free, and which one a server had the last time."""

import atexit
import json
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
ANY_HOST: Final = "0.0.0.0"
"""Every address of this machine at once: free there is free on all of them."""


_KERNELS_OWN: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST: Final = 10_000
_TRIES: Final = 100
_reserved: Final[dict[int, tuple[socket.socket, Path, str]]] = {}


def is_free(port: int, host: str = HOST) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def answers(port: int, host: str = HOST, *, within_s: float = 1.0) -> bool:
    """Whether somebody listens there."""
    try:
        with socket.create_connection((host, port), timeout=within_s):
            return True
    except OSError:
        return False


class Ports:
    """Ports by name, kept in a file, so that addresses stay the same from start to start."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._chosen: dict[str, int] = json.loads(file.read_text())
        except (FileNotFoundError, ValueError):  # a file that was cut off says nothing
            self._chosen = {}

    def known(self, name: str) -> int | None:
        """The port that this name had the last time."""
        return self._chosen.get(name)

    def claim(self, name: str, preferred: int, *, host: str = HOST) -> int:
        """The port of this name: the last one if free, else the preferred, else any free one.

        Args:
            name: whose port; different names never share one.
            preferred: 0 for any.
            host: where it must be free.
        """
        others = {port for other, port in self._chosen.items() if other != name}
        wanted = [self._chosen.get(name, 0), preferred]
        for port in wanted:
            if port and port not in others and self._reserve(name, port, host):
                return self._keep(name, port)
        for port in _candidates(host):
            if port not in others and self._reserve(name, port, host):
                return self._keep(name, port)
        raise OSError(f"no free port for {name} on {host}")

    def _reserve(self, name: str, port: int, host: str) -> bool:
        """Take a free port so that no other stack, started now too, takes it before its server.

        The reservation is the UDP port of the same number, bound until this process ends: only
        one process of a machine can have it, and none can forget to give it back.
        """
        if not is_free(port, host):
            return False
        if port in _reserved:
            return _reserved[port][1:] == (self._file, name)
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((host, port))
        except OSError:
            claim.close()
            return False
        _reserved[port] = claim, self._file, name
        return True

    def _keep(self, name: str, port: int) -> int:
        if self._chosen.get(name) != port:
            self._chosen[name] = port
            self._file.parent.mkdir(parents=True, exist_ok=True)
            beside = self._file.with_suffix(".new")
            beside.write_text(json.dumps(self._chosen, indent=1, sort_keys=True) + "\n")
            beside.replace(self._file)
        return port


def _candidates(host: str) -> Iterator[int]:
    """Ports to try, first those that the kernel gives to nobody while a server of ours is away.

    Those that it gives by itself, to whoever connects or asks for any port, are the last resort.
    """
    below = range(_LOWEST, _kernels_first())
    if below:
        yield from (secrets.choice(below) for _ in range(_TRIES))
    for _ in range(_TRIES):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((host, 0))
            port = int(probe.getsockname()[1])
        yield port


def _kernels_first() -> int:
    """The first port that the kernel chooses by itself; 0 where it does not say."""
    try:
        return int(_KERNELS_OWN.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


@atexit.register
def _give_back() -> None:
    for claim, _, _ in _reserved.values():
        claim.close()
