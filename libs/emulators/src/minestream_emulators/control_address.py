"""Where the control API of the world that runs is found; light, for the command line."""

from ipaddress import ip_address
from typing import Final

CONTROL_VARIABLE: Final = "MINESTREAM_EMULATOR_CONTROL"
DEFAULT_CONTROL: Final = "127.0.0.1:8490"


def host_and_port(text: str, *, anywhere: bool = False) -> tuple[str, int]:
    """Read ``host:port`` of a loopback address.

    Args:
        text: an address and a port.
        anywhere: other addresses will do too, such as a container's.

    Raises:
        ValueError: it is none; the control API is for this machine alone.
    """
    host, _, port = text.rpartition(":")
    try:
        local = ip_address(host.strip("[]")).is_loopback or anywhere
        number = int(port)
    except ValueError:
        raise ValueError(
            f"{text!r} is not an address and a port, such as {DEFAULT_CONTROL}"
        ) from None
    if not local or not 0 <= number <= 65535:  # noqa: PLR2004 - the largest port there is
        raise ValueError(f"{text!r} is not a port of a loopback address, such as {DEFAULT_CONTROL}")
    return host.strip("[]"), number
