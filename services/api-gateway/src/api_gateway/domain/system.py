"""The services beside this one: where they are, and what their histograms say."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SERVICES_MOST: Final = 100
_ENTRY: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]{0,62})=(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):(?P<port>\d{1,5})"
)
_PORT_MOST: Final = 65535


@dataclass(frozen=True, slots=True)
class ServiceAddress:
    """A service's name, and where its health and metrics are. Replicas share a name."""

    name: str
    host: str
    port: int

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


def parse_services(text: str) -> tuple[ServiceAddress, ...]:
    """The services of a list ``name=host:port,name=host:port``; spaces do not count.

    Raises:
        ValueError: which entry is none, or the second at its address.
    """
    entries = [entry.strip() for entry in text.split(",")]
    found: dict[str, ServiceAddress] = {}
    for entry in filter(None, entries):
        match = _ENTRY.fullmatch(entry)
        if match is None or not 0 < int(match["port"]) <= _PORT_MOST:
            raise ValueError(f"{entry[:80]!r} is no name=host:port")
        service = ServiceAddress(match["name"], match["host"], int(match["port"]))
        if service.address in found:
            raise ValueError(f"{service.address} is listed twice")
        found[service.address] = service
    if len(found) > SERVICES_MOST:
        raise ValueError(f"more than {SERVICES_MOST} services")
    return tuple(found.values())


def quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """A quantile of a histogram, as Prometheus's ``histogram_quantile`` interpolates it.

    Args:
        q: 0 to 1.
        buckets: upper bound and count of all observations up to it; the last bound is infinite.

    Returns:
        the value; the last finite bound where it lies beyond; None where nothing was observed.
    """
    ordered = sorted(buckets)
    if len(ordered) < 2 or not math.isinf(ordered[-1][0]) or ordered[-1][1] <= 0:  # noqa: PLR2004
        return None
    rank = q * ordered[-1][1]
    below_bound, below_count = min(0.0, ordered[0][0]), 0.0
    for bound, count in ordered[:-1]:
        if count >= rank:
            if bound <= 0 or count == below_count:
                return bound
            share = (rank - below_count) / (count - below_count)
            return below_bound + (bound - below_bound) * share
        below_bound, below_count = bound, count
    return below_bound
