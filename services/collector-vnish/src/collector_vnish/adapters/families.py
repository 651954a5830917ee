"""The families of miners that are spoken over HTTP."""

from collector_vnish.adapters.vnish import Vnish
from collector_vnish.adapters.web import WebFamily
from collector_vnish.domain.web import FAMILIES
from minestream_runtime.clock import Clock
from minestream_runtime.collecting.family import Family
from minestream_runtime.devices.connections import Devices


def families_of(session: Devices, clock: Clock, *, deadline_s: float) -> list[Family]:
    """All of them, Vnish first.

    Args:
        session: from ``minestream_runtime.devices.http.device_session``.
        clock: instants of answers.
        deadline_s: for one whole answer.
    """
    webs = (WebFamily(web, session, clock, deadline_s=deadline_s) for web in FAMILIES)
    return [Vnish(session, clock, deadline_s=deadline_s), *webs]
