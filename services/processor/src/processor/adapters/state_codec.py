"""A miner's state as one small blob: a version byte, then MessagePack arrays without names."""

from typing import Final

import msgspec

from processor.domain.miner_state import MinerState

VERSION: Final = b"\x01"
"""Of the fields and their order. Another layout takes another byte and a reader for this one."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(MinerState)


def encode(state: MinerState) -> bytes:
    """The blob of a state."""
    return VERSION + _ENCODER.encode(state)


def decode(blob: bytes) -> MinerState:
    """The state in a blob.

    Raises:
        ValueError: when it is no state of this version.
    """
    if blob[:1] != VERSION:
        raise ValueError(f"a state of version {blob[:1]!r}, {VERSION!r} is known")
    return _DECODER.decode(memoryview(blob)[1:])
