"""A miner's state as one small blob: a version byte, then MessagePack arrays without names."""

from dataclasses import fields
from typing import Any, Final, get_type_hints

import msgspec

from processor.domain.miner_state import MinerState

VERSION: Final = b"\x01"
"""Of the fields and their order. Another layout takes another byte and a reader for this one."""

_NAMES: Final = tuple(one.name for one in fields(MinerState))
_HINTS: Final = get_type_hints(MinerState)
_LAYOUT: Any = tuple[tuple(_HINTS[name] for name in _NAMES)]  # type: ignore[misc]
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[Any] = msgspec.msgpack.Decoder(_LAYOUT)


def encode(state: MinerState) -> bytes:
    """The blob of a state."""
    return VERSION + _ENCODER.encode([getattr(state, name) for name in _NAMES])


def decode(blob: bytes) -> MinerState:
    """The state in a blob.

    Raises:
        ValueError: when it is no state of this version.
    """
    if blob[:1] != VERSION:
        raise ValueError(f"a state of version {blob[:1]!r}, {VERSION!r} is known")
    return MinerState(*_DECODER.decode(memoryview(blob)[1:]))
