"""The unit of Vnish's hashrates: the place where a scrypt miner is not read a thousand times off.

``hr_*``, ``hashrate_*`` and the chips' hashrates are in ``info.hr_measure``: GH/s on SHA-256,
MH/s on scrypt. The deprecated ``instant_hashrate`` and ``average_hashrate`` are a thousandth of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import Bounds, Flags, entry, number, numbers
from minestream_schemas.telemetry import QualityFlag
from minestream_schemas.units import Algorithm, hashes_per_s

_UNITS_REMEMBERED: Final = 64
_hashes_per_s: Final = lru_cache(maxsize=_UNITS_REMEMBERED)(hashes_per_s)
DEPRECATED_PER_UNIT: Final = 1000.0
_BY_ALGORITHM: Final = {Algorithm.SHA256D: "GH/s", Algorithm.SCRYPT: "MH/s"}
_NOT_SAID: Final = frozenset({"", "N/A"})

CEILING_HS: Final = {
    Algorithm.SHA256D: 1e16,
    Algorithm.SCRYPT: 1e12,
    Algorithm.UNKNOWN: math.inf,
}
"""No machine of this algorithm does more, by a factor of 10 or more (2026: about 1 PH/s of SHA-256,
40 GH/s of scrypt): a payload that says so has its unit wrong, and is not believed."""


@lru_cache(maxsize=len(CEILING_HS))
def _up_to(ceiling_hs: float) -> Bounds:
    return Bounds(0.0, ceiling_hs)


@dataclass(frozen=True, slots=True)
class Measure:
    """How to read a hashrate of this payload.

    Args:
        hs_per_unit: H/s that one unit of the payload is; None when the unit is unknown.
        ceiling_hs: the largest believable hashrate, H/s.
    """

    hs_per_unit: float | None
    ceiling_hs: float

    def read(self, value: object, *, name: str, flags: Flags, times: float = 1.0) -> float | None:
        """Read one hashrate in H/s; None when missing, impossible, or of unknown unit.

        Args:
            value: what the payload says.
            name: our field, for the flag.
            flags: where to note a fault; an unknown unit is noted once, by ``measure``.
            times: units of the payload in one unit of ``value`` (the deprecated fields' 1000).
        """
        if self.hs_per_unit is None:
            return None
        bounds = _up_to(self.ceiling_hs)
        return number(value, bounds, name=name, flags=flags, times=times * self.hs_per_unit)

    def read_column(
        self, values: Sequence[object], *, name: str, flags: Flags
    ) -> tuple[float | None, ...]:
        """Read the hashrates of many chips in H/s; empty when the unit is unknown."""
        if self.hs_per_unit is None:
            return ()
        bounds = _up_to(self.ceiling_hs)
        return numbers(values, bounds, name=name, flags=flags, times=self.hs_per_unit)


def measure(payloads: Payloads, draft: Draft) -> Measure:
    """Decide the unit: what the payload says, else its algorithm's, else its model's.

    A unit that is said but unknown is never guessed at: hashrates stay None.

    Args:
        payloads: for ``info.hr_measure``.
        draft: already identified; receives flag and evidence.
    """
    ceiling = CEILING_HS[draft.algorithm]
    said = entry(payloads.bodies.get("info"), "hr_measure")
    if isinstance(said, str) and said.strip().upper() not in _NOT_SAID:
        try:
            known = _hashes_per_s(said)
        except ValueError:
            draft.flags.add(QualityFlag.UNIT_UNKNOWN)
            return Measure(None, ceiling)
        draft.evidence["unit"] = "info.hr_measure"
        return Measure(known, ceiling)
    unit = _BY_ALGORITHM.get(draft.algorithm) if said is None or isinstance(said, str) else None
    if unit is None:
        draft.flags.add(QualityFlag.UNIT_UNKNOWN)
        return Measure(None, ceiling)
    draft.flags.add(QualityFlag.UNIT_INFERRED)
    source = draft.evidence["algorithm"]
    draft.evidence["unit"] = "algorithm" if source == "info.algorithm" else source
    return Measure(hashes_per_s(unit), ceiling)
