"""One event as a spool keeps it, a block of them, and the count of those that it had to drop.

A block is a zstd frame of msgpack, and a skippable frame with the CRC-32 of the first one. Blocks
of before there were checksums have the first alone; the version of then skips the second.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import cramjam
import msgspec

from minestream_runtime.traces import Headers

BLOCK_EVENTS: Final = 100
"""The most of a block."""
_LAST_S: Final = 253_370_764_800.0
"""The year 9999: no later instant can be told."""
_SUM_FOLLOWS: Final = bytes.fromhex("502a4d18 04000000")
"""Begins a frame of four bytes that every zstd decoder skips."""
_SUM_BYTES: Final = len(_SUM_FOLLOWS) + 4


class Spooled(msgspec.Struct, frozen=True, array_like=True):
    """One event as it waits: what is needed to send it, and what to write about it.

    Args:
        topic: the registered name.
        key: the record's key.
        value: the record's value.
        event: the event's id.
        at_s: when it happened, seconds since 1970.
        memo: the owner's, kept as it is.
        headers: the record's. Last, and may be missing: files of before have none.
    """

    topic: str
    key: bytes
    value: bytes
    event: str
    at_s: float
    memo: bytes = b""
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """Drops that nobody has been told of yet.

    Args:
        events: how many.
        first_at_s: when the oldest of them happened, seconds since 1970.
        last_at_s: when the newest of them happened.
    """

    events: int
    first_at_s: float
    last_at_s: float

    @classmethod
    def of(cls, events: list[Spooled]) -> "Lost":
        """The drops of these events (at least one)."""
        times = [event.at_s for event in events]
        return cls(len(events), min(times), max(times))

    @classmethod
    def read(cls, events: object, first_at_s: object, last_at_s: object) -> "Lost | None":
        """A count as a file has it; None: it makes no sense, for the disk has damaged it."""
        if not isinstance(first_at_s, float) or not isinstance(last_at_s, float):
            return None
        if not isinstance(events, int) or events <= 0:
            return None
        sound = 0 <= first_at_s <= last_at_s <= _LAST_S
        return cls(events, first_at_s, last_at_s) if sound else None

    def __add__(self, other: "Lost | None") -> "Lost":
        if other is None:
            return self
        return Lost(
            self.events + other.events,
            min(self.first_at_s, other.first_at_s),
            max(self.last_at_s, other.last_at_s),
        )


def packed(events: list[Spooled]) -> bytes:
    """A block of events, compressed; its checksum follows, for zstd's own is not written."""
    block = bytes(cramjam.zstd.compress(msgspec.msgpack.encode(events), level=3))
    return block + _SUM_FOLLOWS + _sum(block)


def rows(events: list[Spooled]) -> Iterator[tuple[int, int, float, float, bytes]]:
    """Blocks as a file has them: how many, compressed bytes, first and last instant, content."""
    for at in range(0, len(events), BLOCK_EVENTS):
        part = events[at : at + BLOCK_EVENTS]
        content, span = packed(part), Lost.of(part)
        yield len(part), len(content), span.first_at_s, span.last_at_s, content


def unpacked(block: bytes) -> list[Spooled]:
    """The events of a block, one of before there were checksums too.

    Raises:
        ValueError: the disk has damaged it.
    """
    body, told = block[:-_SUM_BYTES], block[-_SUM_BYTES:]
    if told.startswith(_SUM_FOLLOWS) and not told.endswith(_sum(body)):
        raise ValueError("its checksum is another")
    try:
        return msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(block)), type=list[Spooled])
    except (cramjam.DecompressionError, msgspec.MsgspecError) as exc:
        raise ValueError(str(exc)) from exc


def _sum(block: bytes) -> bytes:
    return zlib.crc32(block).to_bytes(4, "little")
