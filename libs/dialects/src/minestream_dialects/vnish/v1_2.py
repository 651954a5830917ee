"""Vnish 1.2.x, release candidates included: ``/chips`` and ``/chains``.

1.2.0-rc differs: ``system`` (uptime) stands inside ``/summary``, boards may give lists of sensors
instead of ranges, ``hr_nominal`` is absent, fans have neither status nor ``max_rpm``, and
``/info`` may lack ``hr_measure``. The shared readers fall back to those shapes, field by field.
"""

from typing import Final

from minestream_dialects.dialect import Dialect, Payloads
from minestream_dialects.draft import Draft
from minestream_dialects.fields import Flags, entry
from minestream_dialects.vnish import firmware, reading
from minestream_dialects.vnish.chips import OF_BOARDS, OF_CHIPS, read_chips
from minestream_dialects.vnish.unit import Measure
from minestream_schemas.telemetry import BoardChips

_FROM: Final = (1, 0)
_BEFORE: Final = (1, 3)


def recognise(payloads: Payloads) -> str | None:
    """By the version that the firmware says; else by a summary with a ``miner`` in it."""
    found = firmware.version(payloads)
    if found is not None:
        return found[1] if _FROM <= found[0] < _BEFORE else None
    summary = payloads.mapping("summary")
    return "summary.miner" if summary is not None and "miner" in summary else None


def _chips(payloads: Payloads, measure: Measure, flags: Flags) -> list[BoardChips]:
    chains = payloads.bodies.get("chains")
    if chains is not None:
        return read_chips(chains, OF_BOARDS, measure, flags)
    return read_chips(entry(payloads.bodies.get("chips"), "chains"), OF_CHIPS, measure, flags)


def read(payloads: Payloads) -> Draft:
    """Read one poll of a 1.2 miner."""
    return reading.read(payloads, board_endpoint="chains", chips=_chips)


DIALECT: Final = Dialect(
    name="vnish-1.2",
    family="vnish",
    main="summary",
    needed=frozenset({"info", "summary"}),
    optional=frozenset({"status", "perf-summary", "chips", "chains"}),
    recognise=recognise,
    identify=firmware.identify,
    read=read,
)
