"""States as small blobs: a version byte, then MessagePack arrays without names."""

from typing import Final

import msgspec

from processor.domain.miner_state import MinerState
from processor.domain.pool_state import PoolState

VERSION: Final = b"\x03"
"""Of a miner's fields and their order. Another layout takes another byte and a reader for this."""
READABLE: Final = (b"\x01", b"\x02", VERSION)
"""Those before end earlier, in some of their arrays; what they lack has defaults."""
POOL_VERSION: Final = b"\x01"
"""The same of a worker's state at its pool."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(MinerState)
_POOL_DECODER: Final = msgspec.msgpack.Decoder(PoolState)


def encode(state: MinerState) -> bytes:
    """The blob of a miner's state."""
    return VERSION + _ENCODER.encode(state)


def decode(blob: bytes) -> MinerState:
    """The miner's state in a blob.

    Raises:
        ValueError: when it is no state of a version that is known.
    """
    if blob[:1] not in READABLE:
        raise ValueError(f"a state of version {blob[:1]!r}, {READABLE!r} are known")
    return _DECODER.decode(memoryview(blob)[1:])


def encode_pool(state: PoolState) -> bytes:
    """The blob of a worker's state at its pool."""
    return POOL_VERSION + _ENCODER.encode(state)


def decode_pool(blob: bytes) -> PoolState:
    """The worker's state in a blob.

    Raises:
        ValueError: when it is no state of this version.
    """
    if blob[:1] != POOL_VERSION:
        raise ValueError(f"a state of version {blob[:1]!r}, {POOL_VERSION!r} is known")
    return _POOL_DECODER.decode(memoryview(blob)[1:])
