"""States as small blobs: a version byte, then MessagePack arrays without names."""

from typing import Final

import msgspec

from minestream_runtime.errors import ConfigurationError
from processor.domain.miner_state import MinerState
from processor.domain.pool_state import PoolState

VERSION: Final = b"\x03"
"""Of a miner's fields and their order. Another layout takes another byte and a reader for this."""
READABLE: Final = (b"\x01", b"\x02", VERSION)
"""Those before end earlier, in some of their arrays; what they lack has defaults."""
POOL_VERSION: Final = b"\x01"
"""The same of a worker's state at its pool."""
_LAST: Final = b"\x1f"
"""No version will be later; what begins with more is damaged."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(MinerState)
_POOL_DECODER: Final = msgspec.msgpack.Decoder(PoolState)


def encode(state: MinerState) -> bytes:
    """The blob of a miner's state."""
    return VERSION + _ENCODER.encode(state)


def decode(blob: bytes) -> MinerState:
    """The miner's state in a blob.

    Raises:
        ConfigurationError: when a later processor has kept it.
        ValueError: when it is no state of a version that is known.
    """
    _check(blob[:1], READABLE)
    return _DECODER.decode(memoryview(blob)[1:])


def encode_pool(state: PoolState) -> bytes:
    """The blob of a worker's state at its pool."""
    return POOL_VERSION + _ENCODER.encode(state)


def decode_pool(blob: bytes) -> PoolState:
    """The worker's state in a blob.

    Raises:
        ConfigurationError: when a later processor has kept it.
        ValueError: when it is no state of this version.
    """
    _check(blob[:1], (POOL_VERSION,))
    return _POOL_DECODER.decode(memoryview(blob)[1:])


def _check(version: bytes, readable: tuple[bytes, ...]) -> None:
    """A later version is not the record's fault: setting records aside for it would lose all."""
    if readable[-1] < version <= _LAST:
        raise ConfigurationError(
            f"a state of version {version!r}, up to {readable[-1]!r} are known: a later processor "
            "has kept it, run that one again"
        )
    if version not in readable:
        raise ValueError(f"a state of version {version!r}, {readable!r} are known")
