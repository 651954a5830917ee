"""Devices as CGMiner lists them in ``DEVS``: an ASIC's boards, sgminer's graphics cards."""

from typing import Final

from minestream_dialects.cgminer.answers import Rates, Row, at_work, positive, rates, said, word
from minestream_dialects.draft import BoardDraft, Draft
from minestream_dialects.fields import MEGAHERTZ, RPM, VOLTS, Flags, celsius, count, mean, number
from minestream_dialects.measure import Measure
from minestream_schemas.units import hashes_per_s

MAX_DEVICES: Final = 16
_STATES: Final = {"alive": "mining", "sick": "failure", "dead": "failure", "nostart": "failure"}
_TEMPERATURE: Final = ("Temperature", "Tenperature", "Chip Temp Max")
"""Bitmain's firmware spells it so."""
_NO_SENSOR_C: Final = -273
"""How an Avalon says that a device has none."""
_CHIPS: Final = ("tstemp-0", "tstemp-1")
_PLATE: Final = "tstemp-2"
"""Goldshell's, in whole degrees; 0 and -1 are sensors without reading."""
_MAX_FANS: Final = 8


def listed(devices: list[Row] | None, *, hashing: bool) -> list[Row]:
    """The devices; none where they are a dummy that never hashed while the miner does.

    Args:
        devices: rows of ``DEVS``; None when the miner did not list them.
        hashing: does the summary say that the miner hashes?
    """
    there = (devices or [])[:MAX_DEVICES]
    known = [rates(device) for device in there]
    if hashing and not any(positive(each.now) or positive(each.average) for each in known):
        return []
    return there


def read_devices(devices: list[Row], unit: Measure, whole: Rates, draft: Draft) -> None:
    """Read devices as boards, and of the miner what they tell together.

    Args:
        devices: as ``listed`` gives them.
        unit: of the summary's hashrates.
        whole: the summary's, for the unit that its keys name; a device's may name another.
        draft: receives ``boards``, temperatures, clock, voltage and fans.
    """
    boards = [
        _board(slot, device, unit, whole, draft.flags)
        for slot, device in zip(_slots(devices), devices, strict=True)
    ]
    draft.boards = boards or None
    draft.frequency_mhz = mean([b.frequency_mhz for b in boards if b.frequency_mhz is not None])
    draft.voltage_v = mean([b.voltage_v for b in boards if b.voltage_v is not None])
    warm = [b.chip_temp_max_c for b in boards if b.chip_temp_max_c is not None]
    draft.chip_temp_max_c = max(warm, default=None)
    plates = [b.pcb_temp_c for b in boards if b.pcb_temp_c is not None]
    draft.pcb_temp_max_c = max(plates, default=None)
    _read_fans(devices, draft)


def _slots(devices: list[Row]) -> list[int]:
    """A device's number among its kind, from 1; their places where these are none or not unique."""
    found = [said(device, "ASC", "PGA", "GPU", "ID") for device in devices]
    numbers = [each for each in found if type(each) is int and 0 <= each < MAX_DEVICES]
    if len(set(numbers)) == len(devices):
        return [each + 1 for each in numbers]
    return list(range(1, len(devices) + 1))


def _board(slot: int, device: Row, unit: Measure, whole: Rates, flags: Flags) -> BoardDraft:
    at = f"boards.{slot}"
    found = rates(device)
    times = hashes_per_s(found.unit or "H") / hashes_per_s(whole.unit or found.unit or "H")
    board = BoardDraft(slot, status=_state(device), hashing=positive(found.now) > 0)
    name = f"{at}.hashrate_hs"
    board.hashrate_hs = unit.read(found.now, name=name, flags=flags, times=times)
    _read_heat(device, board, flags)
    told, name = said(device, "Frequency", "Chip Frequency", "GPU Clock"), f"{at}.frequency_mhz"
    clock = at_work(told, hashing=board.hashing)
    board.frequency_mhz = number(clock, MEGAHERTZ, name=name, flags=flags, required=False)
    volts, name = said(device, "GPU Voltage"), f"{at}.voltage_v"
    board.voltage_v = number(volts, VOLTS, name=name, flags=flags, required=False)
    errors, name = said(device, "Hardware Errors"), f"{at}.hw_errors_total"
    board.hw_errors_total = count(errors, name=name, flags=flags)
    return board


def _read_heat(device: Row, board: BoardDraft, flags: Flags) -> None:
    """A device's one temperature, or the sensors of a Goldshell's chips and of its board."""
    heat = said(device, *_TEMPERATURE)
    chips = [value for key in _CHIPS if positive(value := said(device, key))]
    plate = said(device, _PLATE)
    told = (
        ("chip_temp_max_c", max(chips, key=positive) if chips else heat),
        ("chip_temp_min_c", min(chips, key=positive) if len(chips) > 1 else None),
        ("pcb_temp_c", plate if positive(plate) else None),
    )
    for ours, value in told:
        known = None if value == _NO_SENSOR_C else value
        name = f"boards.{board.slot}.{ours}"
        setattr(board, ours, celsius(known, name=name, flags=flags, required=False))


def _state(device: Row) -> str | None:
    if word(device, "Enabled") == "N":
        return "disabled"
    state = word(device, "Status")
    return None if state is None else _STATES.get(state.casefold(), state.casefold())


def _read_fans(devices: list[Row], draft: Draft) -> None:
    """The devices' own fans, where all of them have one; else those that each of them repeats."""
    speeds = [said(device, "Fan Speed") for device in devices]
    if any(speed is None for speed in speeds):
        places = (f"fan{place}" for place in range(_MAX_FANS))
        told = [[v for device in devices if (v := said(device, key)) is not None] for key in places]
        speeds = [min(each, key=positive) for each in told if each]
    if not speeds:
        return
    read = [number(speed, RPM, name="fan_rpm", flags=draft.flags) for speed in speeds]
    known = [round(speed) for speed in read if speed is not None]
    draft.fan_rpm = tuple(known) if len(known) == len(read) else None
