"""Elphapex' web pages: Bitmain's in shape, scrypt, and half of the numbers are placeholders.

Two different machines send the same ``temp_pcb``, ``temp_pic`` and map of chips, even of boards
that are not there; ``hw`` repeats ``asic_num``, ``hw_all`` a hashrate; ``freq_avg`` (62000) is no
clock. None of these is read. ``rate_5s`` jumps by a third: the mean of 15 minutes counts.

Source: the captures in ``tests/fixtures/elphapex``; that a work mode of 1 is sleep, by two public
readers.
"""

from typing import Any, Final

from minestream_dialects.antminer_web import read_troubles
from minestream_dialects.cgminer.answers import (
    Row,
    note_refusals,
    positive,
    read_uptime,
    refusal,
    row,
    rows,
    said,
    unquoted,
    word,
)
from minestream_dialects.cgminer.pools import read_pools
from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import BoardDraft, Draft
from minestream_dialects.fields import CELSIUS, RPM, WATTS, celsius, count, entry, number, text
from minestream_dialects.measure import Clues, Measure, measure
from minestream_dialects.slots import numbered
from minestream_dialects.totals import HASHING, read_totals
from minestream_schemas.telemetry import MinerStatus
from minestream_schemas.units import Algorithm, algorithm_named

MAIN: Final = "stats"
MAX_FANS: Final = 16
_MAKER: Final = "DG"
SETTINGS: Final = "get_miner_conf"
_OPTIONAL: Final = frozenset({"summary", "pools", "get_system_info", "get_power", SETTINGS})
_ASLEEP: Final = 1
_MILLI: Final = 1000.0
_SENSORS: Final = 16


def _info(payloads: Payloads) -> Any:
    stats = entry(payloads.bodies.get(MAIN), "INFO")
    return stats if stats is not None else entry(payloads.bodies.get("summary"), "INFO")


def recognise(payloads: Payloads) -> str | None:
    """By the names of machine and hardware: DG1+, DG-Home1."""
    named = (
        ("INFO.type", entry(_info(payloads), "type")),
        ("INFO.hw_version", entry(_info(payloads), "hw_version")),
        ("minertype", entry(payloads.bodies.get("get_system_info"), "minertype")),
    )
    for where, name in named:
        if (text(name) or "").upper().startswith(_MAKER):
            return where
    return None


def identify(payloads: Payloads) -> Draft:
    """A draft that knows model, firmware, algorithm and worker."""
    system, info, draft = payloads.bodies.get("get_system_info"), _info(payloads), Draft()
    draft.model = (
        text(entry(info, "type")) or text(entry(system, "minertype")) or payloads.model_hint
    )
    draft.firmware = (
        text(entry(system, "system_filesystem_version"))
        or text(entry(info, "miner_version"))
        or payloads.firmware
    )
    draft.worker = payloads.worker_hint
    draft.algorithm = algorithm_named(text(entry(system, "Algorithm")))
    draft.evidence["algorithm"] = "get_system_info.Algorithm"
    if draft.algorithm is Algorithm.UNKNOWN:
        draft.algorithm = Algorithm.SCRYPT  # it makes no other machines
        draft.evidence["algorithm"] = "elphapex"
    return draft


def read(payloads: Payloads) -> Draft:
    """Read one poll of an Elphapex."""
    draft = identify(payloads)
    note_refusals(payloads, _OPTIONAL, draft)
    stats = row(payloads, MAIN, "STATS")
    read_troubles(payloads, draft)
    if stats:
        _read(stats, payloads, draft)
    elif MAIN in payloads.bodies:
        draft.problem = f"{MAIN}: {refusal(payloads.bodies[MAIN]) or 'no STATS in it'}"
    return draft


def _read(stats: Row, payloads: Payloads, draft: Draft) -> None:
    flags = draft.flags
    clues = Clues(said(stats, "rate_ideal") or None, (said(stats, "rate_15m"),))
    unit = measure(draft, word(stats, "rate_unit"), "stats.rate_unit", clues)
    for name, key in (("hashrate", "rate_15m"), ("hashrate_avg", "rate_avg")):
        value = unit.read(said(stats, key), name=f"{name}_hs", flags=flags)
        setattr(draft, f"{name}_hs", value)
        if value is not None:
            draft.evidence[name] = f"stats.{key}"
    nominal, name = said(stats, "rate_ideal"), "hashrate_expected_hs"
    draft.hashrate_expected_hs = unit.read(nominal, name=name, flags=flags)
    _read_state(stats, payloads, draft)
    draft.boards = _boards(stats, unit, draft)
    known = [each.chip_temp_max_c for each in draft.boards or ()]
    hottest = max((heat for heat in known if heat is not None), default=None)
    hot, name = draft.status in HASHING, "chip_temp_max_c"
    draft.chip_temp_max_c = celsius(hottest, name=name, flags=flags, required=hot)
    watts = unquoted(entry(payloads.bodies.get("get_power"), "power_output"))
    draft.power_w = number(watts, WATTS, name="power_w", flags=flags)
    _read_fans(stats, draft)
    read_pools(rows(payloads, "pools", "POOLS"), {}, draft)
    read_uptime(said(stats, "elapsed"), "stats.elapsed", draft)
    read_totals(draft)


def _read_state(stats: Row, payloads: Payloads, draft: Draft) -> None:
    """No page names a state: what hashes mines, and what has run for 0 s has not begun.

    One that hashes nothing because its settings say so sleeps.
    """
    if positive(said(stats, "rate_15m")) or positive(said(stats, "rate_avg")):
        draft.status = MinerStatus.MINING
    elif unquoted(entry(payloads.bodies.get(SETTINGS), "fc-work-mode")) == _ASLEEP:
        draft.status = MinerStatus.STOPPED
    elif said(stats, "elapsed") == 0:
        draft.status = MinerStatus.INITIALIZING


def _boards(stats: Row, unit: Measure, draft: Draft) -> list[BoardDraft] | None:
    """The boards that are there: slots without chips and without a serial number are empty."""
    listed = stats.get("chain")
    if not isinstance(listed, list):
        return None
    there = [each for each in listed if not isinstance(each, dict) or _is_there(each)]
    return [
        _board(slot, chain, unit, draft)
        for slot, chain in numbered(there, draft.flags, key="index", first=0)
    ]


def _is_there(chain: Row) -> bool:
    return positive(chain.get("asic_num")) > 0 or word(chain, "sn") is not None


def _board(slot: int, chain: Row, unit: Measure, draft: Draft) -> BoardDraft:
    flags, at = draft.flags, f"boards.{slot}"
    rate, nominal = said(chain, "rate_15m"), said(chain, "rate_ideal")
    board = BoardDraft(slot, hashing=positive(rate) > 0)
    board.hashrate_hs = unit.read(rate, name=f"{at}.hashrate_hs", flags=flags)
    board.hashrate_expected_hs = unit.read(nominal, name=f"{at}.hashrate_expected_hs", flags=flags)
    chips = said(chain, "asic_num")
    board.chips_total = count(chips, name=f"{at}.chips_total", flags=flags)
    sensors = chain.get("temp_chip")
    listed = [unquoted(each) for each in sensors[:_SENSORS]] if isinstance(sensors, list) else []
    heats = [_degrees(each, f"{at}.chip_temp_c", draft) for each in listed if each is not None]
    known = [heat for heat in heats if heat is not None]
    for edge, value in (("max", max(known, default=None)), ("min", min(known, default=None))):
        name = f"chip_temp_{edge}_c"
        if value is None and board.hashing:
            flags.missing(f"{at}.{name}")
        setattr(board, name, value)
    return board


def _degrees(value: object, name: str, draft: Draft) -> float | None:
    """A sensor in thousandths of a degree; 0 is one without reading.

    Less than a degree on either side of 0 is one that counts whole degrees: not known, no guess.
    """
    if value == 0 and value is not False:
        return None
    if isinstance(value, (int, float)) and -_MILLI < value < _MILLI:
        draft.flags.invalid(name)
        return None
    return number(value, CELSIUS, name=name, flags=draft.flags, per=_MILLI)


def _read_fans(stats: Row, draft: Draft) -> None:
    """Every fan in its place; one that is unreadable costs all."""
    listed = stats.get("fan")
    if not isinstance(listed, list):
        (draft.flags.missing if listed is None else draft.flags.invalid)("fan_rpm")
        return
    said_of = [unquoted(each) for each in listed[:MAX_FANS]]
    speeds = [number(each, RPM, name="fan_rpm", flags=draft.flags) for each in said_of]
    known = tuple(round(speed) for speed in speeds if speed is not None)
    draft.fan_rpm = known if len(known) == len(speeds) else None


DIALECT: Final = Dialect(
    name="elphapex",
    family="elphapex",
    main=MAIN,
    needed=frozenset({MAIN}),
    optional=_OPTIONAL,
    recognise=recognise,
    identify=identify,
    read=read,
    never=frozenset(
        {
            *("voltage_v", "frequency_mhz", "pcb_temp_max_c", "fan_duty_ratio", "hw_errors_total"),
            *("boards.chips_ok", "boards.pcb_temp_c", "boards.frequency_mhz"),
            *("boards.voltage_v", "boards.power_w", "boards.hw_errors_total"),
        }
    ),
)
