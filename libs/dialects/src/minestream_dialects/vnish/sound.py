"""Hashboards of which there is nothing to say but their numbers: read in one conversion.

Nearly every board of nearly every poll mines and says everything, each number inside the
contract's bounds. Such a list passes one check of its shape, at a third of the price of reading
field by field. A list with anything else in it is none of this module's: ``boards`` reads it, and
what is sound it reads the same (proven in ``tests/unit/dialects/test_sound.py``).
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from minestream_dialects.draft import BoardDraft
from minestream_dialects.fields import CELSIUS, COUNT, MEGAHERTZ, SANE, VOLTS, WATTS
from minestream_dialects.slots import MAX_BOARDS, MAX_SLOT
from minestream_dialects.vnish.unit import Measure

MV_PER_V: Final = 1000.0

# what is a bound too tight by a rounding costs a reading field by field, and nothing else
_Celsius = Annotated[float, Meta(ge=CELSIUS.low, le=CELSIUS.high)]
_Count = Annotated[int, Meta(ge=int(COUNT.low), le=int(COUNT.high))]
_Rate = Annotated[float, Meta(ge=0.0, lt=SANE)]
_Megahertz = Annotated[float, Meta(ge=MEGAHERTZ.low, le=MEGAHERTZ.high)]
_Millivolts = Annotated[float, Meta(ge=VOLTS.low * MV_PER_V, le=VOLTS.high * MV_PER_V)]
_Watts = Annotated[float, Meta(ge=WATTS.low, le=WATTS.high)]


class _Range(msgspec.Struct, gc=False):
    max: _Celsius
    min: _Celsius


class _Hottest(msgspec.Struct, gc=False):
    max: _Celsius


class _Statuses(msgspec.Struct, gc=False):
    grey: _Count
    orange: _Count
    red: _Count


class _Mining(msgspec.Struct, gc=False):
    state: Literal["mining"]


class _Chain(msgspec.Struct, gc=False):
    id: Annotated[int, Meta(ge=0, le=MAX_SLOT)]
    status: _Mining
    hashrate_rt: _Rate
    hashrate_ideal: _Rate
    chip_statuses: _Statuses
    chip_temp: _Range
    pcb_temp: _Hottest
    frequency: _Megahertz
    voltage: _Millivolts
    power_consumption: _Watts
    hw_errors: _Count
    inlet_water_temp: None = None
    outlet_water_temp: None = None


_Chains = Annotated[list[_Chain], Meta(min_length=1, max_length=MAX_BOARDS)]


def read_sound(chains: object, measure: Measure) -> list[BoardDraft] | None:
    """Read the summary's ``chains`` if all of them mine, on air, and say everything.

    Args:
        chains: as decoded.
        measure: the unit of hashrates.

    Returns:
        the boards; None when they must be read field by field.
    """
    hs = measure.hs_per_unit
    if hs is None:
        return None
    try:
        listed = msgspec.convert(chains, _Chains)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a lone surrogate
        return None
    boards = [_board(chain, hs) for chain in listed]
    ceiling = measure.ceiling_hs
    for board in boards:
        # 0 is how this firmware says that a sensor gives no reading
        if not (board.chip_temp_max_c and board.chip_temp_min_c and board.pcb_temp_c):
            return None
        if board.hashrate_hs > ceiling or board.hashrate_expected_hs > ceiling:  # type: ignore[operator] # both are said
            return None
    return boards if len({board.slot for board in boards}) == len(boards) else None


def _board(chain: _Chain, hs_per_unit: float) -> BoardDraft:
    statuses, chip_temp, rate = chain.chip_statuses, chain.chip_temp, chain.hashrate_rt
    chips_ok = statuses.grey + statuses.orange
    return BoardDraft(
        chain.id,
        "mining",
        rate > 0,
        rate * hs_per_unit,
        chain.hashrate_ideal * hs_per_unit,
        chips_ok,
        chips_ok + statuses.red,
        chip_temp.max,
        chip_temp.min,
        chain.pcb_temp.max,
        chain.frequency,
        chain.voltage / MV_PER_V,
        chain.power_consumption,
        chain.hw_errors,
    )
