"""What a model's name tells: what it computes, and about how fast a machine of its class is.

Knows the makers' series, no firmware and no payload.
"""

import re
from functools import lru_cache
from typing import Final

from minestream_schemas.units import Algorithm

_REMEMBERED: Final = 1024
"""Names of 256 characters at most, of which a whole fleet has a few: read once, then remembered."""
_SERIES: Final = re.compile(
    r"(?<![\w-])(?P<letter>[LMST]|DG)(?P<number>\d{1,2})(?!\d)", re.IGNORECASE
)
_BY_SERIES: Final = {
    "L": Algorithm.SCRYPT,
    "DG": Algorithm.SCRYPT,
    "M": Algorithm.SHA256D,
    "S": Algorithm.SHA256D,
    "T": Algorithm.SHA256D,
}
_BY_NAME: Final = (
    (
        re.compile(
            r"mini[ -]?doge|\blt[56]\b|\blt[ -]?lite\b|ltc ?master|\bdg[ -]?(?:home|hydro)"
            r"|\bhammer d10|\bvolcminer d1",
            re.IGNORECASE,
        ),
        Algorithm.SCRYPT,
    ),
    (re.compile(r"\bavalon", re.IGNORECASE), Algorithm.SHA256D),
)
"""Makers whose models are in no series of one letter: Goldshell, Innosilicon, Hammer, Canaan."""
_TYPICAL_HS: Final = {
    "L": {3: 504e6, 7: 9.5e9, 9: 16e9, 11: 20e9},
    "DG": {1: 12e9, 2: 20e9},
    "S": {5: 1.1e12, 7: 4.7e12, 9: 14e12, 11: 20e12, 15: 28e12, 17: 56e12, 19: 110e12, 21: 220e12}
    | {23: 320e12},
    "T": {9: 11e12, 15: 23e12, 17: 42e12, 19: 88e12, 21: 190e12},
    "M": {2: 55e12, 3: 100e12, 5: 130e12, 6: 190e12, 7: 230e12},
}
"""Of Whatsminer by the first digit: an M50S and an M53 are of one class."""


@lru_cache(maxsize=_REMEMBERED)
def algorithm_of_model(model: str | None) -> Algorithm:
    """What a model computes.

    Antminer's L series and Elphapex's DG compute scrypt; Antminer's S and T and Whatsminer's M
    series SHA-256. Of other makers the well-known scrypt machines and Canaan's are known by name.
    Of a model that is none of these, the algorithm is unknown.
    """
    if not model:
        return Algorithm.UNKNOWN
    found = _SERIES.search(model)
    if found is not None:
        return _BY_SERIES[found["letter"].upper()]
    known = (algorithm for name, algorithm in _BY_NAME if name.search(model))
    return next(known, Algorithm.UNKNOWN)


@lru_cache(maxsize=_REMEMBERED)
def typical_hs(model: str | None) -> float | None:
    """What machines of this series do, H/s, right within a factor of 3; None where unknown.

    Source: the makers' data sheets.
    """
    found = _SERIES.search(model) if model else None
    if found is None:
        return None
    letter, number = found["letter"].upper(), int(found["number"])
    return _TYPICAL_HS[letter].get(number // 10 if letter == "M" else number)
