"""Hashboards as Bitmain's CGMiner lists them: ``chain_acn1``, ``temp_chip1``, ``freq_avg1``.

A board's slot is the number in its keys: 1 to 3 on an S19, 6 to 8 on an S9.

Source: the captures in ``tests/fixtures/cgminer`` and ``tests/fixtures/vnish``.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from minestream_dialects.cgminer.answers import Row, at_work, positive, said, unquoted, word
from minestream_dialects.draft import BoardDraft, Draft
from minestream_dialects.fields import (
    MAX_TEXT,
    MEGAHERTZ,
    RPM,
    SANE,
    VOLTS,
    WATTS,
    Flags,
    celsius,
    count,
    mean,
    number,
)
from minestream_dialects.measure import Clues, Measure
from minestream_schemas.telemetry import BoardChips

MAX_SLOTS: Final = 16
MAX_CHIPS: Final = 400
MAX_FANS: Final = 16
_MARKS: Final = {"o": "grey", "x": "red", "-": "red"}
"""What a map says of a chip, on the scale of ``MinerChips``: in order, or not (ADR 0003)."""
_THOUSAND: Final = 1000.0
_MEGAHASH: Final = 1e6
_ABOUT: Final = 3.0
"""A whole and its boards are of different moments, and a board may just have come or gone."""
_TEMPERATURE: Final = re.compile(r"-?\d{1,4}(?:\.\d{1,6})?", re.ASCII)
_LEADING: Final = re.compile(r"\s*(\d{1,7}(?:\.\d{1,6})?)", re.ASCII)


class _Keys(NamedTuple):
    """What one board's fields are called; several where makers differ, the first that speaks."""

    chips: str
    marks: str
    state: tuple[str, ...]
    rate: str
    nominal: str
    frequency: tuple[str, ...]
    chip_temps: tuple[str, ...]
    pcb_temps: tuple[str, ...]
    power: tuple[str, ...]
    voltage: str
    errors: str


_KEYS: Final = {
    slot: _Keys(
        f"chain_acn{slot}",
        f"chain_acs{slot}",
        (f"chain_state{slot}",),
        f"chain_rate{slot}",
        f"chain_rateideal{slot}",
        (f"freq_avg{slot}", f"freq{slot}", f"frequency{slot}"),
        (f"temp_chip{slot}", f"temp2_{slot}", f"temp3_{slot}"),
        (f"temp_pcb{slot}", f"temp{slot}"),
        (f"chain_consumption{slot}", f"chain_power{slot}"),
        f"chain_vol{slot}",
        f"chain_hw{slot}",
    )
    for slot in range(1, MAX_SLOTS + 1)
}


def slots(stats: Row) -> list[int]:
    """The boards that are there: those with chips, a hashrate or a state."""
    return [slot for slot, keys in _KEYS.items() if _is_there(stats, keys)]


def _is_there(stats: Row, keys: _Keys) -> bool:
    chips = stats.get(keys.chips)
    return (
        (type(chips) is int and chips > 0)
        or positive(chips) > 0
        or positive(stats.get(keys.rate)) > 0
        or word(stats, keys.marks, *keys.state) is not None
    )


def clues(stats: Row, nominal: object, rates: tuple[object, ...]) -> Clues:
    """What the unit of hashrates can be checked by."""
    there = [_KEYS[slot] for slot in slots(stats)]
    chips = sum(min(positive(stats.get(keys.chips)), MAX_CHIPS) for keys in there)
    clocks = [positive(_clock(stats, keys, hashing=False)) for keys in there]
    clock = mean([value for value in clocks if value <= MEGAHERTZ.high]) or whole_frequency(stats)
    return Clues(nominal, rates, int(chips), clock)


def _clock(stats: Row, keys: _Keys, *, hashing: bool) -> object:
    """A board's clock, MHz: the S9k to the T17 fill ``freq1`` and leave ``freq_avg1`` at 0.

    A clock of 0 is no board's that hashes: the miner's own stands in, or none is told.
    """
    told = [value for key in keys.frequency if (value := said(stats, key)) is not None]
    clock = next((value for value in told if positive(value)), told[0] if told else None)
    clock = at_work(clock, hashing=hashing)
    return whole_frequency(stats) if clock is None else clock


def whole_frequency(stats: Row) -> float | None:
    """The clock that the miner names for all its chips, MHz: ``525``, ``"525"``, ``"1600M"``."""
    value = stats.get("frequency")
    if isinstance(value, str):
        value = value.strip().removesuffix("M")
    return min(positive(value), MEGAHERTZ.high) or None


def units_per_rate(stats: Row, now: object, measure: Measure) -> float:
    """How many of the whole miner's units one of ``chain_rate``'s is: 1, or 1000.

    The L7's and L9's later firmware tells its boards in GH/s beside a whole in MH/s, and no key
    says so; but a whole is the sum of its boards. Beside a whole in GH/s such boards are slow ones.

    Args:
        stats: the row of ``STATS`` with the chains.
        now: what the whole miner does, in its unit.
        measure: of the whole.
    """
    if measure.hs_per_unit != _MEGAHASH:
        return 1.0
    total = sum(positive(said(stats, _KEYS[slot].rate)) for slot in slots(stats))
    ratio = positive(now) / total if total else 0.0
    return _THOUSAND if _THOUSAND / _ABOUT < ratio < _THOUSAND * _ABOUT else 1.0


def read_boards(
    stats: Row, measure: Measure, flags: Flags, *, volts: float | None = None, times: float = 1.0
) -> list[BoardDraft]:
    """Read every board that is there.

    Args:
        stats: the row of ``STATS`` with the chains.
        measure: the unit of hashrates.
        flags: a field that is not of every firmware is not missed.
        volts: how many of ``chain_vol``'s units a volt is; None: they are not known.
        times: as ``units_per_rate`` gives them.
    """
    return [_board(slot, stats, measure, flags, volts=volts, times=times) for slot in slots(stats)]


def _board(
    slot: int, stats: Row, measure: Measure, flags: Flags, *, volts: float | None, times: float
) -> BoardDraft:
    keys, at = _KEYS[slot], f"boards.{slot}"
    board = BoardDraft(slot, status=word(stats, *keys.state))
    rate = said(stats, keys.rate)
    board.hashing = positive(rate) > 0
    board.hashrate_hs = measure.read(rate, name=f"{at}.hashrate_hs", flags=flags, times=times)
    board.hashrate_expected_hs = measure.read(
        # a nominal rate of 0 is how firmware says that it does not know its own
        said(stats, keys.nominal) or None,
        name=f"{at}.hashrate_expected_hs",
        flags=flags,
        required=False,
    )
    _count_chips(board, stats, keys, flags)
    heat = board.status in (None, "mining")
    chip_temps = temperatures([said(stats, key) for key in keys.chip_temps], f"{at}.chip", flags)
    pcb_temps = temperatures([said(stats, key) for key in keys.pcb_temps], f"{at}.pcb", flags)
    high = max(chip_temps, default=None)
    low = min(chip_temps) if len(chip_temps) > 1 else None  # one sensor tells the hottest alone
    pcb = max(pcb_temps, default=None)
    board.chip_temp_max_c = celsius(high, name=f"{at}.chip_temp_max_c", flags=flags, required=heat)
    board.chip_temp_min_c = celsius(low, name=f"{at}.chip_temp_min_c", flags=flags, required=False)
    board.pcb_temp_c = celsius(pcb, name=f"{at}.pcb_temp_c", flags=flags, required=heat)
    clock = _clock(stats, keys, hashing=board.hashing)
    board.frequency_mhz = number(clock, MEGAHERTZ, name=f"{at}.frequency_mhz", flags=flags)
    power = at_work(said(stats, *keys.power), hashing=board.hashing)
    board.power_w = number(power, WATTS, name=f"{at}.power_w", flags=flags, required=False)
    if volts is not None:
        value = said(stats, keys.voltage)
        name = f"{at}.voltage_v"
        board.voltage_v = number(value, VOLTS, name=name, flags=flags, per=volts, required=False)
    errors = said(stats, keys.errors)
    board.hw_errors_total = count(errors, name=f"{at}.hw_errors_total", flags=flags)
    return board


def temperatures(values: Sequence[object], name: str, flags: Flags) -> list[float]:
    """The readings of the first sensors that give any, °C.

    ``"78-50-69-70"`` are four sensors, ``"-5--3-20"`` three of which two freeze, a list is a list.
    0 is a sensor without reading; what no sensor can say is flagged and left out.

    Args:
        values: from the best source to the worst.
        name: our board and part, for the flag.
        flags: where to note what is impossible.
    """
    for value in values:
        read = [each for each in _apart(value, name, flags) if each]
        known = [celsius(each, name=f"{name}_temp_c", flags=flags) for each in read]
        if found := [each for each in known if each is not None]:
            return found
    return []


def _apart(value: object, name: str, flags: Flags) -> list[float]:
    if value is None:
        return []
    if isinstance(value, list):
        listed = [unquoted(each) for each in value[:MAX_SLOTS]]
        return [each for one in listed if one is not None for each in _apart(one, name, flags)]
    if isinstance(value, (int, float)) and not isinstance(value, bool) and -SANE < value < SANE:
        return [float(value)]
    found: list[float] = []
    if isinstance(value, str) and len(value) <= MAX_TEXT:
        at, said_all = 0, value.strip()
        while (match := _TEMPERATURE.match(said_all, at)) is not None:
            found.append(float(match[0]))
            at = match.end()
            if at == len(said_all):
                return found
            if said_all[at] != "-":
                break
            at += 1
    flags.invalid(f"{name}_temp_c")
    return []


def _whole_map(stats: Row, slot: int) -> str:
    """The map of a board's chips without its blanks: ``ooox-``.

    Empty when there is none, or one that leaves out chips or marks them otherwise.
    """
    keys = _KEYS[slot]
    value = stats.get(keys.marks)
    mapped = "".join(value.split()) if isinstance(value, str) else ""
    whole = positive(stats.get(keys.chips)) <= len(mapped) <= MAX_CHIPS
    return mapped if whole and set(mapped) <= _MARKS.keys() else ""


def _count_chips(board: BoardDraft, stats: Row, keys: _Keys, flags: Flags) -> None:
    """Chips in all and in order; a map that leaves out chips says nothing of how many are."""
    at = f"boards.{board.slot}"
    total = count(said(stats, keys.chips), name=f"{at}.chips_total", flags=flags)
    mapped = _whole_map(stats, board.slot)
    if mapped:
        board.chips_total, board.chips_ok = len(mapped), mapped.count("o")
        return
    board.chips_total = total
    if word(stats, keys.marks) is not None:
        flags.invalid(f"{at}.chips_ok")


def read_marked_chips(stats: Row) -> list[BoardChips]:
    """The chips of every board that gives a whole map of them, by position."""
    return [
        BoardChips(slot=slot, grade=tuple(map(_MARKS.__getitem__, mapped)))
        for slot in slots(stats)
        if (mapped := _whole_map(stats, slot))
    ]


def read_fans(stats: Row, draft: Draft) -> None:
    """Fan speeds. Where more places are listed than fans, those that turn come first.

    A fan that stands although it is counted keeps a 0, so that nobody overlooks it.
    """
    listed = [
        unquoted(stats[key]) for place in range(1, MAX_FANS + 1) if (key := f"fan{place}") in stats
    ]
    fans = said(stats, "fan_num")
    if not listed:
        if fans == 0:
            draft.fan_rpm = ()
        else:
            draft.flags.missing("fan_rpm")
        return
    speeds = [number(value, RPM, name="fan_rpm", flags=draft.flags) for value in listed]
    known = [round(speed) for speed in speeds if speed is not None]
    if len(known) != len(speeds):
        return  # one unreadable fan costs all: the tuple has no place for "not said"
    if type(fans) is int and 0 <= fans < len(known):
        turning = [speed for speed in known if speed]
        known = turning + [0] * (fans - len(turning))
    draft.fan_rpm = tuple(known)


def leading_number(value: object) -> object:
    """The number at the front of a text such as ``456.78 (AB)``; other values as they are."""
    found = _LEADING.match(value) if isinstance(value, str) else None
    return float(found[1]) if found else value
