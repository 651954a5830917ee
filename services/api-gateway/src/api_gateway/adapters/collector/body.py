"""An upload's body: read, unpacked and split, each within its limit."""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

import msgspec

MOST_DEPTH: Final = 32
"""Brackets within brackets; our deepest event has four."""
MOST_MARKS: Final = 1_000_000
"""Brackets and commas; a poll has some fifty."""
MOST_MEMBERS: Final = 1000
"""Of one gzip stream: what follows a member is copied each time."""
_GZIP: Final = 31
_STEP: Final = 1 << 20
_MARKS: Final = re.compile(
    rb'(?:[^"\[\]{},]++|"[^"\\]*+(?:\\.[^"\\]*+)*+\\?(?:"|\Z))*+([\[\]{},]|\Z)', re.DOTALL
)
"""The next bracket or comma that is in no string."""
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one upload may be.

    Args:
        wire_bytes: as it came.
        bytes: unpacked.
        items: in the array.
    """

    wire_bytes: int
    bytes: int
    items: int


class BodyRefusedError(ValueError):
    """The whole upload is refused; the text says why and what would be right.

    Args:
        status: HTTP's.
        text: for people.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


async def read(chunks: AsyncIterator[bytes], *, said: str | None, limits: Limits) -> bytes:
    """The body as it came.

    Args:
        chunks: of the request.
        said: its Content-Length, if it has one.
        limits: reading ends beyond.

    Raises:
        BodyRefusedError: it is too large.
    """
    refusal = BodyRefusedError(413, f"at most {limits.wire_bytes} bytes as sent: send fewer items")
    if said is not None and said.isdecimal() and int(said) > limits.wire_bytes:
        raise refusal
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limits.wire_bytes:
            raise refusal
    return bytes(body)


async def items_of(body: bytes, *, encoding: str, limits: Limits) -> list[msgspec.Raw]:
    """The items of the array that a body is, each as it stands there.

    Args:
        body: as it came.
        encoding: its Content-Encoding; empty: none.
        limits: unpacking ends beyond.

    Raises:
        BodyRefusedError: it cannot be unpacked, is no JSON array, or is beyond a limit.
    """
    match encoding.strip().lower():
        case "" | "identity":
            unpacked = body
        case "gzip" | "x-gzip":
            unpacked = await asyncio.to_thread(_unpacked, body, limits.bytes)
        case other:
            raise BodyRefusedError(415, f"Content-Encoding {other[:40]!r}: gzip or none is wanted")
    if len(unpacked) > limits.bytes:
        raise _too_long(limits.bytes)
    return await asyncio.to_thread(_split, unpacked, limits)


def _unpacked(body: bytes, most: int) -> bytes:
    """Every member of a gzip stream; stops as soon as there is more than allowed."""
    found = bytearray()
    left, members = body, 0
    while left:
        members += 1
        if members > MOST_MEMBERS:
            raise BodyRefusedError(413, f"at most {MOST_MEMBERS} gzip members: send one")
        member = zlib.decompressobj(_GZIP)
        try:
            while not member.eof:
                found += member.decompress(left, _STEP)
                if len(found) > most:
                    raise _too_long(most)
                left = member.unconsumed_tail
                if not left and not member.eof:
                    raise BodyRefusedError(400, "no gzip: it ends too early")
        except zlib.error as exc:
            raise BodyRefusedError(400, f"no gzip: {exc}") from exc
        left = member.unused_data.lstrip(b"\0")
    return bytes(found)


def _too_long(most: int) -> BodyRefusedError:
    return BodyRefusedError(413, f"at most {most} bytes unpacked: send fewer items")


def _split(text: bytes, limits: Limits) -> list[msgspec.Raw]:
    _measure(text, limits.items)
    try:
        return _ITEMS.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError) as exc:
        raise BodyRefusedError(400, f"a JSON array is wanted: {exc}") from exc


def _measure(text: bytes, most_items: int) -> None:
    """Look at brackets and commas alone, before any value is made: ten million would fill memory.

    Raises:
        BodyRefusedError: too many items or values, or nested too deeply.
    """
    depth, items = 0, 1
    for marks, found in enumerate(_MARKS.finditer(text)):
        mark = found[1]
        if mark == b",":
            items += depth == 1
        elif mark in (b"[", b"{"):
            depth += 1
        else:
            depth -= 1
        if items > most_items:
            raise BodyRefusedError(413, f"at most {most_items} items: send fewer")
        if depth > MOST_DEPTH:
            raise BodyRefusedError(400, f"nested more than {MOST_DEPTH} deep")
        if marks > MOST_MARKS:
            raise BodyRefusedError(413, f"at most {MOST_MARKS} values: send fewer items")
