"""Where Vnish says the unit of its hashrates, and what it can be checked by.

``hr_*``, ``hashrate_*`` and the chips' hashrates are in ``info.hr_measure``: GH/s on SHA-256,
MH/s on scrypt. The deprecated ``instant_hashrate`` and ``average_hashrate`` are a thousandth of it.
"""

from typing import Any, Final

from minestream_dialects import measure as general
from minestream_dialects.dialect import Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import entry
from minestream_dialects.measure import Clues, Measure

__all__ = ["DEPRECATED_PER_UNIT", "Measure", "measure"]

DEPRECATED_PER_UNIT: Final = 1000.0


def measure(payloads: Payloads, miner: dict[str, Any], draft: Draft) -> Measure:
    """Decide the unit: what ``/info`` says, else its algorithm's, else its model's.

    Args:
        payloads: for ``info.hr_measure``.
        miner: ``summary.miner``, for what it should do and does.
        draft: already identified; receives flag and evidence.
    """
    said = entry(payloads.bodies.get("info"), "hr_measure")
    clues = Clues(miner.get("hr_nominal"), (miner.get("hr_realtime"), miner.get("hr_average")))
    return general.measure(draft, said, "info.hr_measure", clues)
