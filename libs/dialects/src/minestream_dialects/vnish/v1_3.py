"""Vnish 1.3.x and what follows it in 1.x: ``/boards`` in place of ``/chips`` and ``/chains``.

``algorithm`` may be ``unknown`` and ``hr_measure`` ``N/A``: then the unit follows from the model.
"""

from typing import Final

from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import Flags, entry
from minestream_dialects.vnish import firmware, reading
from minestream_dialects.vnish.chips import OF_BOARDS, read_chips
from minestream_dialects.vnish.unit import Measure
from minestream_schemas.telemetry import BoardChips

_FROM: Final = (1, 3)
_BEFORE: Final = (2, 0)


def recognise(payloads: Payloads) -> str | None:
    """By the version that the firmware says; else by the fields that 1.3 brought."""
    found = firmware.version(payloads)
    if found is not None:
        return found[1] if _FROM <= found[0] < _BEFORE else None
    miner = entry(payloads.bodies.get("summary"), "miner")
    if entry(miner, "restart_count") is not None:
        return "summary.restart_count"
    if entry(miner, "miner_status", "throttled") is not None:
        return "summary.throttled"
    return None


def _chips(payloads: Payloads, measure: Measure, flags: Flags) -> list[BoardChips]:
    return read_chips(payloads.bodies.get("boards"), OF_BOARDS, measure, flags)


def read(payloads: Payloads) -> Draft:
    """Read one poll of a 1.3 miner."""
    return reading.read(payloads, board_endpoint="boards", chips=_chips)


DIALECT: Final = Dialect(
    name="vnish-1.3",
    family="vnish",
    main="summary",
    needed=frozenset({"info", "summary"}),
    optional=frozenset({"status", "perf-summary", "boards"}),
    recognise=recognise,
    identify=firmware.identify,
    read=read,
)
