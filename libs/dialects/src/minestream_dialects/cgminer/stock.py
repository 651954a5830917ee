"""Antminers as Bitmain ships them, on port 4028: S19, S21, and the scrypt L3+, L7, L9.

The keys called ``GHS`` are in MH/s on scrypt and on the D3, so their name is no evidence:
``rate_unit`` is, or the words in ``RT HASHRATE``, or the model. Third parties' firmware with
Bitmain's keys (Hiveon, AsicSeer, Blissz, MSKminer) and other makers' machines with them (Hammer)
are read the same.
"""

import re
from typing import Final

from minestream_dialects.cgminer import chains, identity, reading
from minestream_dialects.cgminer.answers import Row, note_silence, positive, word
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.measure import Measure, measure
from minestream_schemas.telemetry import QualityFlag
from minestream_schemas.units import Algorithm

SECTIONS: Final = {"stats": "STATS", "summary": "SUMMARY", "pools": "POOLS"}
_WORDED: Final = re.compile(r"\s*(?P<value>\d{1,12}(?:\.\d{1,12})?)\s*(?P<unit>[A-Za-z/]{2,6})\s*")
_SAME: Final = 2.0
NEVER: Final = frozenset(
    {
        *("power_w", "voltage_v", "fan_duty_ratio", "boards.hashrate_expected_hs"),
        *("boards.voltage_v", "boards.power_w"),
    }
)
"""Numbers that Bitmain's own firmware has no word for, or a 0 that means nothing."""
_COUNTS_MEGAHASHES: Final = re.compile(r"\bAntminer (?:D[35]|E[39])\b")
"""Of an algorithm that is none of ours; their makers' pages show MH/s (the D3 16,868: 17 GH/s)."""


def recognise(payloads: Payloads) -> str | None:
    """By the type that stats or version name, if it is not Vnish's; else by Bitmain's chains.

    Hammer's and MSKminer's types are names of their own: ``Hammer D10``, ``S19-88 v.2.6.0.39``.
    """
    model, where = identity.named(payloads, "Type")
    if identity.vnish(model) is not None:
        return None
    if model is not None and "antminer" in model.casefold():
        return where
    return "stats.chain_acn" if chains.slots(reading.statistics(payloads)) else None


def identify(payloads: Payloads) -> Draft:
    """Model, firmware, algorithm."""
    draft = identity.identify(payloads, identity.named(payloads, "Type")[0])
    draft.firmware = identity.program(payloads) or payloads.firmware
    return draft


def unit_of(tale: reading.Told, draft: Draft) -> Measure:
    """The unit of a miner's hashrates that counts as Bitmain's do.

    Args:
        tale: what the poll told.
        draft: identified; receives flag and evidence.
    """
    found = tale.rates
    clues = chains.clues(tale.stats, tale.nominal, (found.now, found.average))
    if tale.unit is not None:
        return measure(draft, tale.unit, f"{tale.source}.rate_unit", clues)
    worded = _worded_unit(tale.summary, found.now)
    if worded is not None:
        return measure(draft, worded, "summary.RT HASHRATE", clues)
    if found.unit not in (None, "GHS"):
        return measure(draft, found.unit, f"the key {found.key}", clues)
    if draft.algorithm is Algorithm.UNKNOWN and _COUNTS_MEGAHASHES.search(draft.model or ""):
        draft.flags.add(QualityFlag.UNIT_INFERRED)
        return measure(draft, "MH/s", "model", clues)
    return measure(draft, None, "stats.rate_unit", clues)


def _worded_unit(summary: Row, now: object) -> str | None:
    """The unit of ``"RT HASHRATE": "9529.46 MH/s"``, where its number is that of the bare one."""
    worded = word(summary, "RT HASHRATE")
    found = _WORDED.fullmatch(worded) if worded else None
    if found is None or not positive(now):
        return None
    same = 1 / _SAME < float(found["value"]) / positive(now) < _SAME
    return found["unit"] if same else None


def read(payloads: Payloads) -> Draft:
    """Read one poll of a stock Antminer."""
    draft = identify(payloads)
    if not note_silence(payloads, SECTIONS, draft):
        return draft
    tale = reading.told(payloads)
    reading.read_miner(tale, unit_of(tale, draft), draft)
    draft.chips = chains.read_marked_chips(tale.stats)
    return draft


DIALECT: Final = Dialect(
    name="antminer-4028",
    family="antminer",
    main="stats",
    needed=frozenset(SECTIONS),
    optional=frozenset({"devs", "version"}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=NEVER,
)
