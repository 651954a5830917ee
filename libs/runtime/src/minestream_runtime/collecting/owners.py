"""Whose a miner is: by what its operator said, else by what it was found to speak. Pure."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal

from minestream_runtime.collecting.family import Family
from minestream_runtime.collecting.fleet import Claim
from minestream_schemas.inventory import InventoryEntry

Transport = Literal["http", "tcp"]

TRANSPORTS: Final[Mapping[str, Transport]] = MappingProxyType(
    {
        "vnish": "http",
        "antminer-web": "http",
        "elphapex": "http",
        "vnish-toolkit": "http",
        "vnish-cgi": "http",
        "antminer": "tcp",
        "vnish-3": "tcp",
        "whatsminer": "tcp",
        "whatsminer-v3": "tcp",
        "cgminer": "tcp",
    }
)
"""Every family that a collector can poll, and over what."""

UPLOADED: Final = "upload"
"""Polled at its own site, which uploads it: no collector here can reach it."""

_DIALECTS: Final = MappingProxyType(
    {
        "vnish-1.2": "vnish",
        "vnish-1.3": "vnish",
        "antminer-4028": "antminer",
        "whatsminer-v1": "whatsminer",
        "whatsminer-v2": "whatsminer",
    }
)
"""Families of dialects that are not named as theirs."""

_OVER_THE_OTHER: Final = MappingProxyType(
    {("vnish", "tcp"): "vnish-3", ("antminer", "http"): "antminer-web"}
)
"""What a maker's name means where the operator names the transport too."""


def family_of(hint: str | None, transport: str) -> str | None:
    """The family that an operator means.

    Args:
        hint: a family, a dialect or ``auto``; None: nothing was said.
        transport: ``http``, ``tcp`` or ``auto``.

    Returns:
        None: nothing that we know, or it is not spoken over that transport: it is to be asked.
    """
    if hint is None:
        return None
    name = _DIALECTS.get(hint, hint)
    name = _OVER_THE_OTHER.get((name, transport), name)
    spoken = TRANSPORTS.get(name)
    return name if spoken is not None and transport in {"auto", spoken} else None


class Owner:
    """Tells which miners are one collector's.

    Args:
        families: what it speaks, all over one transport.
        unknown: as which a miner is asked of which nothing is known; None: as the first of them.
    """

    def __init__(self, families: Sequence[Family], unknown: Family | None = None) -> None:
        self._families = {family.name: family for family in families}
        self._unknown = families[0] if unknown is None else unknown
        self._transport = TRANSPORTS[families[0].name]

    def claim(self, entry: InventoryEntry) -> Claim | None:
        """Is this miner ours, and as what? Miners of which nothing is known are HTTP's."""
        if entry.dialect == UPLOADED:
            return None
        name = family_of(entry.dialect, entry.transport)
        if name is not None:
            family = self._families.get(name)
            return None if family is None else Claim(family, entry.address, "inventory")
        found = entry.detected
        if found is not None and (found.address != entry.address or found.elsewhere):
            found = None  # an edge site may have told it: no host but the entry's is asked
        if found is not None and found.dialect is not None:
            family = self._families.get(found.dialect)
            if entry.transport in {"auto", found.transport}:
                where = found.found_address or entry.address
                return None if family is None else Claim(family, where, found.evidence, given=False)
        if (entry.transport == "tcp") != (self._transport == "tcp"):
            return None
        return Claim(self._unknown, entry.address, None, given=False)
