"""Cursors: how far a client has seen, by partition, as opaque text with a check."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Final

from api_gateway.domain.stream.entries import Kind, Place, Scope
from minestream_schemas.alert import ALERT
from minestream_schemas.anomaly import ANOMALY
from minestream_schemas.gap import GAP
from minestream_schemas.telemetry import TELEMETRY
from minestream_schemas.window import WINDOW

MAX_CURSOR: Final = 4096
_TOPICS: Final = (TELEMETRY.name, GAP.name, ANOMALY.name, WINDOW.name, ALERT.name)
"""In the order of their numbers in cursors: only ever added to."""
_TOPIC_OF: Final = {
    Kind.STATUS: TELEMETRY.name,
    Kind.READING: TELEMETRY.name,
    Kind.GAP: GAP.name,
    Kind.ALERT: ALERT.name,
    Kind.ANOMALY: ANOMALY.name,
    Kind.WINDOW: WINDOW.name,
}
_VERSION: Final = 1
_MARK: Final = 4
_CHECK: Final = 4
_LOW, _MORE = 0x7F, 0x80

Offsets = Mapping[Place, int]
"""Of the next record, by partition."""


class CursorRefusedError(ValueError):
    """It cannot be gone on from; the text says why."""


def topics_of(scope: Scope) -> frozenset[str]:
    """The topics that a scope's kinds come from, by registered name."""
    return frozenset(_TOPIC_OF[kind] for kind in scope.kinds)


def encode(offsets: Offsets, *, cluster: str, scope: Scope) -> str:
    """A cursor.

    Args:
        offsets: of the partitions that the scope's kinds come from; others are left out.
        cluster: whose offsets these are.
        scope: of the subscription; a cursor of another one is refused.
    """
    body = bytearray([_VERSION]) + _mark(cluster) + _mark(str(scope))
    wanted = topics_of(scope)
    places = sorted(
        (_TOPICS.index(topic), number, offset)
        for (topic, number), offset in offsets.items()
        if topic in wanted
    )
    for topic, group in groupby(places, key=lambda place: place[0]):
        inside = list(group)
        body += bytes([topic]) + _number(len(inside))
        for _, number, offset in inside:
            body += _number(number) + _number(offset)
    body += _digest(bytes(body), _CHECK)
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def decode(text: str, *, cluster: str, scope: Scope) -> dict[Place, int]:
    """The offsets of a cursor.

    Raises:
        CursorRefusedError: damaged, of another cluster, or of a subscription to something else.
    """
    try:
        found = base64.b64decode(
            text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise CursorRefusedError("this is no cursor of ours") from None
    body, check = found[:-_CHECK], found[-_CHECK:]
    if len(body) < 1 + 2 * _MARK or check != _digest(body, _CHECK) or body[0] != _VERSION:
        raise CursorRefusedError("this is no cursor of ours")
    if body[1 : 1 + _MARK] != _mark(cluster):
        raise CursorRefusedError("it is of another stream")
    if body[1 + _MARK : 1 + 2 * _MARK] != _mark(str(scope)):
        raise CursorRefusedError("it is of a subscription to something else")
    return dict(_places(iter(body[1 + 2 * _MARK :])))


def _places(rest: Iterator[int]) -> Iterator[tuple[Place, int]]:
    """The check keeps nobody from making a cursor: what it counts must be there."""
    for topic in rest:
        if topic >= len(_TOPICS):
            raise CursorRefusedError("this is no cursor of ours")
        for _ in range(_read(rest)):
            number = _read(rest)
            yield (_TOPICS[topic], number), _read(rest)


def _mark(text: str) -> bytes:
    return _digest(text.encode(), _MARK)


def _digest(data: bytes, size: int) -> bytes:
    return hashlib.blake2s(data, digest_size=size).digest()


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    out = bytearray()
    while value > _LOW:
        out.append(value & _LOW | _MORE)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read(rest: Iterator[int]) -> int:
    value = shift = 0
    for byte in rest:
        value |= (byte & _LOW) << shift
        if byte <= _LOW:
            return value
        shift += 7
    raise CursorRefusedError("this is no cursor of ours")
