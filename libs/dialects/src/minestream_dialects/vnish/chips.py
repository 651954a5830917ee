"""Chips of Vnish, by position: ``/chips`` of 1.2, and ``/chains`` (1.2) or ``/boards`` (1.3).

Hashrates are in the miner's own unit: on the L9, 110 chips of about 52.8 make a board of 5801 MH/s.

Source: OpenAPI 1.2.7 (``AntmChainsChipsStats``, ``AntmChainChips``), 1.3.4 (``AntmBoardChips``).
"""

from typing import Any, Final, NamedTuple, TypeVar

from minestream_dialects.fields import CELSIUS, MEGAHERTZ, VOLTS, Flags, counts, numbers
from minestream_dialects.slots import numbered
from minestream_dialects.vnish.unit import Measure
from minestream_schemas.telemetry import BoardChips

MAX_CHIPS: Final = 400
"""Per board; the largest known boards have about 300. It also keeps the event under 1 MiB."""

_GRADES: Final = frozenset({"grey", "orange", "red"})
_MV_PER_V: Final = 1000.0


class Keys(NamedTuple):
    """What one chip's fields are called; None: this endpoint does not say it."""

    rate: str
    errors: str
    grade: str
    voltage: str | None


OF_CHIPS: Final = Keys(rate="hashrate", errors="errors", grade="status", voltage=None)
OF_BOARDS: Final = Keys(rate="hr", errors="errs", grade="grade", voltage="volt")


def read_chips(items: object, keys: Keys, measure: Measure, flags: Flags) -> list[BoardChips]:
    """Read the chips of every board that lists some.

    Args:
        items: a list of boards, each with ``id`` and ``chips``.
        keys: what this endpoint calls the chips' fields.
        measure: the unit of hashrates.
        flags: one per field, whatever the number of chips that lack it.

    Returns:
        the boards; a column that no chip of a board says is left empty.
    """
    if items is None:
        return []
    read = (
        _board(slot, item.get("chips"), keys, measure, flags)
        for slot, item in numbered(items, flags)
    )
    return [board for board in read if board is not None]


def _board(
    slot: int, chips: object, keys: Keys, measure: Measure, flags: Flags
) -> BoardChips | None:
    if not isinstance(chips, list) or not 0 < len(chips) <= MAX_CHIPS:
        if chips != []:
            flags.invalid("chips")
        return None
    ordered = _by_position([chip if isinstance(chip, dict) else {} for chip in chips])

    def column(key: str) -> list[object]:
        return [chip.get(key) for chip in ordered]

    rates = measure.read_column(column(keys.rate), name="chips.hashrate_hs", flags=flags)
    # 0 is how this firmware says that a chip has no reading
    warm = [value if value != 0 or value is False else None for value in column("temp")]
    warmth = numbers(warm, CELSIUS, name="chips.temp_c", flags=flags, required=False)
    clock = numbers(column("freq"), MEGAHERTZ, name="chips.frequency_mhz", flags=flags)
    said = column(keys.voltage) if keys.voltage else []
    volts = numbers(said, VOLTS, name="chips.voltage_v", flags=flags, per=_MV_PER_V)
    errors = counts(column(keys.errors), name="chips.errors_total", flags=flags)
    return BoardChips(
        slot=slot,
        hashrate_hs=_said(rates),
        temp_c=_said(warmth),
        frequency_mhz=_said(clock),
        voltage_v=_said(volts),
        errors_total=_said(errors),
        grade=_said(tuple(_grade(value, flags) for value in column(keys.grade))),
    )


def _by_position(chips: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of their ``id`` when every chip has one of its own, else as they came."""
    ids = [chip.get("id") for chip in chips]
    if all(type(each) is int for each in ids) and len(set(ids)) == len(ids):
        return sorted(chips, key=lambda chip: int(chip["id"]))
    return chips


def _grade(said: object, flags: Flags) -> str | None:
    if isinstance(said, str) and said in _GRADES:
        return said
    (flags.missing if said is None else flags.invalid)("chips.grade")
    return None


Value = TypeVar("Value")


def _said(column: tuple[Value | None, ...]) -> tuple[Value | None, ...]:
    return column if any(value is not None for value in column) else ()
