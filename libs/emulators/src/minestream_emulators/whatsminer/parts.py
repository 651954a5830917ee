"""What all versions of Whatsminer's API say of heat and boards."""

from dataclasses import dataclass

from minestream_emulators.chips import chip_range_c
from minestream_emulators.physics import Board, Miner

_PCB_BELOW_HOTTEST_C = 20.0


@dataclass(frozen=True, slots=True)
class Heat:
    """Chips of a board or of all, degrees C."""

    coolest_c: float
    mean_c: float
    hottest_c: float


def board_heat(miner: Miner, board: Board) -> Heat:
    """A board's chips; one that is lost is as warm as the air."""
    low, high = chip_range_c(board)
    if board.lost:
        return Heat(miner.inlet_c, miner.inlet_c, miner.inlet_c)
    return Heat(low, (low + board.chip_temp_c) / 2.0, high)


def whole_heat(miner: Miner) -> Heat:
    """All boards' chips."""
    heats = [board_heat(miner, board) for board in miner.boards if not board.lost]
    if not heats:
        return Heat(miner.inlet_c, miner.inlet_c, miner.inlet_c)
    return Heat(
        min(heat.coolest_c for heat in heats),
        sum(heat.mean_c for heat in heats) / len(heats),
        max(heat.hottest_c for heat in heats),
    )


def pcb_c(miner: Miner, board: Board) -> float:
    """A board's own temperature, degrees C."""
    return max(miner.inlet_c, board_heat(miner, board).hottest_c - _PCB_BELOW_HOTTEST_C)


def error_codes(miner: Miner) -> list[int]:
    """What the firmware complains of, in its numbers."""
    codes = [110 + fan for fan, lost in enumerate(miner.fans_lost) if lost]
    codes += [530 + number for number, board in enumerate(miner.boards) if board.lost]
    return codes
