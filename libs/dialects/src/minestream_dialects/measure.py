"""The unit of a miner's hashrates: the place where a scrypt miner is not read a thousand times off.

What the payload says counts; where it says nothing, the usual unit of the algorithm does. Either
is believed only as far as the model and the chips can do it. Knows units and physics, no firmware.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from minestream_dialects.draft import Draft
from minestream_dialects.fields import SANE, Bounds, Flags, number, numbers
from minestream_dialects.models import typical_hs
from minestream_schemas.telemetry import QualityFlag
from minestream_schemas.units import Algorithm, hashes_per_s

_UNITS_REMEMBERED: Final = 64
_hashes_per_s: Final = lru_cache(maxsize=_UNITS_REMEMBERED)(hashes_per_s)
USUAL: Final = {Algorithm.SHA256D: "GH/s", Algorithm.SCRYPT: "MH/s"}
"""What firmware counts in, whatever it calls it: the L3+'s ``GHS 5s`` is in MH/s."""
_NOT_SAID: Final = frozenset({"", "N/A"})
_GUESSED_FROM: Final = frozenset({"model", "inventory.algorithm", "inventory.model"})

CEILING_HS: Final = {
    Algorithm.SHA256D: 1e16,
    Algorithm.SCRYPT: 1e12,
    Algorithm.UNKNOWN: math.inf,
}
"""No machine of this algorithm does more, by a factor of 10 or more (2026: about 1 PH/s of SHA-256,
40 GH/s of scrypt): a payload that says so has its unit wrong, and is not believed."""

HASHES_PER_CLOCK: Final = {
    Algorithm.SHA256D: Bounds(2.5, 40_000.0),
    Algorithm.SCRYPT: Bounds(1.5e-4, 1.5),
}
"""What one chip does in one clock; a unit a thousand times off falls outside, a true one does not.

Known chips: BM1387 (S9) 110, BM1398 (S19 Pro) 610, BM1370 (S21 Pro) 2040; scrypt BM1485 (L3+)
0.0046, BM1489 (L7) 0.044. Each bound is a factor of 20 or more away from them.
"""

_CLASS: Final = 100.0
"""How far from its class a model's hashrate may be: a class is right within a factor of 3, so a
unit a thousand times off is 333 away at least."""
_TOO_LOW: Final = 3.0
"""A hashrate now may be low for good reasons, a nominal one not: so much lower it must be."""


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

    def read(
        self,
        value: object,
        *,
        name: str,
        flags: Flags,
        times: float = 1.0,
        required: bool = True,
    ) -> float | None:
        """Read one hashrate in H/s; None when missing, impossible, or of unknown unit.

        Args:
            value: what the payload says.
            name: our field, for the flag.
            flags: where to note a fault; an unknown unit is noted once, by ``measure``.
            times: units of the payload in one unit of ``value``.
            required: does this firmware normally send it? If not, absence is no fault.
        """
        if self.hs_per_unit is None:
            return None
        bounds = _up_to(self.ceiling_hs)
        factor = times * self.hs_per_unit
        return number(value, bounds, name=name, flags=flags, times=factor, required=required)

    def read_column(
        self, values: Sequence[object], *, name: str, flags: Flags, times: float = 1.0
    ) -> tuple[float | None, ...]:
        """Read the hashrates of many chips in H/s; empty when the unit is unknown."""
        if self.hs_per_unit is None:
            return ()
        bounds = _up_to(self.ceiling_hs)
        return numbers(values, bounds, name=name, flags=flags, times=times * self.hs_per_unit)


@dataclass(frozen=True, slots=True)
class Clues:
    """What a unit can be checked by; each as the payload says it, None where it does not.

    Args:
        nominal: what the whole miner should do, in the payload's unit.
        rates: what the whole miner does, now or on average, in the payload's unit.
        chips: how many chips take part.
        frequency_mhz: the chips' clock.
    """

    nominal: object = None
    rates: tuple[object, ...] = ()
    chips: int | None = None
    frequency_mhz: float | None = None


def measure(draft: Draft, said: object, source: str, clues: Clues | None = None) -> Measure:
    """Decide the unit of a miner's hashrates: what the payload says, else its algorithm's.

    A unit that is said but unknown is never guessed at, and one that makes another magnitude than
    the chips or the model can do is not believed: hashrates stay None, with a flag. What was
    decided by is in ``draft.evidence["unit"]``, always.

    Args:
        draft: already identified (``algorithm`` and its evidence, ``model``); receives the flag
            and the evidence.
        said: the unit as the payload words it: ``GH``, ``MH/s``; None or ``N/A`` where it does not.
        source: where it is said, for the evidence, such as ``info.hr_measure``.
        clues: what to check the unit by; None where the payload gives nothing.
    """
    ceiling = CEILING_HS[draft.algorithm]
    known = _known(draft, said, source)
    if known is not None and clues is not None:
        doubt, proof = _against(draft, known, clues)
        if doubt is not None:
            draft.flags.add(QualityFlag.UNIT_DISPUTED)
            draft.evidence["unit"] += f", disputed by {doubt}"
            known = None
        elif proof and draft.evidence["unit"] != source:
            draft.evidence["unit"] += ", chips x frequency"
    return Measure(known, ceiling)


def _known(draft: Draft, said: object, source: str) -> float | None:
    """H/s of one unit, by word or by algorithm; its flag and evidence are noted."""
    if isinstance(said, str) and said.strip().upper() not in _NOT_SAID:
        try:
            known = _hashes_per_s(said)
        except ValueError:
            draft.flags.add(QualityFlag.UNIT_UNKNOWN)
            draft.evidence["unit"] = f"{source}: no unit that is known"
            return None
        draft.evidence["unit"] = source
        return known
    usual = USUAL.get(draft.algorithm) if said is None or isinstance(said, str) else None
    if usual is None:
        draft.flags.add(QualityFlag.UNIT_UNKNOWN)
        draft.evidence["unit"] = "nothing says it"
        return None
    draft.flags.add(QualityFlag.UNIT_INFERRED)
    by = draft.evidence.get("algorithm", "algorithm")
    # what the payload itself says of its algorithm is called by that name, wherever it stands
    draft.evidence["unit"] = by if by in _GUESSED_FROM else "algorithm"
    return hashes_per_s(usual)


def _against(draft: Draft, hs_per_unit: float, clues: Clues) -> tuple[str | None, bool]:
    """What contradicts the unit, by about a factor of 1000; and did chips x frequency confirm it?

    A machine of which nothing hashes contradicts nothing.
    """
    nominal = _positive(clues.nominal)
    stated = nominal or max(map(_positive, clues.rates), default=0.0)
    if not stated:
        return None, False
    hs, slack = stated * hs_per_unit, 1.0 if nominal else _TOO_LOW
    typical = typical_hs(draft.model)
    if typical is not None and not typical / _CLASS / slack <= hs <= typical * _CLASS:
        return "model", False
    bounds = HASHES_PER_CLOCK.get(draft.algorithm)
    clocks = (clues.chips or 0) * (clues.frequency_mhz or 0.0) * 1e6
    if bounds is None or not clocks > 0:
        return None, False
    if not bounds.low / slack <= hs / clocks <= bounds.high:
        return "chips x frequency", False
    return None, True


def _positive(value: object) -> float:
    """A finite number over 0 as it is, anything else as 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if 0 < value < SANE else 0.0
