"""CGMiner, BMMiner and sgminer on machines of any maker: what every one of them says.

``MHS 5s`` and ``KHS 5s`` name their unit. ``GHS 5s`` names it too, but Bitmain's scrypt miners
count MH/s under that name: where neither model nor algorithm tells that this is none, the
accepted shares must prove it.
"""

from typing import Final

from minestream_dialects.cgminer import devices, identity
from minestream_dialects.cgminer.answers import (
    Rates,
    Row,
    note_silence,
    positive,
    rates,
    read_now,
    read_uptime,
    row,
    rows,
    said,
    word,
)
from minestream_dialects.cgminer.pools import read_pools
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import count
from minestream_dialects.measure import CEILING_HS, Clues, Measure, measure
from minestream_dialects.totals import read_totals
from minestream_dialects.vnish.boards import broken_codes
from minestream_schemas.telemetry import QualityFlag
from minestream_schemas.units import Algorithm, hashes_per_s

_SECTIONS: Final = {"summary": "SUMMARY", "pools": "POOLS", "devs": "DEVS"}
_HASHES_PER_SHARE: Final = 2.0**32
"""Of difficulty 1 of SHA-256."""
_PROOF: Final = 4.0
"""Accepted shares prove a hashrate within this factor: luck, rejects and a late start."""
_SCRYPT_AT_MOST_HS: Final = 100e9
"""Under the name ``GHS``; five times the fastest, and less than the slowest counted in MH/s."""


def recognise(payloads: Payloads) -> str | None:
    """By a summary with a hashrate of CGMiner's names; it is everybody's, so it is asked last."""
    if rates(row(payloads, "summary", "SUMMARY")).now is not None:
        return "summary"
    return "version" if identity.program(payloads) is not None else None


def identify(payloads: Payloads) -> Draft:
    """Model, firmware, algorithm."""
    pools = rows(payloads, "pools", "POOLS") or []
    algorithm = next((found for each in pools if (found := word(each, "Algorithm"))), None)
    model, _ = identity.named(payloads, "Type", "Model", "PROD")
    draft = identity.identify(payloads, model, algorithm, "pools.Algorithm")
    draft.firmware = identity.program(payloads) or payloads.firmware
    return draft


def _unit(found: Rates, summary: Row, draft: Draft) -> Measure:
    clues = Clues(None, (found.now, found.average))
    if found.unit != "GHS" or draft.algorithm is Algorithm.SHA256D:
        return measure(draft, found.unit, f"the key {found.key}", clues)
    at_most = max(positive(found.now), positive(found.average)) * hashes_per_s("GHS")
    if draft.algorithm is Algorithm.SCRYPT:
        if at_most <= _SCRYPT_AT_MOST_HS:
            # a board of 100 MH/s that counts them as GHS looks the same: it is no certainty
            draft.flags.add(QualityFlag.UNIT_INFERRED)
            return measure(draft, found.unit, f"the key {found.key}", clues)
        draft.flags.add(QualityFlag.UNIT_DISPUTED)
        draft.evidence["unit"] = f"the key {found.key}, disputed by algorithm"
        return Measure(None, CEILING_HS[draft.algorithm])
    proven = _proven_hs(summary)
    average = positive(found.average) * hashes_per_s("GHS")
    if proven and average and 1 / _PROOF <= proven / average <= _PROOF:
        return measure(draft, found.unit, f"the key {found.key}, accepted shares", clues)
    return measure(draft, None, f"the key {found.key}", clues)


def _proven_hs(summary: Row) -> float:
    """What the accepted shares amount to, H/s, were they SHA-256's; 0.0 when nothing tells."""
    elapsed = positive(summary.get("Elapsed"))
    if not elapsed:
        return 0.0
    return positive(summary.get("Difficulty Accepted")) * _HASHES_PER_SHARE / elapsed


def read(payloads: Payloads) -> Draft:
    """Read one poll of a miner that speaks CGMiner's language."""
    draft = identify(payloads)
    if not note_silence(payloads, _SECTIONS, draft):
        return draft
    summary = row(payloads, "summary", "SUMMARY")
    found = rates(summary)
    unit = _unit(found, summary, draft)
    read_now(found, "summary", unit, draft)
    there = devices.listed(rows(payloads, "devs", "DEVS"), hashing=positive(found.now) > 0)
    devices.read_devices(there, unit, found, draft)
    read_pools(rows(payloads, "pools", "POOLS"), summary, draft)
    errors = said(summary, "Hardware Errors")
    draft.hw_errors_total = count(errors, name="hw_errors_total", flags=draft.flags)
    read_uptime(said(summary, "Elapsed"), "summary.Elapsed", draft)
    read_totals(draft)
    draft.error_codes += broken_codes(draft.boards)
    return draft


DIALECT: Final = Dialect(
    name="cgminer",
    family="cgminer",
    main="summary",
    needed=frozenset({"summary", "pools"}),
    optional=frozenset({"devs", "stats", "version"}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset(
        {
            *("hashrate_expected_hs", "power_w", "voltage_v", "frequency_mhz", "pcb_temp_max_c"),
            *("fan_rpm", "fan_duty_ratio", "boards.hashrate_expected_hs", "boards.chips_ok"),
            *("boards.chips_total", "boards.chip_temp_min_c", "boards.pcb_temp_c"),
            *("boards.frequency_mhz", "boards.voltage_v", "boards.power_w"),
        }
    ),
)
