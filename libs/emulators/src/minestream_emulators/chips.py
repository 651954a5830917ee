"""The chips of a board, as its firmware sees them: where each is hot, weak or wrong."""

from dataclasses import dataclass
from typing import Literal

from minestream_emulators.noise import lattice
from minestream_emulators.physics import Board, Miner

SPREAD_C = 18.0
PCB_BELOW_CHIP_C = 15.0
_RED, _ORANGE = 0.82, 0.93

Grade = Literal["grey", "orange", "red"]


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip now: hashrate (H/s), temperature (degrees C), errors since the start."""

    number: int
    hashrate_hs: float
    temp_c: float
    errors: int
    grade: Grade
    throttled: bool


@dataclass(frozen=True, slots=True)
class Grades:
    """How many chips of a board are of each grade."""

    red: int
    orange: int
    grey: int


def hot_chip_of(board: Board) -> int:
    """Which chip of a board the hot-chip fault strikes."""
    return board.seed % len(board.chip_qualities)


def _grade(quality: float) -> Grade:
    if quality < _RED:
        return "red"
    return "orange" if quality < _ORANGE else "grey"


def grades_of(board: Board) -> Grades:
    """Count a board's chips by grade; a lost board's chips are not seen."""
    if board.lost:
        return Grades(0, 0, 0)
    red = sum(quality < _RED for quality in board.chip_qualities)
    orange = sum(_RED <= quality < _ORANGE for quality in board.chip_qualities)
    if board.hot:
        was = _grade(board.chip_qualities[hot_chip_of(board)])
        red, orange = red + (was != "red"), orange - (was == "orange")
    return Grades(red, orange, len(board.chip_qualities) - red - orange)


def chip_range_c(board: Board) -> tuple[int, int]:
    """Coolest and hottest chip of a board, whole degrees C; 0 where nothing measures."""
    if board.lost:
        return 0, 0
    return round(board.chip_temp_c - SPREAD_C), round(board.hottest_c)


def pcb_range_c(board: Board) -> tuple[int, int]:
    """Coolest and hottest place of a board, whole degrees C; 0 where nothing measures."""
    if board.lost:
        return 0, 0
    hottest = board.chip_temp_c - PCB_BELOW_CHIP_C + 0.1 * board.hot_c
    return round(board.chip_temp_c - PCB_BELOW_CHIP_C - SPREAD_C), round(hottest)


def chips_of(miner: Miner, board: Board) -> list[Chip]:
    """Every chip of a board; a lost board shows none.

    The sum of their hashrates is the board's, the sum of their errors is the board's, the hottest
    is the board's hottest.
    """
    if board.lost:
        return []
    qualities = board.chip_qualities
    count = len(qualities)
    mean_hs = miner.board_hs(board) / sum(qualities)
    hot = hot_chip_of(board) if board.hot or board.hot_errors else -1
    weakest = min(range(count), key=qualities.__getitem__)
    hottest = board.seed // 3 % count
    chips: list[Chip] = []
    for number, quality in enumerate(qualities):
        place = 0.5 + 0.5 * lattice(board.seed, number)
        temp_c = board.chip_temp_c - SPREAD_C * (0.0 if number == hottest else place)
        errors = board.hw_errors - board.hot_errors if number == weakest else 0
        grade = _grade(quality)
        struck = number == hot
        if struck:
            errors += board.hot_errors
            if board.hot:
                temp_c, grade = board.hottest_c, "red"
        chips.append(Chip(number, mean_hs * quality, temp_c, errors, grade, struck and board.hot))
    return chips
