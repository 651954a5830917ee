"""Which firmware a model runs."""

from collections.abc import Callable
from typing import Final

from minestream_emulators.cgminer.device import CgminerDevice
from minestream_emulators.device import Firmware
from minestream_emulators.identity import Identity
from minestream_emulators.physics import Miner
from minestream_emulators.vnish.device import Device
from minestream_emulators.web.antminer import AntminerWeb
from minestream_emulators.web.documents import VnishCgi, VnishToolkit
from minestream_emulators.web.elphapex import Elphapex
from minestream_emulators.web.older import OlderAntminerWeb, Vnish3Web
from minestream_emulators.whatsminer.v2 import WhatsminerDevice
from minestream_emulators.whatsminer.v3 import WhatsminerV3Device

FAMILIES: Final[dict[str, Callable[[Miner, Identity], Firmware]]] = {
    "vnish": Device,
    "vnish-toolkit": VnishToolkit,
    "vnish-cgi": VnishCgi,
    "antminer-web": AntminerWeb,
    "elphapex": Elphapex,
    "antminer": CgminerDevice,
    "vnish-3": CgminerDevice,
    "cgminer": CgminerDevice,
    "whatsminer": WhatsminerDevice,
    "whatsminer-v3": WhatsminerV3Device,
}
"""By the family of a model."""
_BY_VERSION: Final[dict[tuple[str, str], Callable[[Miner, Identity], Firmware]]] = {
    ("antminer-web", "2017"): OlderAntminerWeb,
    ("antminer-web", "3.9.0"): Vnish3Web,
}
"""Versions that are another program than the rest of their family."""


def firmware_of(miner: Miner, who: Identity) -> Firmware:
    """The firmware that a machine runs, freshly booted."""
    family, version = miner.model.family, miner.model.firmware
    return _BY_VERSION.get((family, version), FAMILIES[family])(miner, who)
