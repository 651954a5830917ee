"""What can still be read of a spool's file that the disk has damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

BESIDE: Final = ("-wal", "-shm")
"""What SQLite keeps beside a file, by the end of its name: a part of it."""
_MOST_BLOCKS: Final = 1_000_000


def put_aside(file: Path, at_s: float) -> Path:
    """Give a file another name, with what belongs to it.

    Args:
        file: closed.
        at_s: now, seconds since 1970.

    Returns:
        its name from now on.
    """
    stem = f"{file.stem}.damaged-{int(at_s)}"
    aside, more = file.with_name(stem), 1
    while aside.exists():
        aside, more = file.with_name(f"{stem}-{more}"), more + 1
    file.rename(aside)
    for suffix in BESIDE:
        with suppress(FileNotFoundError):
            Path(f"{file}{suffix}").rename(f"{aside}{suffix}")
    return aside


def blocks(file: Path, *, after: int) -> Iterator[tuple[Any, ...]]:
    """The blocks that can be read, oldest first; one that cannot be hides no other.

    Args:
        file: of ``put_aside``.
        after: the number of the last block that was sent.
    """
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        _one(db, "PRAGMA writable_schema=ON")  # else a file that was cut short opens for nobody
        last = _one(db, "SELECT seq FROM sqlite_sequence WHERE name = 'block'")
        last = last or _one(db, "SELECT max(id) FROM block")
        if last is None or not isinstance(last[0], int):
            return
        first = _one(db, "SELECT min(id) FROM block WHERE id > ?", after) or (None,)
        begin = max(after + 1, last[0] - _MOST_BLOCKS) if first[0] is None else int(first[0])
        for number in range(begin, min(last[0], begin + _MOST_BLOCKS) + 1):
            block = _one(
                db,
                "SELECT events, bytes, oldest_at, newest_at, packed FROM block WHERE id = ?",
                number,
            )
            if block is not None:
                yield block


def notes(file: Path) -> list[tuple[str, str]]:
    """The notes beside the blocks; none where these cannot be read."""
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        _one(db, "PRAGMA writable_schema=ON")
        try:
            return db.execute("SELECT name, text FROM note").fetchall()
        except sqlite3.Error:
            return []


def _one(db: sqlite3.Connection, sql: str, *values: object) -> Any:
    try:
        return db.execute(sql, values).fetchone()
    except sqlite3.Error:
        return None
