"""Where Vnish says the unit of its hashrates, and what it can be checked by.

``hr_*``, ``hashrate_*`` and the chips' hashrates are in ``info.hr_measure``: GH/s on SHA-256,
MH/s on scrypt. The deprecated ``instant_hashrate`` and ``average_hashrate`` are a thousandth of it.
"""

from typing import Any, Final

from minestream_dialects import measure as general
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import MEGAHERTZ, Flags, count, entry, mean, number
from minestream_dialects.measure import Clues, Measure
from minestream_dialects.models import typical_hs

__all__ = ["DEPRECATED_PER_UNIT", "Measure", "measure"]

DEPRECATED_PER_UNIT: Final = 1000.0
_MAX_BOARDS: Final = 16


def measure(payloads: Payloads, miner: dict[str, Any], draft: Draft) -> Measure:
    """Decide the unit: what ``/info`` says, else its algorithm's, else its model's.

    Args:
        payloads: for ``info.hr_measure``.
        miner: ``summary.miner``, for what it should do and does.
        draft: already identified; receives flag and evidence.
    """
    said = entry(payloads.bodies.get("info"), "hr_measure")
    rates = (miner.get("hr_realtime"), miner.get("hr_average"))
    # a model of a known class needs no other witness, and nearly every one is
    known = typical_hs(draft.model) is not None
    chips, clock = (None, None) if known else _chips_and_clock(miner.get("chains"))
    clues = Clues(miner.get("hr_nominal"), rates, chips, clock)
    return general.measure(draft, said, "info.hr_measure", clues)


def _chips_and_clock(chains: object) -> tuple[int | None, float | None]:
    """How many chips the boards have, and their mean clock in MHz; None where not said."""
    listed = chains[:_MAX_BOARDS] if isinstance(chains, list) else []
    boards = [chain for chain in listed if isinstance(chain, dict)]
    none = Flags()  # each board's reader flags what is odd
    chips = [
        count(entry(board, "chip_statuses", grade), name="", flags=none)
        for board in boards
        for grade in ("grey", "orange", "red")
    ]
    clocks = [number(board.get("frequency"), MEGAHERTZ, name="", flags=none) for board in boards]
    total = sum(each for each in chips if each is not None)
    return total or None, mean([each for each in clocks if each is not None])
