"""Messages to clients: fragments that were encoded once, joined."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from api_gateway.domain.stream.entries import Kind

Lists = Mapping[Kind, Iterable[bytes]]


@dataclass(slots=True, eq=False)
class Message:
    """A message but for the id of its subscription, so that subscriptions can share it.

    Args:
        type: as the client reads it.
        tail: what follows the id, up to the closing brace.
        cursor: how far the client has seen once it has this one.
        coalesced: readings that newer ones have overtaken.
        frames: what goes over the wire, by id; whoever sends it keeps it here for the next.
    """

    type: str
    tail: bytes
    cursor: str = ""
    coalesced: int = 0
    frames: dict[bytes, bytes] = field(default_factory=dict)

    def text(self, identity: bytes) -> bytes:
        """The message to one subscription.

        Args:
            identity: the subscription's id, JSON.
        """
        return b'{"type":"%s","id":%s%s' % (self.type.encode(), identity, self.tail)


def snapshot(lists: Lists, *, cursor: str | None) -> Message:
    """A part of a snapshot; the last one has the cursor."""
    end = b',"more":true}' if cursor is None else b',"more":false,"cursor":"%s"}' % cursor.encode()
    return Message("snapshot", _joined(lists) + end, cursor or "")


def changes(lists: Lists, *, cursor: str, coalesced: int) -> Message:
    """Changes; kinds without any are left out."""
    said = {kind: fragments for kind, fragments in lists.items() if fragments}
    end = b',"cursor":"%s","coalesced":%d}' % (cursor.encode(), coalesced)
    return Message("changes", _joined(said) + end, cursor, coalesced)


def resumed(cursor: str) -> Message:
    """The cursor was good: changes since then follow."""
    return Message("resumed", b',"cursor":"%s"}' % cursor.encode(), cursor)


def reset(reason: str) -> Message:
    """The cursor cannot be gone on from, or too much was waiting: a snapshot follows."""
    return Message("reset", b',"reason":%s}' % json.dumps(reason).encode())


def _joined(lists: Lists) -> bytes:
    return b"".join(
        b',"%s":[%s]' % (kind.value.encode(), b",".join(fragments))
        for kind, fragments in lists.items()
    )
