"""Vnish as the second design document words it: ``/summary``, ``/chips``, ``/chains``, ``/status``.

No device that we know sends it. Hashrates are texts with their own unit, ``"150 TH/s"``; chips name
no board, and are dealt to the boards in order. What the document does not show is not guessed at.

Source: section 1 of that document; ``tests/fixtures/seed_shapes/seed2_vnish_summary.json``.
"""

import re
from typing import Any, Final, NamedTuple

from minestream_dialects.cgminer import identity
from minestream_dialects.cgminer.answers import positive, read_uptime, said, unquoted, word
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import BoardDraft, Draft
from minestream_dialects.fields import CELSIUS, WATTS, Flags, celsius, count, entry, number, numbers
from minestream_dialects.measure import Clues, Measure, measure
from minestream_dialects.slots import numbered
from minestream_dialects.totals import HASHING, read_totals
from minestream_schemas.telemetry import BoardChips, MinerStatus
from minestream_schemas.units import hashes_per_s

MAIN: Final = "summary"
MAX_CHIPS: Final = 400
_WORDED: Final = re.compile(r"^\s*([+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?)\s*([A-Za-z/]{1,12})\s*$")
_LONGEST: Final = 64
_STATES: Final = {
    "mining": MinerStatus.MINING,
    "tuning": MinerStatus.TUNING,
    "auto-tuning": MinerStatus.TUNING,
    "initializing": MinerStatus.INITIALIZING,
    "starting": MinerStatus.STARTING,
    "restarting": MinerStatus.RESTARTING,
    "idle": MinerStatus.STOPPED,
    "paused": MinerStatus.STOPPED,
    "stopped": MinerStatus.STOPPED,
    "error": MinerStatus.FAILURE,
    "failure": MinerStatus.FAILURE,
}
_BROKEN: Final = frozenset({"failed", "failure", "dead", "error"})
_GRADES: Final = {"active": "grey", "healthy": "grey", "degraded": "orange", "inactive": "red"} | (
    dict.fromkeys(_BROKEN, "red")
)


class Rate(NamedTuple):
    """A hashrate, taken apart: the number, and the unit it carries; None: it carries none."""

    number: object
    unit: str | None


def apart(value: object) -> Rate:
    """Take ``"150 TH/s"`` apart; what is no such text stays whole."""
    found = _WORDED.match(value) if type(value) is str and len(value) <= _LONGEST else None
    if found is None:
        return Rate(unquoted(value), None)
    return Rate(float(found[1]), found[2])


def _summary(payloads: Payloads) -> dict[str, Any] | None:
    found = entry(payloads.bodies.get(MAIN), "summary")
    return found if isinstance(found, dict) else None


def recognise(payloads: Payloads) -> str | None:
    """By an object ``summary`` with a hashrate in it."""
    return "summary.hashrate" if "hashrate" in (_summary(payloads) or {}) else None


def identify(payloads: Payloads) -> Draft:
    """What the inventory says of it: the document's answers name neither model nor firmware."""
    draft = identity.identify(payloads, None)
    draft.firmware = payloads.firmware
    return draft


def read(payloads: Payloads) -> Draft:
    """Read one poll of a miner that speaks so."""
    draft, summary = identify(payloads), _summary(payloads)
    if summary is None:
        if MAIN in payloads.bodies:
            draft.problem = f"{MAIN}: no object summary in it"
        else:
            _read_state({}, payloads, draft)
        return draft
    flags, rate = draft.flags, apart(summary.get("hashrate"))
    unit = measure(draft, rate.unit, "summary.hashrate", Clues(rates=(rate.number,)))
    _read_state(summary, payloads, draft)
    draft.hashrate_hs = unit.read(rate.number, name="hashrate_hs", flags=flags)
    if draft.hashrate_hs is not None:
        draft.evidence["hashrate"] = "summary.hashrate"
    draft.power_w = number(said(summary, "power"), WATTS, name="power_w", flags=flags)
    _read_heat(summary, draft)
    read_uptime(said(summary, "uptime"), "summary.uptime", draft)
    chains = _listed(payloads, "chains")
    draft.boards = _boards(chains, unit, flags)
    draft.error_codes += tuple(
        f"board_failure:{board.slot}" for board in draft.boards or () if board.status == "failure"
    )
    if draft.boards is not None or draft.status in HASHING:
        read_totals(draft)
    draft.chips = _chips(_listed(payloads, "chips"), draft.boards or [], unit, flags)
    return draft


def _listed(payloads: Payloads, name: str) -> object:
    """``/chains`` or ``/chips``, bare or in an object; else as ``/summary`` carries it along."""
    own = payloads.bodies.get(name)
    for body in (own, entry(own, name), entry(payloads.bodies.get(MAIN), name)):
        if isinstance(body, list):
            return body
    return None


def _read_state(summary: dict[str, Any], payloads: Payloads, draft: Draft) -> None:
    state = word(summary, "status") or word(payloads.mapping("status") or {}, "status")
    if state is None:
        draft.flags.missing("status")
    elif state.casefold() in _STATES:
        draft.status = _STATES[state.casefold()]
    else:
        draft.flags.invalid("status")


def _read_heat(summary: dict[str, Any], draft: Draft) -> None:
    """Chips, boards, and the water of a hydro miner."""
    hot, heat = draft.status in HASHING, entry(summary, "temperature")
    told = heat if isinstance(heat, dict) else {}
    for ours, theirs, required in (
        ("chip_temp_max_c", "chip", hot),
        ("pcb_temp_max_c", "board", hot),
        ("inlet_temp_c", "water_inlet", False),
        ("outlet_temp_c", "water_outlet", False),
    ):
        value = said(told, theirs)
        setattr(draft, ours, celsius(value, name=ours, flags=draft.flags, required=required))


def _read_rate(value: object, unit: Measure, name: str, flags: Flags) -> float | None:
    """A hashrate in the unit that it carries, else in the summary's."""
    rate = apart(value)
    if rate.unit is None or unit.hs_per_unit is None:
        return unit.read(rate.number, name=name, flags=flags)
    try:
        times = hashes_per_s(rate.unit) / unit.hs_per_unit
    except ValueError:
        flags.invalid(name)
        return None
    return unit.read(rate.number, name=name, flags=flags, times=times)


def _boards(chains: object, unit: Measure, flags: Flags) -> list[BoardDraft] | None:
    if not isinstance(chains, list):
        return None
    return [_board(slot, chain, unit, flags) for slot, chain in numbered(chains, flags, first=0)]


def _board(slot: int, chain: dict[str, Any], unit: Measure, flags: Flags) -> BoardDraft:
    at, state = f"boards.{slot}", (word(chain, "status") or "").casefold() or None
    if state is None:
        flags.missing(f"{at}.status")
    status = "mining" if state == "healthy" else "failure" if state in _BROKEN else state
    board = BoardDraft(slot, status)
    rate = chain.get("hashrate")
    board.hashrate_hs = _read_rate(rate, unit, f"{at}.hashrate_hs", flags)
    board.hashing = positive(apart(rate).number) > 0  # it hashes, whatever the unit is
    board.chips_total = count(said(chain, "chips"), name=f"{at}.chips_total", flags=flags)
    board.chip_temp_max_c = celsius(
        said(chain, "temperature"),
        name=f"{at}.chip_temp_max_c",
        flags=flags,
        required=status != "failure",
    )
    return board


def _chips(
    listed: object, boards: list[BoardDraft], unit: Measure, flags: Flags
) -> list[BoardChips]:
    """Deal the chips to the boards in order; where their numbers do not agree, all to slot 0."""
    if not isinstance(listed, list) or not listed:
        return []
    chips = [chip if isinstance(chip, dict) else {} for chip in listed]
    counts = [board.chips_total or 0 for board in boards]
    if sum(counts) != len(chips):
        counts, slots = [len(chips)], [0]
    else:
        slots = [board.slot for board in boards]
    found: list[BoardChips] = []
    for slot, length in zip(slots, counts, strict=True):
        own, chips = chips[:length], chips[length:]
        if length > MAX_CHIPS:
            flags.invalid("chips")
        elif own:
            found.append(_board_chips(slot, own, unit, flags))
    return found


def _board_chips(slot: int, chips: list[dict[str, Any]], unit: Measure, flags: Flags) -> BoardChips:
    rates = [_read_rate(chip.get("hashrate"), unit, "chips.hashrate_hs", flags) for chip in chips]
    warm = [said(chip, "temperature") or None for chip in chips]
    heat = numbers(warm, CELSIUS, name="chips.temp_c", flags=flags, required=False)
    grades = [_GRADES.get((word(chip, "status") or "").casefold()) for chip in chips]
    if None in grades:
        flags.invalid("chips.grade")
    return BoardChips(
        slot=slot,
        hashrate_hs=tuple(rates) if any(rate is not None for rate in rates) else (),
        temp_c=heat if any(value is not None for value in heat) else (),
        grade=tuple(grades) if any(grades) else (),
    )


DIALECT: Final = Dialect(
    name="vnish-toolkit",
    family="vnish-toolkit",
    main=MAIN,
    needed=frozenset({MAIN}),
    optional=frozenset({"chips", "chains", "status"}),
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset(
        {
            *("hashrate_avg_hs", "hashrate_expected_hs", "voltage_v", "frequency_mhz", "fan_rpm"),
            *("fan_duty_ratio", "accepted_total", "rejected_total", "stale_total"),
            *("hw_errors_total", "boards.hashrate_expected_hs", "boards.chips_ok"),
            *("boards.chip_temp_min_c", "boards.pcb_temp_c", "boards.frequency_mhz"),
            *("boards.voltage_v", "boards.power_w", "boards.hw_errors_total"),
        }
    ),
)
