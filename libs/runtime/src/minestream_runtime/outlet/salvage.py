"""What can still be read of a spool's file that the disk has damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from minestream_runtime.outlet.spooled import BLOCK_EVENTS, Lost

BESIDE: Final = ("-wal", "-shm")
"""What SQLite keeps beside a file, by the end of its name: a part of it."""
NEWEST: Final = "SELECT seq FROM sqlite_sequence WHERE name = 'block'"
"""The last number that a block was given."""
_MOST_BLOCKS: Final = 1_000_000
_UNREAD: Final = ".unread"
"""Ends the name of the file that says so of one put aside: a kill ends no salvage."""


@dataclass(frozen=True, slots=True)
class Salvage:
    """A file that was put aside and is still to be read.

    Args:
        aside: the file.
        after: the number of the last block that was sent.
        waited: how many events it was known to have, and from when to when; None: not known.
    """

    aside: Path
    after: int = 0
    waited: Lost | None = None

    def blocks(self) -> Iterator[tuple[Any, ...]]:
        """The blocks that can be read, oldest first; one that cannot be hides no other."""
        with closing(_opened(self.aside)) as db:
            for number in _numbers(db, self.after):
                block = _one(
                    db,
                    "SELECT id, events, bytes, oldest_at, newest_at, packed FROM block"
                    " WHERE id = ?",
                    number,
                )
                if block is not None and makes_sense(block):
                    yield block

    def notes(self) -> list[tuple[str, str]]:
        """The notes beside the blocks; none where these cannot be read."""
        with closing(_opened(self.aside)) as db:
            try:
                found = db.execute("SELECT name, text FROM note").fetchall()
            except sqlite3.Error:
                return []
        return [(name, text) for name, text in found if isinstance(name, str) and text is not None]

    def lost(self) -> Lost | None:
        """The drops that it had yet to tell of; None where they cannot be read."""
        with closing(_opened(self.aside)) as db:
            found = _one(db, "SELECT events, first_at, last_at FROM lost")
        return None if found is None else Lost.read(*found)

    def end(self) -> None:
        """It has been read, and what it had is kept elsewhere."""
        _unread(self.aside).unlink(missing_ok=True)


def put_aside(file: Path, at_s: float, *, after: int) -> Salvage:
    """Give a file another name, with what belongs to it.

    Args:
        file: closed.
        at_s: now, seconds since 1970.
        after: the number of the last block that was sent.
    """
    stem = f"{file.stem}.damaged-{int(at_s)}"
    aside, more = file.with_name(stem), 1
    while aside.exists():
        aside, more = file.with_name(f"{stem}-{more}"), more + 1
    _unread(aside).write_text(str(after))
    file.rename(aside)
    for suffix in BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{file}{suffix}").rename(f"{aside}{suffix}")
    return Salvage(aside, after)


def unfinished(file: Path) -> list[Salvage]:
    """What was put aside of a file and never read to its end: a kill, or no room, came first."""
    found: list[Salvage] = []
    for mark in sorted(file.parent.glob(f"{file.stem}.damaged-*{_UNREAD}")):
        aside = mark.with_name(mark.name.removesuffix(_UNREAD))
        if aside.exists():
            said = mark.read_text(errors="replace")
            found.append(Salvage(aside, int(said) if said.isdecimal() else 0))
        else:
            mark.unlink()
    return found


def makes_sense(block: tuple[Any, ...]) -> bool:
    """Is it as a spool writes one? Of a damaged page SQLite may read any values."""
    number, events, size, oldest_at_s, newest_at_s, packed = block
    span = Lost.read(events, oldest_at_s, newest_at_s)
    return (
        isinstance(number, int)
        and isinstance(packed, bytes)
        and size == len(packed)
        and span is not None
        and span.events <= BLOCK_EVENTS
    )


def _numbers(db: sqlite3.Connection, after: int) -> range:
    """Where to look for blocks: what a damaged number says of the first and last leads nowhere."""
    newest = [
        number
        for sql in (NEWEST, "SELECT max(id) FROM block")
        if (number := _number(db, sql)) is not None
    ]
    if not newest:
        return range(0)
    last = max(newest) if max(newest) - min(newest) <= _MOST_BLOCKS else min(newest)
    first = _number(db, "SELECT min(id) FROM block WHERE id > ?", after)
    begin = max(after + 1, last - _MOST_BLOCKS) if first is None or first > last else first
    return range(begin, min(last, begin + _MOST_BLOCKS) + 1)


def _number(db: sqlite3.Connection, sql: str, *values: object) -> int | None:
    found = _one(db, sql, *values)
    return found[0] if found is not None and isinstance(found[0], int) else None


def _unread(aside: Path) -> Path:
    return aside.with_name(aside.name + _UNREAD)


def _opened(file: Path) -> sqlite3.Connection:
    db = sqlite3.connect(file, isolation_level=None)
    _one(db, "PRAGMA writable_schema=ON")  # else a file that was cut short opens for nobody
    return db


def _one(db: sqlite3.Connection, sql: str, *values: object) -> Any:
    try:
        return db.execute(sql, values).fetchone()
    except sqlite3.Error:
        return None
