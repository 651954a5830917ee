"""Small readers of single values: each gives a value inside the contract's bounds, or None.

Knows JSON's types and the contract's limits, no firmware.
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeGuard, cast, get_args

from minestream_schemas import telemetry
from minestream_schemas.telemetry import QualityFlag

MAX_TEXT: Final = 256
SANE: Final = 1e18
"""No unit of a miner's needs 19 digits."""
_REMEMBERED: Final = 4096
"""Texts that are told at each poll and change once an hour: a miner's uptime by its ``/info``."""
_UPTIME = re.compile(
    r"^\s*(?:(?P<days>\d{1,5})\s+days?,?)?\s*"
    r"(?:(?P<hours>\d{1,5}):(?P<minutes>\d\d)(?::(?P<seconds>\d\d))?"
    r"|(?P<only>\d{1,5})\s+min(?:ute)?s?)?\s*$"
)


class Bounds(NamedTuple):
    """The smallest and the largest value that the contract takes."""

    low: float
    high: float


def _bounds(annotated: Any) -> Bounds:
    """The bounds that an annotated type of the contract states, so that they are said once."""
    low, high = -math.inf, math.inf
    for rule in get_args(annotated)[1].metadata:
        low = getattr(rule, "ge", low)
        high = getattr(rule, "le", getattr(rule, "lt", high))
    return Bounds(low, high)


CELSIUS: Final = _bounds(telemetry.Celsius)
WATTS: Final = _bounds(telemetry.Watts)
VOLTS: Final = _bounds(telemetry.Volts)
MEGAHERTZ: Final = _bounds(telemetry.Megahertz)
_MOST: Final = 2**53
COUNT: Final = Bounds(0, _MOST)  # exact as a float, and sums of them stay inside the contract
RATIO: Final = Bounds(0.0, 1.0)
RPM: Final = Bounds(0, 100_000)


class Flags:
    """What is doubtful about the reading at hand; collected while its fields are read."""

    __slots__ = ("_raised",)

    def __init__(self) -> None:
        self._raised: set[str] = set()

    def add(self, flag: QualityFlag, subject: str | None = None) -> None:
        """Raise ``flag``, for one field or endpoint when ``subject`` names it."""
        self._raised.add(flag.value if subject is None else f"{flag.value}:{subject}")

    def missing(self, name: str) -> None:
        """``name`` (ours) is not in the payload although this firmware normally sends it."""
        self.add(QualityFlag.FIELD_MISSING, name)

    def invalid(self, name: str) -> None:
        """``name`` (ours) is of the wrong type, not finite, or impossible."""
        self.add(QualityFlag.FIELD_INVALID, name)

    def sorted(self) -> tuple[str, ...]:
        """All flags, in one order whatever the order of reading was."""
        return tuple(sorted(self._raised))


def _is_number(value: object) -> TypeGuard[float]:
    """Is it a number of sane size? NaN is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return -SANE < value < SANE


def number(
    value: object,
    bounds: Bounds,
    *,
    name: str,
    flags: Flags,
    times: float = 1.0,
    per: float = 1.0,
    required: bool = True,
) -> float | None:
    """Read a number.

    Args:
        value: what the payload says; ``true`` and ``"5"`` are no numbers.
        bounds: what the contract takes, after conversion.
        name: our field, for the flag.
        flags: where to note that it is missing or invalid.
        times: how many of our units one of theirs is.
        per: how many of theirs one of ours is (``1000`` for mV to V, where ``times`` would round).
        required: does this firmware normally send it? If not, absence is no fault.

    Returns:
        the number in our unit; None when missing or invalid.
    """
    if value is None:
        if required:
            flags.missing(name)
        return None
    # inline, because every poll has a hundred numbers; of NaN each comparison is false
    if (type(value) is float or type(value) is int) and -SANE < value < SANE:
        converted = value * times / per
        if bounds[0] <= converted <= bounds[1]:
            return converted
    flags.invalid(name)
    return None


def numbers(
    values: Sequence[object],
    bounds: Bounds,
    *,
    name: str,
    flags: Flags,
    times: float = 1.0,
    per: float = 1.0,
    required: bool = True,
) -> tuple[float | None, ...]:
    """Read a column: the same as ``number`` for each, several times faster when all are in order.

    A miner has hundreds of chips with half a dozen numbers each.
    """
    if {float, int}.issuperset(map(type, values)) and values:
        column = cast("Sequence[float]", values)
        low, high = min(column), max(column)
        sound = _is_number(low) and _is_number(high) and not math.isnan(sum(column))
        if sound and bounds.low <= low * times / per and high * times / per <= bounds.high:
            return tuple([value * times / per for value in column])
    return tuple(
        [
            number(v, bounds, name=name, flags=flags, times=times, per=per, required=required)
            for v in values
        ]
    )


def count(value: object, *, name: str, flags: Flags, required: bool = True) -> int | None:
    """Read a whole number from 0; a float without fraction is one (``57.0``)."""
    if type(value) is int and 0 <= value <= _MOST:
        return value
    read = number(value, COUNT, name=name, flags=flags, required=required)
    if read is None:
        return None
    if read.is_integer():
        return value if isinstance(value, int) else int(read)
    flags.invalid(name)
    return None


def counts(values: Sequence[object], *, name: str, flags: Flags) -> tuple[int | None, ...]:
    """Read a column: the same as ``count`` for each, faster when all are in order."""
    if set(map(type, values)) == {int}:
        column = cast("Sequence[int]", values)
        if min(column) >= COUNT.low and max(column) <= COUNT.high:
            return tuple(column)
    return tuple([count(value, name=name, flags=flags) for value in values])


def celsius(value: object, *, name: str, flags: Flags, required: bool = True) -> float | None:
    """Read a temperature in °C; 0 is how this firmware says that a sensor gives no reading."""
    if value == 0 and value is not False:
        value = None
    return number(value, CELSIUS, name=name, flags=flags, required=required)


def text(value: object) -> str | None:
    """Read a text: one line, printable, at most 256 characters; None when there is none.

    NUL, lone surrogates and other control characters become spaces, because neither the wire nor
    the database takes them.
    """
    if type(value) is not str:
        return None
    if len(value) <= MAX_TEXT and value.isprintable():
        return value.strip() or None
    cut = value[:MAX_TEXT]
    if not cut.isprintable():
        cut = "".join(char if char.isprintable() else " " for char in cut)
    return cut.strip() or None


def entry(value: object, *path: str) -> Any:
    """Walk down nested objects; None as soon as a step is missing or is no object."""
    for key in path:
        if type(value) is not dict:
            return None
        value = value.get(key)
    return value


def mean(values: Sequence[float]) -> float | None:
    """The mean of those that are over zero (a dead board says 0); 0.0 when all are zero."""
    if not values:
        return None
    live = [value for value in values if value > 0]
    return math.fsum(live) / len(live) if live else 0.0


def uptime_s(value: object) -> float | None:
    """Read an uptime as ``uptime`` prints it: ``1:55``, ``12 min``, ``7 days, 14:28``.

    Returns:
        seconds; None when it is no such text.
    """
    return _uptime_s(value) if type(value) is str and len(value) <= MAX_TEXT else None


@lru_cache(maxsize=_REMEMBERED)
def _uptime_s(said: str) -> float | None:
    found = _UPTIME.match(said)
    if found is None or not found[0].strip():
        return None
    part = {key: int(digits) for key, digits in found.groupdict(default="0").items()}
    minutes = part["minutes"] + part["only"]
    return float(part["days"] * 86_400 + part["hours"] * 3_600 + minutes * 60 + part["seconds"])
