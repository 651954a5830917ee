"""What each family of TCP miners is asked, and how often: pure data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

_EACH_MINUTE: Final = 60.0
_OFTEN: Final = 300.0
_SELDOM: Final = 900.0
_HOURLY: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands of one family.

    Args:
        family: as events call it.
        wire: how its port is asked, as the client calls it.
        main: asked at each poll; without it there is no reading.
        cadence_s: the others, in the order asked: seconds between two reads.
        identity: of these, the one that tells the firmware.
        configuration: read at once after a restart.
        pages: of these, those that stand on the miner's web pages, and their paths.
        pages_of: what a firmware's version begins with that has such pages.
    """

    family: str
    wire: str
    main: str
    cadence_s: Mapping[str, float]
    identity: str
    configuration: frozenset[str] = frozenset()
    pages: Mapping[str, str] = field(default_factory=dict)
    pages_of: str = ""

    def wanted(self, firmware: str | None, *, pages: bool) -> tuple[str, ...]:
        """What a firmware is asked beside ``main``, in order.

        Args:
            firmware: its version.
            pages: can its web pages be asked at all?
        """
        if not self.pages or (pages and (firmware or "").startswith(self.pages_of)):
            return tuple(self.cadence_s)
        return tuple(command for command in self.cadence_s if command not in self.pages)


CGMINER: Final = Commands(
    family="cgminer",
    wire="cgminer",
    main="summary",
    cadence_s=MappingProxyType(
        {
            "version": _HOURLY,
            "stats": _EACH_MINUTE,
            "devs": _EACH_MINUTE,
            "pools": _OFTEN,
        }
    ),
    identity="version",
    configuration=frozenset({"version", "pools"}),
)
"""CGMiner, BMMiner and sgminer whose machine nobody knows."""

ANTMINER: Final = Commands(
    family="antminer",
    wire="cgminer",
    main="stats",
    cadence_s=MappingProxyType(
        {
            "version": _HOURLY,
            "summary": _EACH_MINUTE,
            "pools": _OFTEN,
            "devs": _SELDOM,
        }
    ),
    identity="version",
    configuration=frozenset({"version", "pools"}),
)
"""Bitmain's firmware; everything but shares is in ``stats``."""

VNISH_3: Final = Commands(
    family="vnish-3",
    wire="cgminer",
    main="stats",
    cadence_s=MappingProxyType(
        {
            "version": _HOURLY,
            "summary": _EACH_MINUTE,
            "pools": _OFTEN,
            "chip-hr": _OFTEN,
        }
    ),
    identity="version",
    configuration=frozenset({"version", "pools"}),
    pages=MappingProxyType({"chip-hr": "/cgi-bin/chip_hr.json"}),
    pages_of="3.",
)
"""Vnish's port 4028; 1.2 refuses ``version``, and ``stats`` tells the firmware of both. What each
chip makes 3.x tells on a web page alone; it comes last, so that nothing waits for that page."""

WHATSMINER: Final = Commands(
    family="whatsminer",
    wire="whatsminer",
    main="summary",
    cadence_s=MappingProxyType(
        {
            "get_version": _HOURLY,
            "devdetails": _HOURLY,
            "get_miner_info": _HOURLY,
            "edevs": _EACH_MINUTE,
            "devs": _OFTEN,
            "pools": _OFTEN,
            "status": _EACH_MINUTE,
            "get_error_code": _OFTEN,
            "get_psu": _SELDOM,
        }
    ),
    identity="get_version",
    configuration=frozenset({"get_version", "devdetails", "get_miner_info", "get_psu", "pools"}),
)
"""Whatsminer's API 1 and 2; each firmware leaves out other things of ``edevs`` and ``devs``.

``devdetails`` tells the model, and ``get_miner_info`` does on some firmware alone. ``status`` tells
who is switched off: asked seldom, it would have failed until then.
"""

WHATSMINER_V3: Final = Commands(
    family="whatsminer-v3",
    wire="whatsminer-v3",
    main="get.miner.status:summary",
    cadence_s=MappingProxyType(
        {
            "get.device.info": _EACH_MINUTE,
            "get.miner.status:edevs": _EACH_MINUTE,
            "get.miner.status:pools": _OFTEN,
        }
    ),
    identity="get.device.info",
    configuration=frozenset({"get.device.info", "get.miner.status:pools"}),
)
"""Whatsminer's API 3; its error codes stand in ``get.device.info``."""

FAMILIES: Final = (CGMINER, ANTMINER, VNISH_3, WHATSMINER, WHATSMINER_V3)
"""The first is what a miner is asked as of which nothing is known: all the others answer it."""
