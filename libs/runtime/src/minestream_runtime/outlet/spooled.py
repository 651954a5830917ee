"""One event as a spool keeps it, and the count of those that it had to drop."""

from dataclasses import dataclass

import cramjam
import msgspec

from minestream_runtime.traces import Headers


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

    def __add__(self, other: "Lost | None") -> "Lost":
        if other is None:
            return self
        return Lost(
            self.events + other.events,
            min(self.first_at_s, other.first_at_s),
            max(self.last_at_s, other.last_at_s),
        )


def packed(events: list[Spooled]) -> bytes:
    """A block of events, compressed."""
    return bytes(cramjam.zstd.compress(msgspec.msgpack.encode(events), level=3))


def unpacked(block: bytes) -> list[Spooled]:
    """The events of a block.

    Raises:
        ValueError: the disk has damaged it.
    """
    try:
        return msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(block)), type=list[Spooled])
    except (cramjam.DecompressionError, msgspec.MsgspecError) as exc:
        raise ValueError(str(exc)) from exc
