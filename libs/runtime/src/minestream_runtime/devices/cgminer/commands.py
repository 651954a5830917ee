"""The commands that read, per kind of port, and their bytes; no other is ever sent."""

import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from minestream_runtime.devices.cgminer.errors import CgminerForbiddenError

_LENGTH_BYTES: Final = 4


class Wire(StrEnum):
    """How a port wants to be asked."""

    CGMINER = "cgminer"
    """``{"command": ...}``; the answer ends with a NUL or with the connection."""
    WHATSMINER = "whatsminer"
    """``{"cmd": ...}``, answered alike."""
    WHATSMINER_V3 = "whatsminer-v3"
    """As above, each side's JSON behind its length: 4 bytes, little endian."""


READS: Final[Mapping[Wire, frozenset[str]]] = MappingProxyType(
    {
        Wire.CGMINER: frozenset(
            {
                *("summary", "stats", "pools", "devs", "version"),
                *("config", "devdetails", "edevs", "estats", "notify", "coin", "asccount"),
            }
        ),
        Wire.WHATSMINER: frozenset(
            {
                *("summary", "edevs", "devs", "pools", "status", "devdetails", "version"),
                *("get_psu", "get_version", "get_miner_info", "get_error_code"),
            }
        ),
        Wire.WHATSMINER_V3: frozenset(
            {
                "get.device.info",
                "get.miner.status:summary",
                "get.miner.status:pools",
                "get.miner.status:edevs",
            }
        ),
    }
)
"""Per wire, what may be asked; behind a colon stands the parameter.

Source: CGMiner's API-README, Whatsminer's API documents v2 and v3; each of them changes nothing.
"""


def wire_of(command: str) -> Wire:
    """How a command is asked where nothing says how: as the first that knows it."""
    return next((wire for wire, known in READS.items() if command in known), Wire.CGMINER)


def question(wire: Wire, command: str) -> bytes:
    """The bytes that ask.

    Raises:
        CgminerForbiddenError: it is not among the commands that read.
    """
    try:
        return _QUESTIONS[wire, command]
    except KeyError:
        raise CgminerForbiddenError(
            f"{command[:40]!r} is not asked: no command of {wire} that only reads"
        ) from None


def _encoded(wire: Wire, command: str) -> bytes:
    name, _, param = command.partition(":")
    asked = {"command" if wire is Wire.CGMINER else "cmd": name}
    if param:
        asked["param"] = param
    text = json.dumps(asked, separators=(",", ":")).encode()
    if wire is Wire.WHATSMINER_V3:
        return len(text).to_bytes(_LENGTH_BYTES, "little") + text
    return text


_QUESTIONS: Final = {
    (wire, command): _encoded(wire, command) for wire, known in READS.items() for command in known
}
