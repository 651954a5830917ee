"""Cursors: where a page ended, as opaque text that only the gateway reads."""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime

from api_gateway.adapters.http.problems import InvalidRequestError
from api_gateway.domain.listing import SORTABLE, Kind, Position, Sort

MAX_CURSOR = 512


def encode(of: str, *values: object) -> str:
    """A cursor.

    Args:
        of: which list in which order; a cursor of another is refused.
        values: JSON's, or instants.
    """
    said = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps([of, *said], separators=(",", ":"), default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(cursor: str, of: str, kinds: Sequence[type | tuple[type, ...]]) -> list[object]:
    """The values of a cursor.

    Args:
        cursor: as it was given out.
        of: which list it must be of.
        kinds: the types its values must have.

    Raises:
        InvalidRequestError: it is none of ours, or of another list.
    """
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = json.loads(text)
    except (binascii.Error, ValueError, RecursionError) as exc:
        raise InvalidRequestError("cursor", "this is no cursor of ours") from exc
    if not isinstance(found, list) or len(found) != len(kinds) + 1:
        raise InvalidRequestError("cursor", "this is no cursor of ours")
    if found[0] != of:
        raise InvalidRequestError("cursor", "it is of another list or order: begin anew")
    values = found[1:]
    for value, kind in zip(values, kinds, strict=True):
        usable = isinstance(value, kind) and not isinstance(value, bool)
        if not usable or (isinstance(value, str) and not value.isprintable()):
            raise InvalidRequestError("cursor", "this is no cursor of ours")
    return values


def encode_position(sort: Sort, last: dict[str, object]) -> str:
    """The cursor after the last item of a page of miners."""
    return encode(f"miners {sort}", last[sort.field], last["miner_id"])


def decode_position(cursor: str, sort: Sort) -> Position:
    """Where a page of miners ended.

    Raises:
        InvalidRequestError: it is none of ours, or of another order.
    """
    kind = SORTABLE[sort.field]
    wanted = (int, float, type(None)) if kind is Kind.NUMBER else (str, type(None))
    value, identity = decode(cursor, f"miners {sort}", [wanted, str])
    if kind is Kind.INSTANT and isinstance(value, str):
        value = instant(value).isoformat()
    if isinstance(value, int | float):
        value = _finite(value)
    return Position(value if isinstance(value, str | float) else None, str(identity))


def instant(text: object) -> datetime:
    """An instant from a cursor.

    Raises:
        InvalidRequestError: it is none.
    """
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError as exc:
        raise InvalidRequestError("cursor", "this is no cursor of ours") from exc
    if found.tzinfo is None:
        raise InvalidRequestError("cursor", "this is no cursor of ours")
    return found


def _finite(value: float) -> float:
    try:
        found = float(value)
    except OverflowError as exc:
        raise InvalidRequestError("cursor", "this is no cursor of ours") from exc
    if found - found != 0.0:
        raise InvalidRequestError("cursor", "this is no cursor of ours")
    return found
