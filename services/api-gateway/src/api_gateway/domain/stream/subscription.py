"""One subscription: how far it has seen, and what stands before it."""

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from api_gateway.domain.stream.cursors import Offsets
from api_gateway.domain.stream.entries import Entry, Kind, Scope
from api_gateway.domain.stream.messages import Message

_size: Final = attrgetter("size")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and how much goes into a message.

    Args:
        kept_bytes: of the readings for those who come back or fall behind; a quarter of it for
            gaps, anomalies and windows.
        part_bytes: a message to one client alone that has reached this takes nothing more.
        waiting_bytes: when more waits for a subscription, newer readings overtake older ones; and
            a message to all that has reached this takes nothing more.
    """

    kept_bytes: int = 64 * 1024 * 1024
    part_bytes: int = 256 * 1024
    waiting_bytes: int = 1024 * 1024


@dataclass(slots=True, eq=False)
class Veil:
    """Entries that the client has already, for a while after a snapshot or a resumption.

    Args:
        until: the place after which nothing is hidden any more.
        told: the place up to which a miner's readings have been told.
        seen: the offset up to which a partition has been seen.
    """

    until: int
    told: dict[str, int] = field(default_factory=dict)
    seen: Offsets = field(default_factory=dict)

    def hides(self, entry: Entry) -> bool:
        """Has the client this one already?"""
        if entry.offset < self.seen.get(entry.place, -1):
            return True
        return entry.kind is Kind.READING and entry.seq <= self.told.get(entry.subject, 0)


@dataclass(slots=True, eq=False)
class Snapshot:
    """A snapshot on its way: of these miners, in this order, and of these gaps.

    A miner that moves on before its turn comes is told as it is then: nothing old is kept for a
    client that takes its time. A client that has fallen far behind catches up in the same way.

    Args:
        cursor: how far it reaches.
        miners: whose newest is yet to be told; the next one is the last.
        rare: gaps that were open, or whatever waited; the next one is the last.
        veil: gathers what is told ahead of the cursor.
        catches_up: these are changes to a client that knows the rest.
    """

    cursor: str
    miners: list[str]
    rare: list[Entry]
    veil: Veil
    catches_up: bool = False


@dataclass(slots=True, eq=False)
class Subscription:
    """What one client wants under one id.

    Args:
        identity: the id, JSON.
        scope: which entries.
        pos: the place in the stream up to which the client has been told.
        cursor: the same, for the client; while it catches up, where that began.
        counted: how many readings of the scope have been told or dropped.
    """

    identity: bytes
    scope: Scope
    pos: int = 0
    cursor: str = ""
    counted: int = 0
    notices: deque[Message] = field(default_factory=deque)
    snapshot: Snapshot | None = None
    veil: Veil | None = None

    @classmethod
    def named(cls, name: str, scope: Scope) -> "Subscription":
        """A subscription with an id of the client's."""
        return cls(json.dumps(name).encode(), scope)


@dataclass(slots=True)
class Part:
    """As much of what waits as one message takes.

    Args:
        lists: fragments by kind, in order.
        upto: the place of the last entry.
        told: readings in it.
        whole: nothing else waits.
    """

    lists: dict[Kind, list[bytes]]
    upto: int
    told: int
    whole: bool


def thinned(waiting: list[Entry], scope: Scope, bounds: Bounds) -> list[Entry]:
    """What waits, without the readings that newer ones overtake: all rows, or too many readings."""
    if Kind.READING in scope.kinds and sum(map(_size, waiting)) <= bounds.waiting_bytes:
        return waiting
    newest = {
        entry.subject: entry.seq for entry in waiting if entry.kind is Kind.READING and entry.newest
    }
    return [
        entry
        for entry in waiting
        if entry.kind is not Kind.READING or newest.get(entry.subject) == entry.seq
    ]


def part_of(waiting: Iterable[Entry], scope: Scope, *, most_bytes: int) -> Part:
    """The first part of what waits.

    Args:
        waiting: entries of the scope, in order.
        scope: whose kinds decide on row or body.
        most_bytes: a message that has reached this takes nothing more.
    """
    lists: dict[Kind, list[bytes]] = {kind: [] for kind in sorted(scope.kinds - {Kind.STATUS})}
    rows: dict[str, bytes] = {}
    size = upto = 0
    whole = True
    for entry in waiting:
        if size >= most_bytes:
            whole = False
            break
        upto = entry.seq
        if entry.kind in lists:
            lists[entry.kind].append(entry.body)
            size += len(entry.body)
        if entry.kind is Kind.READING and entry.newest and Kind.STATUS in scope.kinds:
            rows.pop(entry.subject, None)
            rows[entry.subject] = entry.row
            size += len(entry.row)
    told = len(lists[Kind.READING]) if Kind.READING in lists else len(rows)
    return Part({Kind.STATUS: list(rows.values())} | lists, upto, told, whole)
