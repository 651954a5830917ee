"""One reading of a miner that lists Bitmain's chains; common to stock, its web pages, and Vnish."""

import re
from typing import Final, NamedTuple

from minestream_dialects.cgminer import chains
from minestream_dialects.cgminer.answers import (
    Rates,
    Row,
    positive,
    rates,
    read_now,
    read_uptime,
    row,
    rows,
    said,
    unquoted,
)
from minestream_dialects.cgminer.pools import read_pools
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import WATTS, count, mean, number
from minestream_dialects.measure import Measure
from minestream_dialects.totals import read_totals
from minestream_schemas.telemetry import MinerStatus

_ASLEEP: Final = 254
"""What the S17 and T17 call sleep; their 1 is one of the modes that they work in."""
_ASLEEP_LATER: Final = 1
"""What the S19 and all after it call sleep."""
_SEVENTEEN: Final = re.compile(r"\b[ST]17(?!\d)")
_NUMBERS: Final = ("Elapsed", "GHS 5s", "GHS av", "MHS 5s", "chain_acn1", "miner_count")


class Told(NamedTuple):
    """What one poll told, wherever it stood.

    Args:
        stats: the row with the chains, in 4028's keys.
        summary: the row with the totals.
        pools: None when they were not told.
        rates: what the miner does.
        source: the endpoint that says so.
        nominal: what it should do, in the same unit; None when it does not say.
        unit: the unit as it is worded; None when it is not.
        mode: of work, Bitmain's number; one of them is sleep.
    """

    stats: Row
    summary: Row
    pools: list[Row] | None
    rates: Rates
    source: str
    nominal: float | None
    unit: object = None
    mode: object = None


def statistics(payloads: Payloads) -> Row:
    """The row of ``STATS`` with the numbers; empty when there is none.

    The first row names the miner; some firmware puts both into one.
    """
    listed = rows(payloads, "stats", "STATS") or []
    return next((each for each in listed if any(key in each for key in _NUMBERS)), {})


def told(payloads: Payloads) -> Told:
    """What the answers of port 4028 tell."""
    stats, summary = statistics(payloads), row(payloads, "summary", "SUMMARY")
    found, source = rates(stats), "stats"
    if found.now is None:
        found, source = rates(summary), "summary"
    if found.now is None:
        found, source = Rates(now=said(stats, "total_rate"), key="total_rate"), "stats"
    pools = rows(payloads, "pools", "POOLS")
    nominal = positive(said(stats, "total_rateideal")) or None
    unit, mode = stats.get("rate_unit"), stats.get("Mode")
    return Told(stats, summary, pools, found, source, nominal, unit, mode)


def read_miner(
    tale: Told,
    unit: Measure,
    draft: Draft,
    *,
    volts: float | None = None,
    fees_in_totals: bool = False,
) -> None:
    """Read everything but the status that a firmware words itself.

    Args:
        tale: what the poll told.
        unit: of its hashrates.
        draft: identified.
        volts: how many of ``chain_vol``'s units a volt is; None: they are not known.
        fees_in_totals: the summary's shares count the makers' pools too, so they are none of ours.
    """
    stats, flags = tale.stats, draft.flags
    read_now(tale.rates, tale.source, unit, draft)
    if draft.status is MinerStatus.UNKNOWN and _is_asleep(tale.mode, draft.model):
        draft.status = MinerStatus.STOPPED
    draft.hashrate_expected_hs = unit.read(
        tale.nominal, name="hashrate_expected_hs", flags=flags, required=False
    )
    times = chains.units_per_rate(stats, tale.rates.now, unit)
    if times != 1.0:
        draft.evidence["boards"] = f"stats.chain_rate x {times:g}: their sum is the whole"
    draft.boards = chains.read_boards(stats, unit, flags, volts=volts, times=times) or None
    _read_of_boards(stats, draft)
    chains.read_fans(stats, draft)
    read_pools(tale.pools, {} if fees_in_totals else tale.summary, draft)
    _read_errors(tale.summary, draft)
    _read_uptime(tale, draft)
    counted = said(stats, "miner_count")
    known = type(counted) is int and 0 <= counted <= chains.MAX_SLOTS
    read_totals(draft, counted=counted if known and isinstance(counted, int) else 0)


def _is_asleep(mode: object, model: str | None) -> bool:
    said = unquoted(mode)
    if said == _ASLEEP_LATER:
        return _SEVENTEEN.search(model or "") is None
    return said == _ASLEEP


def _read_uptime(tale: Told, draft: Draft) -> None:
    for source, among in (("stats", tale.stats), ("summary", tale.summary)):
        for key in ("Elapsed", "elapsed"):
            elapsed = said(among, key)
            if elapsed is not None:
                read_uptime(elapsed, f"{source}.{key}", draft)
                return
    draft.flags.missing("uptime_s")


def _read_of_boards(stats: Row, draft: Draft) -> None:
    """Clock, voltage, the hottest chip, the hottest board, and the sum of their power."""
    boards = draft.boards or []
    draft.frequency_mhz = mean([b.frequency_mhz for b in boards if b.frequency_mhz is not None])
    draft.voltage_v = mean([b.voltage_v for b in boards if b.voltage_v is not None])
    chips = [b.chip_temp_max_c for b in boards if b.chip_temp_max_c is not None]
    draft.chip_temp_max_c = max(chips, default=None)
    plates = [b.pcb_temp_c for b in boards if b.pcb_temp_c is not None]
    draft.pcb_temp_max_c = max(plates, default=None)
    powers = [b.power_w for b in boards if b.power_w is not None]
    # a sum of 0 W is none measured
    summed = sum(powers) if powers and len(powers) == len(boards) else 0.0
    whole = positive(chains.leading_number(said(stats, "chain_power", "Power", "power", "watt")))
    power, name = summed or whole or None, "power_w"
    draft.power_w = number(power, WATTS, name=name, flags=draft.flags, required=False)
    if draft.power_w is not None:
        draft.evidence["power"] = "boards" if summed else "stats"


def _read_errors(summary: Row, draft: Draft) -> None:
    """The summary's total of hardware errors, else the boards'."""
    errors, boards = said(summary, "Hardware Errors", "hw_all", "hw"), draft.boards or []
    if errors is None and boards:
        known = [b.hw_errors_total for b in boards if b.hw_errors_total is not None]
        errors = sum(known) if len(known) == len(boards) else None
    draft.hw_errors_total = count(errors, name="hw_errors_total", flags=draft.flags)
