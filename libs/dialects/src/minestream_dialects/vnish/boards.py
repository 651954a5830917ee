"""Hashboards of Vnish: ``summary.miner.chains[]``, and what ``/boards`` or ``/chains`` adds.

Source: OpenAPI 1.2.7 (``AntmChain``, ``AntmChainChips``) and 1.3.4 (``AntmBoard``,
``AntmBoardChips``); 1.2.0-rc's sensor lists as public clients read them.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from minestream_dialects.draft import BoardDraft
from minestream_dialects.fields import (
    MEGAHERTZ,
    VOLTS,
    WATTS,
    Flags,
    celsius,
    count,
    entry,
    number,
    text,
)
from minestream_dialects.slots import MAX_BOARDS, MAX_SLOT, numbered
from minestream_dialects.vnish.sound import MV_PER_V, read_sound
from minestream_dialects.vnish.unit import Measure

_BROKEN: Final = frozenset({"failure", "disconnected"})
_QUIET: Final = _BROKEN | {"initializing", "stopped", "disabled", "unknown"}
"""States in which a board without a temperature is no news."""


def read_boards(chains: object, measure: Measure, flags: Flags) -> list[BoardDraft] | None:
    """Read the summary's ``chains`` (1.3 keeps the name).

    Returns:
        the boards; None when the summary does not speak of them.
    """
    if chains is None:
        return None
    sound = read_sound(chains, measure)
    if sound is not None:
        return sound
    return [_board(slot, chain, measure, flags) for slot, chain in numbered(chains, flags)]


class _Names(NamedTuple):
    """Our names of one board's fields, for its flags."""

    status: str
    hashrate_hs: str
    hashrate_expected_hs: str
    chips_ok: str
    chip_temp_max_c: str
    chip_temp_min_c: str
    pcb_temp_c: str
    frequency_mhz: str
    voltage_v: str
    power_w: str
    hw_errors_total: str


_NAMES: Final = tuple(
    _Names(*(f"boards.{slot}.{name}" for name in _Names._fields)) for slot in range(MAX_SLOT + 1)
)


def _board(slot: int, chain: dict[str, Any], measure: Measure, flags: Flags) -> BoardDraft:
    names, get = _NAMES[slot], chain.get
    state = text(entry(get("status"), "state"))
    if state is None:
        flags.missing(names.status)
    expected = state not in _QUIET
    rate = get("hashrate_rt")
    chips_ok, chips_total = _chip_statuses(get("chip_statuses"), names.chips_ok, flags)
    chips_max, chips_min = _range(chain, "chip_temp")
    pcb_max, _ = _range(chain, "pcb_temp")
    watts = get("power_consumption")
    watts = get("power_usage") if watts is None else watts  # the betas of 1.2.0

    return BoardDraft(
        slot,
        state,
        _positive(rate),
        measure.read(rate, name=names.hashrate_hs, flags=flags),
        measure.read(get("hashrate_ideal"), name=names.hashrate_expected_hs, flags=flags),
        chips_ok,
        chips_total,
        celsius(chips_max, name=names.chip_temp_max_c, flags=flags, required=expected),
        celsius(chips_min, name=names.chip_temp_min_c, flags=flags, required=expected),
        celsius(pcb_max, name=names.pcb_temp_c, flags=flags, required=expected),
        number(get("frequency"), MEGAHERTZ, name=names.frequency_mhz, flags=flags),
        number(get("voltage"), VOLTS, name=names.voltage_v, flags=flags, per=MV_PER_V),
        number(watts, WATTS, name=names.power_w, flags=flags),
        count(get("hw_errors"), name=names.hw_errors_total, flags=flags),
    )


def _positive(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0


def _range(chain: dict[str, Any], key: str) -> tuple[object, object]:
    """The highest and the lowest temperature, as they are said."""
    said = chain.get(key)
    high, low = (said.get("max"), said.get("min")) if isinstance(said, dict) else (None, None)
    if high is None:
        high = _sensed(chain, key, max)
    if low is None:
        low = _sensed(chain, key, min)
    return high, low


def _sensed(chain: dict[str, Any], key: str, edge: Callable[[list[Any]], Any]) -> object:
    """The warmest or coldest live sensor, as 1.2.0-rc lists them."""
    sensors = chain.get(f"{key}_sens")
    if not isinstance(sensors, list):
        return None
    live = [
        each["temp"]
        for each in sensors
        if entry(each, "status") == "measure" and _positive(entry(each, "temp"))
    ]
    return edge(live) if live else None


def _chip_statuses(said: object, name: str, flags: Flags) -> tuple[int | None, int | None]:
    """Chips in order and in all. Grey and orange hash, red do not (ADR 0003)."""
    if not isinstance(said, dict):
        (flags.missing if said is None else flags.invalid)(name)
        return None, None
    grey = count(said.get("grey"), name=name, flags=flags)
    orange = count(said.get("orange"), name=name, flags=flags)
    red = count(said.get("red"), name=name, flags=flags)
    if grey is None or orange is None or red is None:
        return None, None
    return grey + orange, grey + orange + red


def water_temperatures(chains: object, flags: Flags) -> tuple[float | None, float | None]:
    """The warmest inlet and outlet of a hydro miner's boards, °C; None on air."""
    listed = chains[:MAX_BOARDS] if isinstance(chains, list) else []
    boards = [chain for chain in listed if type(chain) is dict]
    warmest: list[float | None] = []
    for ours, theirs in (
        ("inlet_temp_c", "inlet_water_temp"),
        ("outlet_temp_c", "outlet_water_temp"),
    ):
        read = [
            celsius(value, name=ours, flags=flags, required=False)
            for chain in boards
            if (value := chain.get(theirs)) is not None
        ]
        known = [value for value in read if value is not None] if read else None
        warmest.append(max(known) if known else None)
    return warmest[0], warmest[1]


def broken_codes(boards: list[BoardDraft] | None) -> tuple[str, ...]:
    """Error codes of boards that say they are broken: ``board_failure:2``."""
    return tuple(
        f"board_{board.status}:{board.slot}" for board in boards or () if board.status in _BROKEN
    )


def broken_words(chains: object) -> str | None:
    """Why boards are broken, in the firmware's words; None when it has none."""
    told = []
    for chain in chains[:MAX_BOARDS] if isinstance(chains, list) else ():
        words = text(entry(chain, "status", "description"))
        if words is not None and text(entry(chain, "status", "state")) in _BROKEN:
            slot = chain.get("id")
            told.append(f"board {slot}: {words}" if type(slot) is int else words)
    return text("; ".join(told))


def complete_boards(
    boards: list[BoardDraft] | None, items: object, measure: Measure, flags: Flags
) -> list[BoardDraft] | None:
    """Fill in from ``/boards`` or ``/chains`` what the summary did not say; it wins where it did.

    Args:
        boards: from the summary.
        items: the bare array of the endpoint; None when it was not asked.
        measure: the unit of hashrates.
        flags: a field that both leave out has been flagged by the summary's reader.
    """
    if items is None:
        return boards
    known = {board.slot: board for board in boards or ()}
    for slot, item in numbered(items, flags):
        board = known.setdefault(slot, BoardDraft(slot=slot))
        _complete(board, item, measure, flags)
    return [known[slot] for slot in sorted(known)]


def _complete(board: BoardDraft, item: dict[str, Any], measure: Measure, flags: Flags) -> None:
    at = f"boards.{board.slot}"
    rate = item.get("hr_realtime")
    if board.status is None:
        board.status = text(entry(item, "status", "state"))
    if board.hashrate_hs is None:
        board.hashing = board.hashing or _positive(rate)
        board.hashrate_hs = measure.read(rate, name=f"{at}.hashrate_hs", flags=flags)
    if board.hashrate_expected_hs is None:
        name = f"{at}.hashrate_expected_hs"
        board.hashrate_expected_hs = measure.read(item.get("hr_nominal"), name=name, flags=flags)
    if board.frequency_mhz is None:
        name = f"{at}.frequency_mhz"
        board.frequency_mhz = number(item.get("freq"), MEGAHERTZ, name=name, flags=flags)
    _sensors(board, item.get("sensors"), flags)
    chips = item.get("chips")
    if board.chips_total is None and isinstance(chips, list) and chips:
        grades = [entry(chip, "grade") for chip in chips]
        board.chips_total = len(grades)
        board.chips_ok = sum(grade in ("grey", "orange") for grade in grades)


def _sensors(board: BoardDraft, sensors: object, flags: Flags) -> None:
    """The hottest live sensor, where the summary gave no temperature."""
    listed = sensors if isinstance(sensors, list) else []
    live = [each for each in listed if entry(each, "state") == "measure"]
    for ours, theirs in (("chip_temp_max_c", "chip"), ("pcb_temp_c", "board")):
        said = [each[theirs] for each in live if _positive(entry(each, theirs))]
        if said and getattr(board, ours) is None:
            name = f"boards.{board.slot}.{ours}"
            setattr(board, ours, celsius(max(said), name=name, flags=flags))
