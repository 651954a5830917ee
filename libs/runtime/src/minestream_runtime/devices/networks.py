"""Which addresses we may ask at all: nobody is polled or scanned outside the farm's networks."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import islice
from typing import Final, Self

import structlog

Network = IPv4Network | IPv6Network

PRIVATE: Final = (
    "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,169.254.0.0/16,127.0.0.0/8,"
    "fc00::/7,fe80::/10,::1/128"
)
"""What belongs to nobody on the internet."""
SETTING: Final = "MINESTREAM_ALLOWED_NETWORKS"
_JUDGED: Final = 100_000
"""Addresses of which it is remembered whether they are allowed."""


@dataclass(frozen=True, slots=True)
class Networks:
    """Some networks, by CIDR."""

    each: tuple[Network, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read CIDRs by comma.

        Raises:
            ValueError: one is none; the text names it and what is wanted.
        """
        found = []
        for word in (word.strip() for word in text.split(",")):
            try:
                found.append(ip_network(word, strict=False))
            except ValueError:
                raise ValueError(f"no network: {word!r}; 10.0.0.0/8 is wanted, by comma") from None
        return cls(tuple(found))

    def allows(self, address: str) -> bool:
        """Does a numeric address lie in one of them? A name does not.

        Args:
            address: ``10.0.0.12`` or ``fd00::12``; an IPv4 address in IPv6's clothes counts as
                what it is.
        """
        try:
            parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
        except ValueError:
            return False
        plain = getattr(parsed, "ipv4_mapped", None) or parsed
        return any(plain in network for network in self.each)

    def has(self, network: Network) -> bool:
        """Does a network lie wholly in one of them?"""
        return any(
            isinstance(network, type(each)) and network.subnet_of(each)  # type: ignore[arg-type]
            for each in self.each
        )


class Gate:
    """Tells whether an address may be asked; of each that may not, the log hears once.

    Args:
        networks: where miners may be.
    """

    def __init__(self, networks: Networks) -> None:
        self._judged = lru_cache(maxsize=_JUDGED)(networks.allows)
        self._told: set[str] = set()
        self._log = structlog.get_logger()

    def __call__(self, address: str) -> bool:
        """See ``Networks.allows``."""
        allowed = self._judged(address)
        if not allowed and address not in self._told and len(self._told) < _JUDGED:
            self._told.add(address)
            self._log.warning("miner_outside_networks", address=address, setting=SETTING)
        return allowed


@lru_cache(maxsize=8)
def gate(networks: Networks) -> Gate:
    """The one gate of a process, so that all who ask share what has been told."""
    return Gate(networks)


def refusal(address: str) -> str:
    """Why an address is not asked, for people."""
    return f"{address} is outside of {SETTING}"


def hosts(network: Network, *, most: int) -> Iterator[str]:
    """The addresses of a network that a host may have, up to ``most``."""
    return map(str, islice(network.hosts(), most))
