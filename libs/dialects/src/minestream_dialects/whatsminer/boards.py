"""Hashboards of a Whatsminer: ``edevs`` or ``devs`` of API 1 and 2, ``edevs`` of API 3.

Source: the captures in ``tests/fixtures/whatsminer``.
"""

from typing import Any, Final, NamedTuple

from minestream_dialects.cgminer.answers import Row, positive, said, word
from minestream_dialects.draft import BoardDraft
from minestream_dialects.fields import MEGAHERTZ, Flags, celsius, count, number
from minestream_dialects.measure import Measure
from minestream_dialects.slots import MAX_BOARDS, numbered

NEVER: Final = frozenset({"boards.voltage_v", "boards.power_w", "boards.chips_total"})
"""No Whatsminer says these of a board: of its chips only how many work."""
_ALIVE: Final = "alive"
_STATES: Final = {_ALIVE: "mining", "dead": "failure", "sick": "failure"}


class Names(NamedTuple):
    """What the fields of one board are called; several: the first that says something.

    Args:
        nominal_times: units of the hashrate in one unit of the nominal.
        errors: empty where this API does not count a board's errors.
    """

    slot: str
    status: str
    rate: tuple[str, ...]
    nominal: str
    nominal_times: float
    chips: str
    chip_max: str
    chip_min: str
    pcb: str
    frequency: tuple[str, ...]
    errors: tuple[str, ...] = ()


def read_boards(rows: list[Row], names: Names, measure: Measure, flags: Flags) -> list[BoardDraft]:
    """Read the boards that are listed.

    Args:
        rows: one each.
        names: what this API calls their fields.
        measure: the unit of hashrates.
        flags: where to note what is missing or impossible.
    """
    listed = numbered(rows, flags, key=names.slot, first=0)
    return [_board(slot, each, names, measure, flags) for slot, each in listed]


def _board(slot: int, row: Row, names: Names, measure: Measure, flags: Flags) -> BoardDraft:
    at = f"boards.{slot}"
    state = (word(row, names.status) or "").casefold() or None
    if state is None:
        flags.missing(f"{at}.status")
    alive = state in (None, _ALIVE)
    rate = said(row, *names.rate)

    def heat(key: str, name: str) -> float | None:
        return celsius(said(row, key), name=f"{at}.{name}", flags=flags, required=alive)

    board = BoardDraft(slot, _STATES.get(state, state) if state else None, positive(rate) > 0)
    board.hashrate_hs = measure.read(rate, name=f"{at}.hashrate_hs", flags=flags)
    board.hashrate_expected_hs = measure.read(
        said(row, names.nominal),
        name=f"{at}.hashrate_expected_hs",
        flags=flags,
        times=names.nominal_times,
        required=False,
    )
    board.chips_ok = count(said(row, names.chips), name=f"{at}.chips_ok", flags=flags)
    board.chip_temp_max_c = heat(names.chip_max, "chip_temp_max_c")
    board.chip_temp_min_c = heat(names.chip_min, "chip_temp_min_c")
    board.pcb_temp_c = heat(names.pcb, "pcb_temp_c")
    clock = said(row, *names.frequency)
    board.frequency_mhz = number(clock, MEGAHERTZ, name=f"{at}.frequency_mhz", flags=flags)
    if names.errors:
        errors = said(row, *names.errors)
        board.hw_errors_total = count(errors, name=f"{at}.hw_errors_total", flags=flags)
    return board


def chips(rows: list[Row], names: Names) -> int:
    """How many chips work, for checking the unit."""
    counts: list[Any] = [min(positive(each.get(names.chips)), 1e4) for each in rows[:MAX_BOARDS]]
    return int(sum(counts))
