"""One reading of a Whatsminer over API 1 or 2, which differ in what they leave out.

``HS RT`` is never read: it is in MH/s on one firmware and in TH/s on the next.

Source: the captures in ``tests/fixtures/whatsminer``; the maker's API document for the commands.
"""

from typing import Final

from minestream_dialects.cgminer.answers import (
    Row,
    note_refusals,
    positive,
    refusal,
    rows,
    said,
    word,
)
from minestream_dialects.cgminer.pools import read_pools
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import (
    CELSIUS,
    MEGAHERTZ,
    RPM,
    WATTS,
    celsius,
    count,
    entry,
    mean,
    number,
    text,
)
from minestream_dialects.measure import Clues, Measure, measure
from minestream_dialects.totals import HASHING, read_totals
from minestream_dialects.whatsminer import boards, firmware
from minestream_dialects.whatsminer.errors import read_errors, read_refused
from minestream_schemas.telemetry import MinerStatus, QualityFlag

MAIN: Final = "summary"
NEEDED: Final = frozenset({MAIN})
OPTIONAL: Final = frozenset(
    {
        *("edevs", "devs", "pools", "status", "get_psu", "get_version"),
        *("get_miner_info", "get_error_code", "devdetails"),
    }
)
NEVER: Final = boards.NEVER | {"voltage_v", "fan_duty_ratio"}

SETTLED_S: Final = 600.0
"""So long after its start a miner's hashrate may be far below what it should be."""
_FAR: Final = 300.0
"""A miner that has settled does not do so many times more or less than it was made for."""
_NOW: Final = ("MHS 1m", "MHS 5m", "MHS 15m", "MHS av")
_GHS_IN_MHS: Final = 1000.0
_FANS: Final = ("Fan Speed In", "Fan Speed Out")
_OFF: Final = ("mineroff", "btmineroff")
_NAMES: Final = boards.Names(
    slot="Slot",
    status="Status",
    rate=("MHS 1m", "MHS av"),
    nominal="Factory GHS",
    nominal_times=_GHS_IN_MHS,
    chips="Effective Chips",
    chip_max="Chip Temp Max",
    chip_min="Chip Temp Min",
    pcb="Temperature",
    frequency=("Chip Frequency", "Frequency"),
    errors=("Hardware Errors",),
)


def read(payloads: Payloads) -> Draft:
    """Read everything that the commands give.

    Returns:
        the draft; with ``problem`` when the summary is not that of a Whatsminer.
    """
    draft = firmware.identify(payloads)
    note_refusals(payloads, OPTIONAL, draft)
    listed = entry(payloads.bodies.get("get_error_code"), "Msg", "error_code")
    summary = firmware.summary(payloads)
    read_errors(summary, listed, draft)
    if summary:
        _read(summary, _devices(payloads), payloads, draft)
        return draft
    _read_off(payloads, draft)
    if MAIN in payloads.bodies:
        read_refused(MAIN, refusal(payloads.bodies[MAIN]), "SUMMARY", draft)
    return draft


def _devices(payloads: Payloads) -> list[Row] | None:
    """``edevs`` completed by ``devs``: each firmware leaves out other things of a board."""
    short, long = rows(payloads, "edevs", "DEVS"), rows(payloads, "devs", "DEVS")
    if not short or not long:
        return short or long
    by_slot = {each.get(_NAMES.slot): each for each in long if isinstance(each.get("Slot"), int)}
    return [by_slot.get(_hashable(each.get(_NAMES.slot)), {}) | each for each in short]


def _hashable(value: object) -> object:
    return value if isinstance(value, int) else None


def _read(summary: Row, devices: list[Row] | None, payloads: Payloads, draft: Draft) -> None:
    flags = draft.flags
    unit = _unit(summary, devices or [], draft)
    if devices is not None:
        draft.boards = boards.read_boards(devices, _NAMES, unit, flags)
    draft.hashrate_hs = _rate(summary, _NOW, unit, draft, "hashrate")
    draft.hashrate_avg_hs = _rate(summary, ("MHS av",), unit, draft, "hashrate_avg")
    nominal, name = said(summary, "Factory GHS"), "hashrate_expected_hs"
    draft.hashrate_expected_hs = unit.read(nominal, name=name, flags=flags, times=_GHS_IN_MHS)
    _read_state(summary, devices or [], draft)
    _read_off(payloads, draft)
    _read_power_and_heat(summary, draft)
    read_fans(summary, _FANS, draft)
    read_pools(rows(payloads, "pools", "POOLS"), summary, draft)
    _read_uptime(summary, draft)
    _read_hardware_errors(summary, draft)
    draft.preset = word(summary, "Power Mode")
    if devices is not None or draft.status in HASHING:
        read_totals(draft)


def _unit(summary: Row, devices: list[Row], draft: Draft) -> Measure:
    """MH/s, as the keys say; checked by what the miner should do, and does once it has settled."""
    settled = positive(said(summary, "Elapsed")) >= SETTLED_S
    nominal = positive(said(summary, "Factory GHS")) * _GHS_IN_MHS
    clues = Clues(
        nominal=None if settled else nominal,
        rates=tuple(said(summary, key) for key in _NOW) if settled else (),
        chips=boards.chips(devices, _NAMES),
        frequency_mhz=positive(said(summary, "freq_avg")) or None,
    )
    unit = measure(draft, "MH/s", "summary.MHS av", clues)
    most = max(map(positive, clues.rates), default=0.0)
    if unit.hs_per_unit and nominal and most and not 1 / _FAR < most / nominal < _FAR:
        draft.flags.add(QualityFlag.UNIT_DISPUTED)
        draft.evidence["unit"] += ", disputed by Factory GHS"
        return Measure(None, unit.ceiling_hs)
    return unit


def _rate(
    summary: Row, keys: tuple[str, ...], unit: Measure, draft: Draft, name: str
) -> float | None:
    """The first of the means that is said; which, is in the evidence."""
    key = next((key for key in keys if said(summary, key) is not None), keys[0])
    value = unit.read(said(summary, key), name=f"{name}_hs", flags=draft.flags)
    if value is not None:
        draft.evidence[name] = f"summary.{key}"
    return value


def _read_state(summary: Row, devices: list[Row], draft: Draft) -> None:
    """What it does, from what it gives: no answer of API 1 or 2 names a state."""
    tuning = any(said(each, "Upfreq Complete") == 0 for each in devices)
    if any(positive(said(summary, key)) for key in ("MHS 1m", "MHS 5m", "MHS av")):
        draft.status = MinerStatus.TUNING if tuning else MinerStatus.MINING
    elif draft.error_codes:
        draft.status = MinerStatus.FAILURE
    elif tuning:
        draft.status = MinerStatus.INITIALIZING


def _read_off(payloads: Payloads, draft: Draft) -> None:
    """Mining switched off, as ``status`` says in so many words."""
    told = entry(payloads.bodies.get("status"), "Msg")
    for key in _OFF:
        off = entry(told, key)
        if off is True or (isinstance(off, str) and off.casefold() == "true"):
            draft.status = MinerStatus.STOPPED
            draft.error = draft.error or text(entry(told, "mineroff_reason"))


def _read_power_and_heat(summary: Row, draft: Draft) -> None:
    flags, listed = draft.flags, draft.boards or []
    draft.power_w = number(said(summary, "Power"), WATTS, name="power_w", flags=flags)
    clock = said(summary, "freq_avg")
    if clock is None:
        known = [each.frequency_mhz for each in listed if each.frequency_mhz is not None]
        clock = mean(known)
    draft.frequency_mhz = number(clock, MEGAHERTZ, name="frequency_mhz", flags=flags)
    hot = draft.status in HASHING
    for name, of_board, key in (
        ("chip_temp_max_c", "chip_temp_max_c", "Chip Temp Max"),
        ("pcb_temp_max_c", "pcb_temp_c", "Temperature"),
    ):
        value = said(summary, key)
        known = [heat for each in listed if (heat := getattr(each, of_board)) is not None]
        if known and _is_less(value, max(known)):
            value = max(known)  # the summary's may be one board's
        setattr(draft, name, celsius(value, name=name, flags=flags, required=hot))
    value, name = said(summary, "Env Temp"), "ambient_temp_c"
    # 0 is a temperature here: of the air around the miner
    draft.ambient_temp_c = number(value, CELSIUS, name=name, flags=flags, required=False)


def _is_less(value: object, hottest: float) -> bool:
    """Does the summary say nothing of this temperature, or less than a board? Not: nonsense."""
    unsaid = value is None or (value == 0 and value is not False)
    return unsaid or 0 < positive(value) < hottest


def read_fans(summary: Row, keys: tuple[str, ...], draft: Draft) -> None:
    """The fan that blows in and the one that blows out; one unreadable fan costs both."""
    speeds = [number(said(summary, key), RPM, name="fan_rpm", flags=draft.flags) for key in keys]
    known = tuple(round(speed) for speed in speeds if speed is not None)
    draft.fan_rpm = known if len(known) == len(keys) else None


def _read_uptime(summary: Row, draft: Draft) -> None:
    """The system's uptime, else that of the mining program."""
    key = "Uptime" if said(summary, "Uptime") is not None else "Elapsed"
    seconds = count(said(summary, key), name="uptime_s", flags=draft.flags)
    if seconds is not None:
        draft.uptime_s = float(seconds)
        draft.evidence["uptime"] = f"summary.{key}"


def _read_hardware_errors(summary: Row, draft: Draft) -> None:
    total = said(summary, "Hardware Errors")
    if total is None:
        known = [board.hw_errors_total for board in draft.boards or ()]
        if known and None not in known:
            total = sum(each for each in known if each is not None)
    draft.hw_errors_total = count(total, name="hw_errors_total", flags=draft.flags)
