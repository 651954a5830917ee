"""Single values as this pool words them: numbers that may be texts, instants as epoch seconds."""

from datetime import UTC, datetime, timedelta
from typing import Final

from minestream_dialects.fields import Bounds, Flags, count, number
from minestream_dialects.numbers import plain
from minestream_dialects.unreadable import UnreadableError
from minestream_schemas.pool import RawPool
from minestream_schemas.telemetry import QualityFlag

AMOUNT: Final = Bounds(0.0, 1e18)
RATIO: Final = Bounds(0.0, 1.0)
EPOCH: Final = Bounds(1.2e9, 4.1e9)
"""2008 to 2099: milliseconds are no seconds."""
AHEAD: Final = timedelta(seconds=60)
"""Further ahead of ours its clock is wrong."""


def amount(
    value: object,
    *,
    name: str,
    flags: Flags,
    per: float = 1.0,
    bounds: Bounds = AMOUNT,
    required: bool = True,
) -> float | None:
    """Read a number that is not below zero.

    Args:
        value: a number, or a text that is one.
        name: our field, for the flag.
        flags: where to note that it is missing or invalid.
        per: how many of theirs one of ours is.
        bounds: what is possible, in our unit.
        required: is its absence a fault?
    """
    return number(_number(value), bounds, name=name, flags=flags, per=per, required=required)


def _number(value: object) -> object:
    """A text that is a number becomes one; all else stays, as the fault that it is."""
    found = plain(value)
    return value if found is None else found


def whole(value: object, *, name: str, flags: Flags) -> int | None:
    """Read a whole number from 0, or a text that is one; nobody has to say it."""
    return count(_number(value), name=name, flags=flags, required=False)


def instant(value: object, *, name: str, flags: Flags, required: bool = True) -> datetime | None:
    """Read an instant told as seconds since 1970."""
    seconds = amount(value, name=name, flags=flags, bounds=EPOCH, required=required)
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def told_at(value: object, raw: RawPool, flags: Flags) -> datetime:
    """When the pool computed something: by its clock, unless that runs ahead of ours."""
    at = instant(value, name="ts", flags=flags)
    if at is None:
        return raw.received_at
    if at > raw.received_at + AHEAD:
        flags.add(QualityFlag.CLOCK_SKEW)
        return raw.received_at
    return at


def named(value: object, what: str) -> dict[str, object]:
    """The value, if it is an object.

    Raises:
        UnreadableError: it is none.
    """
    if not isinstance(value, dict):
        raise UnreadableError(f"{what}: not an object")
    return value


def data_of(value: object, what: str) -> dict[str, object]:
    """What an answer of the HTTP API holds.

    Raises:
        UnreadableError: it tells an error, or is of another shape.
    """
    answer = named(value, what)
    code = answer.get("code")
    if code is not None and plain(code) != 200:  # noqa: PLR2004 - its word for: well
        raise UnreadableError(f"{what}: code is not 200")
    return named(answer.get("data"), f"{what}.data")
