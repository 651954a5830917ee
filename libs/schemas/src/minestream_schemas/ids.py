"""Names of things: miners, sites, racks, events. Pure: time and randomness are passed in."""

import re
from hashlib import sha1
from typing import Annotated
from uuid import UUID

from pydantic import Field

SLUG = r"^[a-z0-9][a-z0-9-]{1,62}$"
MinerId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{2,62}$", examples=["site-a-r01-s03"])]
SiteId = Annotated[str, Field(pattern=SLUG, examples=["site-a"])]
RackId = Annotated[str, Field(pattern=SLUG, examples=["site-a-r01"])]
EventId = Annotated[UUID, Field(examples=["0199d2a4-7c1e-7b3a-9f10-2f6d8c0a5e11"])]

_DERIVED = UUID("6f0d7a52-6f4e-5f0c-8a35-0b9c5d1e7a60")
_STAMP = 0xF000 << 64 | 0b11 << 62
_VERSION_5 = 0x5000 << 64 | 0b10 << 62


def slug(text: str) -> str:
    """``Rack_1`` as ``rack-1``: what ids are made of.

    Raises:
        ValueError: less than two letters or digits of it are left.
    """
    made = re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-")[:63]
    if not re.fullmatch(SLUG, made):
        raise ValueError(f"{text!r}: two letters (a to z) or digits at least are wanted")
    return made


def event_id_at(unix_ms: int, randomness: int) -> UUID:
    """A UUIDv7 (RFC 9562 §5.7): sorts by time, so tables and topics stay in order.

    Args:
        unix_ms: the instant, milliseconds since 1970-01-01 UTC.
        randomness: at least 74 random bits; more are cut off.
    """
    value = (unix_ms & 0xFFFF_FFFF_FFFF) << 80
    value |= 0x7 << 76 | (randomness >> 62 & 0xFFF) << 64
    value |= 0b10 << 62 | randomness & 0x3FFF_FFFF_FFFF_FFFF
    return UUID(int=value)


def derived_id(kind: str, *inputs: object) -> UUID:
    """The id of an event that follows from others: the same inputs, the same id, at every replay.

    Args:
        kind: what is derived (``telemetry``, ``window``).
        inputs: ids and values that it follows from; their ``str`` counts.
    """
    name = "\x1f".join((kind, *map(str, inputs))).encode()
    # what uuid5 does, without its import and its second look at the bits: once for each event
    digest = sha1(_DERIVED.bytes + name, usedforsecurity=False).digest()
    value = int.from_bytes(digest[:16])
    return UUID(int=value & ~_STAMP | _VERSION_5)
