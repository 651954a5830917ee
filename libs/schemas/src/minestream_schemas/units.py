"""Hashrate units and mining algorithms: what a number means before it is a number of ours.

Knows units, not firmware: which unit a payload speaks is the parser's business.
"""

import re
from enum import StrEnum
from typing import Final


class Algorithm(StrEnum):
    """What a miner computes."""

    SHA256D = "sha256d"
    SCRYPT = "scrypt"
    UNKNOWN = "unknown"


_ALGORITHMS: Final = {
    "scrypt": Algorithm.SCRYPT,
    "sha256": Algorithm.SHA256D,
    "sha256d": Algorithm.SHA256D,
}


def algorithm_named(text: str | None) -> Algorithm:
    """The algorithm that people and firmware call ``SHA-256``, ``sha256d``, ``Scrypt``."""
    return _ALGORITHMS.get(re.sub(r"[^a-z0-9]", "", (text or "").casefold()), Algorithm.UNKNOWN)


HASHES_PER_S: Final[dict[str, float]] = {
    "H/s": 1.0,
    "kH/s": 1e3,
    "MH/s": 1e6,
    "GH/s": 1e9,
    "TH/s": 1e12,
    "PH/s": 1e15,
    "EH/s": 1e18,
}
_BY_LETTER = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_UNIT = re.compile(r"^\s*([KMGTPE]?)(?:H(?:S|ASH)?)(?:/S(?:EC)?)?\s*$", re.IGNORECASE)


def hashes_per_s(unit: str) -> float:
    """How many H/s one ``unit`` is.

    Args:
        unit: ``TH/s``, ``GHS``, ``mh``, ``MH/s``; the case does not count.

    Raises:
        ValueError: when it is no unit of hashrate.
    """
    found = _UNIT.match(unit)
    if found is None:
        raise ValueError(f"no unit of hashrate: {unit!r}")
    return _BY_LETTER[found[1].upper()]
