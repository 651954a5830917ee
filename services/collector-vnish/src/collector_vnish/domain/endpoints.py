"""What Vnish's API can be asked, how often, and what its answers look like: pure."""

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Final


class Endpoint(StrEnum):
    """What we read of a miner, by the path below ``/api/v1``."""

    SUMMARY = "summary"
    INFO = "info"
    STATUS = "status"
    PERF_SUMMARY = "perf-summary"
    CHIPS = "chips"
    BOARDS = "boards"
    SETTINGS = "settings"


CADENCE_S: Final[Mapping[str, float]] = MappingProxyType(
    {
        Endpoint.INFO.value: 3600.0,
        Endpoint.STATUS.value: 300.0,
        Endpoint.PERF_SUMMARY.value: 300.0,
        Endpoint.CHIPS.value: 300.0,
        Endpoint.BOARDS.value: 300.0,
        Endpoint.SETTINGS.value: 1800.0,
    }
)
"""Seconds between two reads; ``summary`` is read at each poll."""

_NEWEST_WITHOUT_BOARDS: Final = (1, 2)
_FOR_EVER_S: Final = 1e12
_BEFORE_CHIPS: Final = (Endpoint.INFO.value, Endpoint.STATUS.value, Endpoint.PERF_SUMMARY.value)
_WITH_CHIPS: Final = (*_BEFORE_CHIPS, Endpoint.CHIPS.value, Endpoint.SETTINGS.value)
_WITH_BOARDS: Final = (*_BEFORE_CHIPS, Endpoint.BOARDS.value, Endpoint.SETTINGS.value)


def wanted(firmware: str | None, missing: frozenset[str]) -> tuple[str, ...]:
    """What a firmware is asked beside ``summary``, in order."""
    newer = chips_endpoint(firmware, missing) is Endpoint.BOARDS
    return _WITH_BOARDS if newer else _WITH_CHIPS


def chips_endpoint(firmware: str | None, missing: frozenset[str]) -> Endpoint:
    """Where a firmware tells its chips: ``boards`` since 1.3, and where ``chips`` is a 404.

    Source: OpenAPI documents of 1.2.7 (``/chips``) and 1.3.4 (``/boards``).

    Args:
        firmware: its version.
        missing: endpoints that it was found not to have.
    """
    if Endpoint.CHIPS in missing or _has_boards(firmware):
        return Endpoint.BOARDS
    return Endpoint.CHIPS


@lru_cache(maxsize=256)
def _has_boards(firmware: str | None) -> bool:
    found = re.match(r"(\d+)\.(\d+)", firmware or "")
    return found is not None and (int(found[1]), int(found[2])) > _NEWEST_WITHOUT_BOARDS


def shape_fault(endpoint: str, content: object) -> str | None:
    """Why decoded JSON cannot be what an endpoint answers; None when it can."""
    if endpoint in {Endpoint.CHIPS, Endpoint.BOARDS}:
        return None if isinstance(content, dict | list) else "neither object nor array"
    if not isinstance(content, dict):
        return "not an object"
    if endpoint == Endpoint.SUMMARY and "miner" not in content:
        return "without `miner`"
    if endpoint == Endpoint.INFO and "fw_version" not in content and "fw_name" not in content:
        return "names no firmware"
    return None


def firmware_of(info: object) -> str | None:
    """The version that an ``info`` answer tells."""
    version = info.get("fw_version") if isinstance(info, dict) else None
    return version if isinstance(version, str) and version else None


def life_of(summary: object) -> tuple[str | None, float | None]:
    """What a miner does, by its ``summary``, and since when, s: that falls at each start."""
    miner = summary.get("miner") if isinstance(summary, dict) else None
    told = miner.get("miner_status") if isinstance(miner, dict) else None
    if not isinstance(told, dict):
        return None, None
    state, time_s = told.get("miner_state"), told.get("miner_state_time")
    since_s = float(time_s) if isinstance(time_s, int | float) else -1.0
    return (
        state if isinstance(state, str) else None,
        since_s if 0 <= since_s < _FOR_EVER_S else None,
    )
