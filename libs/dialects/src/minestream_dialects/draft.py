"""A reading while it is being read: what a parser fills and ``normalise`` turns into events."""

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from minestream_dialects.fields import Flags
from minestream_schemas.telemetry import BoardChips, BoardReading, MinerStatus
from minestream_schemas.units import Algorithm


class BoardDraft(msgspec.Struct, gc=False):
    """One hashboard; the names and units are those of ``BoardReading``."""

    slot: int
    status: str | None = None
    hashing: bool = False
    hashrate_hs: float | None = None
    hashrate_expected_hs: float | None = None
    chips_ok: int | None = None
    chips_total: int | None = None
    chip_temp_max_c: float | None = None
    chip_temp_min_c: float | None = None
    pcb_temp_c: float | None = None
    frequency_mhz: float | None = None
    voltage_v: float | None = None
    power_w: float | None = None
    hw_errors_total: int | None = None


class Draft(msgspec.Struct):
    """One miner; the names and units are those of ``MinerTelemetry``.

    Args:
        problem: why the payload cannot be read at all; the row is then ``garbage``.
        boards: None when the payload does not speak of boards.
        chips: None when the payload does not speak of chips.
        fan_rpm: None when the payload does not speak of fans; ``()`` when it says there are none.
    """

    flags: Flags = msgspec.field(default_factory=Flags)
    evidence: dict[str, str] = msgspec.field(default_factory=dict)
    problem: str | None = None
    status: MinerStatus = MinerStatus.UNKNOWN
    model: str | None = None
    firmware: str | None = None
    algorithm: Algorithm = Algorithm.UNKNOWN
    hashrate_hs: float | None = None
    hashrate_avg_hs: float | None = None
    hashrate_expected_hs: float | None = None
    power_w: float | None = None
    voltage_v: float | None = None
    frequency_mhz: float | None = None
    chip_temp_max_c: float | None = None
    pcb_temp_max_c: float | None = None
    inlet_temp_c: float | None = None
    outlet_temp_c: float | None = None
    ambient_temp_c: float | None = None
    fan_rpm: tuple[int, ...] | None = None
    fan_duty_ratio: float | None = None
    accepted_total: int | None = None
    rejected_total: int | None = None
    stale_total: int | None = None
    hw_errors_total: int | None = None
    uptime_s: float | None = None
    pool_url: str | None = None
    worker: str | None = None
    preset: str | None = None
    boards_total: int | None = None
    boards_healthy: int | None = None
    boards: list[BoardDraft] | None = None
    boards_judged: bool = False
    error_codes: tuple[str, ...] = ()
    error: str | None = None
    chips: list[BoardChips] | None = None


BOARD_FIELDS: Final = tuple(BoardReading.model_fields)
BOARD_NUMBERS: Final = tuple(name for name in BOARD_FIELDS if name not in {"slot", "status"})
READING_NUMBERS: Final = (
    "hashrate_hs",
    "hashrate_avg_hs",
    "hashrate_expected_hs",
    "power_w",
    "voltage_v",
    "frequency_mhz",
    "chip_temp_max_c",
    "pcb_temp_max_c",
    "fan_rpm",
    "fan_duty_ratio",
    "accepted_total",
    "rejected_total",
    "stale_total",
    "hw_errors_total",
    "uptime_s",
    "boards_total",
)
"""What a miner of any dialect is expected to say; water temperatures and the like are extras."""

PLAIN_FIELDS: Final = tuple(
    name
    for name in Draft.__struct_fields__
    if name not in {"flags", "problem", "fan_rpm", "boards", "boards_judged", "chips"}
)
"""The fields that go from the draft into ``MinerTelemetry`` as they are."""


_NOTHING: Final[frozenset[str]] = frozenset()
_Getter = Callable[[object], tuple[object, ...]]


@lru_cache(maxsize=64)
def _told(never: frozenset[str]) -> tuple[int, _Getter, int, _Getter]:
    """How many numbers a reading and a board of a dialect have, and what gets them."""
    reading = [name for name in READING_NUMBERS if name not in never]
    board = [name for name in BOARD_NUMBERS if f"boards.{name}" not in never]
    return len(reading), _all_of(reading), len(board), _all_of(board)


def _all_of(names: list[str]) -> _Getter:
    get: Any = attrgetter(*names)
    return get if len(names) > 1 else lambda each: (get(each),)


def quality(draft: Draft, never: frozenset[str] = _NOTHING) -> float:
    """The share of the numbers of a reading and of its boards that are present, 0…1.

    Args:
        draft: the reading.
        never: numbers that its dialect has no word for, as in ``Dialect.never``.
    """
    in_reading, of_reading, in_board, of_board = _told(never)
    boards = draft.boards or []
    missing = of_reading(draft).count(None)
    for board in boards:
        missing += of_board(board).count(None)
    numbers = in_reading + in_board * len(boards)
    return (numbers - missing) / numbers
