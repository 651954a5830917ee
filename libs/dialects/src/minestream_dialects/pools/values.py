"""Single values as pools word them: numbers that may be texts, instants in several spellings."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from minestream_dialects.fields import MAX_TEXT, Flags, text
from minestream_dialects.numbers import plain
from minestream_schemas.pool import RawPool
from minestream_schemas.telemetry import QualityFlag

MOST_HS: Final = 1e24
"""A million times what all of Bitcoin's miners did in 2026."""
MOST_COINS: Final = 1e12
MOST_COUNT: Final = 2**53
"""Exact as a float; sums of them stay inside the contract."""
MOST_NAME: Final = 190
SATOSHI: Final = 1e8
_EARLIEST: Final = datetime(2009, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_AHEAD: Final = timedelta(seconds=60)


def utc(value: object) -> datetime | None:
    """Seconds since 1970, or a date or instant as ISO 8601 writes it (without a zone: UTC)."""
    number = plain(value)
    try:
        if number is not None:
            at = datetime.fromtimestamp(number, UTC)
        elif type(value) is str and len(value) <= MAX_TEXT:
            at = datetime.fromisoformat(value.strip())
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        else:
            return None
    except (ValueError, OverflowError, OSError):
        return None
    return at if _EARLIEST <= at <= _LATEST else None


def name_of(value: object) -> str | None:
    """A worker's name, short enough to be a part of a key."""
    return text(value[:MOST_NAME]) if type(value) is str else None


def short(value: object) -> str | None:
    """A reference (a hash, a transaction, a number), if it is one."""
    return text(str(value) if type(value) is int else value)


class Fields:
    """One object of an answer; each reader gives a value inside the contract's bounds, or None.

    Args:
        said: the object; anything else has no fields.
        flags: where to note what is missing or invalid.
        raw: what it came with.
    """

    def __init__(self, said: object, flags: Flags, raw: RawPool) -> None:
        self._said: dict[str, Any] = said if type(said) is dict else {}
        self.flags = flags
        self._raw = raw

    def __getitem__(self, key: str) -> Any:
        return self._said.get(key)

    def at(self, key: str) -> "Fields":
        """An object inside it."""
        return Fields(self._said.get(key), self.flags, self._raw)

    def hashrate(
        self, key: str, name: str, *, times: float | None = 1.0, required: bool = True
    ) -> float | None:
        """A hashrate.

        Args:
            key: theirs.
            name: our field, for the flag.
            times: how many H/s one of theirs is; None: nobody knows.
            required: is its absence a fault?
        """
        if times is None:
            return None
        return self._number(key, name, times, MOST_HS, required=required)

    def coins(
        self, key: str, name: str, *, per: float = 1.0, required: bool = True
    ) -> float | None:
        """An amount in whole coins.

        Args:
            key: theirs.
            name: ours.
            per: how many of theirs a coin is.
            required: is its absence a fault?
        """
        number = self._number(key, name, 1.0, MOST_COINS * per, required=required)
        return None if number is None else number / per

    def count(self, key: str, name: str, *, required: bool = True) -> int | None:
        """A whole number from 0."""
        number = plain(self._said.get(key))
        if self._said.get(key) is None:
            if required:
                self.flags.missing(name)
            return None
        if number is None or not 0 <= number < MOST_COUNT or number != int(number):
            self.flags.invalid(name)
            return None
        return int(number)

    def instant(self, key: str, name: str, *, required: bool = True) -> datetime | None:
        """An instant that has been; 0 is how pools write: never."""
        value = self._said.get(key)
        if value is None:
            if required:
                self.flags.missing(name)
            return None
        if plain(value) == 0:
            return None
        at = utc(value)
        if at is None:
            self.flags.invalid(name)
        elif at > self._raw.received_at + _AHEAD:
            self.flags.add(QualityFlag.CLOCK_SKEW)
            return self._raw.received_at
        return at

    def day(self, key: str) -> date | None:
        """The day of an instant or a date; None: it is none."""
        at = utc(self._said.get(key))
        return None if at is None else at.date()

    def _number(
        self, key: str, name: str, times: float, most: float, *, required: bool
    ) -> float | None:
        value = self._said.get(key)
        if value is None:
            if required:
                self.flags.missing(name)
            return None
        number = plain(value)
        if number is None or not 0 <= number <= most:  # of NaN each comparison is false
            self.flags.invalid(name)
            return None
        converted = number * times
        if not converted <= most:
            self.flags.invalid(name)
            return None
        return float(converted)


def by_name(value: object, flags: Flags) -> list[tuple[str, dict[str, Any]]] | None:
    """The workers of an object, by name; a list of one object stands for that object.

    Args:
        value: the object; an empty list is how some write an empty one.
        flags: where to note that there is none, or that some are odd.

    Returns:
        None: it does not say which there are.
    """
    if value == []:
        return []
    if type(value) is not dict:
        flags.missing("workers")
        return None
    found = []
    for name, entry in value.items():
        known_as, records = name_of(name), objects([entry]) or objects(entry)
        if known_as is None or not records:
            flags.invalid("workers")
        else:
            found.append((known_as, records[0]))
    return found


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; all else is left out."""
    return [item for item in value if type(item) is dict] if type(value) is list else []


def summed(values: list[int | None]) -> int | None:
    """The sum of those that are told; None: none is."""
    told = [value for value in values if value is not None]
    return sum(told) if told else None


def latest(values: list[datetime | None]) -> datetime | None:
    """The newest of those that are told."""
    return max((value for value in values if value is not None), default=None)
