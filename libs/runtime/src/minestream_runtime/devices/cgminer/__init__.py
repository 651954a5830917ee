"""Asks miners over their CGMiner-like TCP ports: reading commands only, within hard limits."""

from minestream_runtime.devices.cgminer.client import DEADLINE_S, Answer, CgminerClient
from minestream_runtime.devices.cgminer.commands import READS, Wire, wire_of
from minestream_runtime.devices.cgminer.errors import (
    CgminerAddressError,
    CgminerCutError,
    CgminerEmptyError,
    CgminerError,
    CgminerForbiddenError,
    CgminerFrameError,
    CgminerOwnFaultError,
    CgminerRefusedError,
    CgminerResetError,
    CgminerTimeoutError,
    CgminerTooLargeError,
    CgminerUnansweredError,
    CgminerUnreachableError,
    CgminerUnreadableError,
)
from minestream_runtime.devices.cgminer.exchange import MAX_ANSWER_BYTES

__all__ = [
    "DEADLINE_S",
    "MAX_ANSWER_BYTES",
    "READS",
    "Answer",
    "CgminerAddressError",
    "CgminerClient",
    "CgminerCutError",
    "CgminerEmptyError",
    "CgminerError",
    "CgminerForbiddenError",
    "CgminerFrameError",
    "CgminerOwnFaultError",
    "CgminerRefusedError",
    "CgminerResetError",
    "CgminerTimeoutError",
    "CgminerTooLargeError",
    "CgminerUnansweredError",
    "CgminerUnreachableError",
    "CgminerUnreadableError",
    "Wire",
    "wire_of",
]
