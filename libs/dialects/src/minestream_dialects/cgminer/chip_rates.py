"""``/cgi-bin/chip_hr.json`` of Vnish 3.x: each chip's hashrate, which port 4028 does not tell."""

import re
from typing import Final

from minestream_dialects.cgminer import chains
from minestream_dialects.cgminer.answers import MAX_ROWS, Row, unquoted
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.measure import Measure
from minestream_schemas.telemetry import BoardChips

CHIP_RATES: Final = "chip-hr"
"""What the page's body is called in a poll."""
_CHIP: Final = re.compile(r"Asic(\d{1,3})", re.ASCII)
_OFF: Final = 10.0
"""Chips whose hashrates make ten times their board's or a tenth are not counted in its unit."""


def read_chips(payloads: Payloads, stats: Row, unit: Measure, draft: Draft) -> list[BoardChips]:
    """The map of each board, and the hashrates of its chips where they were asked for.

    Args:
        payloads: what the poll brought.
        stats: with the maps, in the keys of port 4028.
        unit: of the boards' hashrates, and so of the chips'.
        draft: with its boards; hashrates that cannot be theirs are flagged.
    """
    marked = {board.slot: board for board in chains.read_marked_chips(stats)}
    if CHIP_RATES not in payloads.bodies:
        return list(marked.values())
    body = payloads.mapping(CHIP_RATES)
    listed = body.get("chiphr") if body is not None else None
    if not isinstance(listed, list) or len(listed) > MAX_ROWS:
        draft.flags.invalid("chips.hashrate_hs")
        return list(marked.values())
    known = [board.slot for board in draft.boards or ()]
    places = known if len(known) == len(listed) else range(1, len(listed) + 1)
    for slot, chips in zip(places, listed, strict=True):
        rates = _chip_rates(chips, slot, unit, draft)
        if not rates:
            continue
        old = marked.get(slot)
        grades = old.grade if old is not None and len(old.grade) == len(rates) else ()
        marked[slot] = BoardChips(slot=slot, hashrate_hs=rates, grade=grades)
    return [marked[slot] for slot in sorted(marked)]


def _chip_rates(chips: object, slot: int, unit: Measure, draft: Draft) -> tuple[float | None, ...]:
    """The hashrates of one board's chips, H/s, where together they make about its own."""
    found = {
        int(place[1]): unquoted(value)
        for key, value in (chips.items() if isinstance(chips, dict) else ())
        if (place := _CHIP.fullmatch(key)) is not None
    }
    if not 0 < len(found) <= chains.MAX_CHIPS:
        return ()
    ordered = [found[place] for place in sorted(found)]
    rates = unit.read_column(ordered, name="chips.hashrate_hs", flags=draft.flags)
    board = next((each for each in draft.boards or () if each.slot == slot), None)
    total = sum(rate for rate in rates if rate is not None)
    own = board.hashrate_hs if board is not None else None
    if own and total and not 1 / _OFF < total / own < _OFF:
        draft.flags.invalid("chips.hashrate_hs")
        return ()
    return rates
