"""How many boards a miner has, and how many of them are healthy: one rule for all firmware."""

from typing import Final

from minestream_dialects.draft import BoardDraft, Draft
from minestream_schemas.telemetry import MinerStatus, QualityFlag

HEALTHY_CHIPS_RATIO: Final = 0.95
HASHING: Final = frozenset({MinerStatus.MINING, MinerStatus.TUNING, MinerStatus.UNKNOWN})
"""States in which a miner is expected to say everything."""


def is_healthy(board: BoardDraft, least_ratio: float = HEALTHY_CHIPS_RATIO) -> bool:
    """Does the board report, hash, and have enough of its chips in order?

    A board whose firmware says nothing of chips is judged by the rest.

    Args:
        board: as its firmware says.
        least_ratio: the share of its chips that is enough, 0…1.
    """
    if board.status not in (None, "mining") or not board.hashing:
        return False
    if not board.chips_total or board.chips_ok is None:
        return True
    return board.chips_ok / board.chips_total >= least_ratio


def read_totals(draft: Draft, *, counted: int = 0) -> None:
    """How many boards there are; that their health is judged by our rule, at the end.

    A miner that hashes without listing a board says nothing about its boards (None, flagged); one
    that stands still and lists none says that it has none (0).

    Args:
        draft: with its status and its boards.
        counted: how many boards the firmware says there are; those beyond the listed are flagged.
    """
    boards = draft.boards
    if draft.status in HASHING and not boards:
        draft.flags.add(QualityFlag.BOARDS_MISSING)
        return
    if boards is None:
        draft.flags.missing("boards")
        return
    if counted > len(boards):
        draft.flags.add(QualityFlag.BOARDS_MISSING)
    draft.boards_total = max(len(boards), counted)
    draft.boards_judged = True


def judge(draft: Draft, least_ratio: float) -> None:
    """How many boards are healthy, where that follows from the boards themselves."""
    if draft.boards_judged:
        draft.boards_healthy = sum([is_healthy(each, least_ratio) for each in draft.boards or ()])
