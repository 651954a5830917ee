"""A reading while it is being read: what a parser fills and ``normalise`` turns into events."""

from operator import attrgetter
from typing import Final

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

_reading_numbers: Final = attrgetter(*READING_NUMBERS)
_board_numbers: Final = attrgetter(*BOARD_NUMBERS)

PLAIN_FIELDS: Final = tuple(
    name
    for name in Draft.__struct_fields__
    if name not in {"flags", "problem", "fan_rpm", "boards", "chips"}
)
"""The fields that go from the draft into ``MinerTelemetry`` as they are."""


def quality(draft: Draft) -> float:
    """The share of the numbers of a reading and of its boards that are present, 0…1."""
    boards = draft.boards or []
    missing = _reading_numbers(draft).count(None)
    for board in boards:
        missing += _board_numbers(board).count(None)
    numbers = len(READING_NUMBERS) + len(BOARD_NUMBERS) * len(boards)
    return (numbers - missing) / numbers
