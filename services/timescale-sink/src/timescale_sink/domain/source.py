"""Where a record lay, and what it turned out to be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from minestream_schemas.dead_letter import Fault
from minestream_schemas.event import Event


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """A record's place: registered topic, partition, offset."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class Letter:
    """A record set aside: by us now, or by a service whose dead letters we keep.

    Args:
        service: who set it aside.
        source: where it lay.
        kind: a ``DeadLetterKind``; of foreign letters whatever they say.
        reason: for people; without the record's own contents.
        at: when it was set aside.
        key: as it was.
        value: as it was.
        headers: legible.
    """

    service: str
    source: Source
    kind: str
    reason: str
    at: datetime
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, str]


Content = Event | Letter | Fault


class Item(NamedTuple):
    """One record of a batch, decoded: an event, a letter of another service, or a fault of its own.

    Args:
        size: bytes of its value.
        content: what it is.
        published_at: Kafka's timestamp: when its sender published it; None: it does not say.
        text: its value as it came, where that is kept too.
    """

    size: int
    content: Content
    published_at: datetime | None = None
    text: str | None = None
