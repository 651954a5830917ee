"""The file of a spool: its tables, and how it is opened so that nothing is lost in it."""

import os
import sqlite3
from pathlib import Path
from typing import Final

from minestream_runtime.outlet.spooled import BLOCK_EVENTS

_BLOCKS: Final = (
    "SELECT id, events, bytes, oldest_at, newest_at, packed FROM block WHERE id > ? ORDER BY id"
)
OLDEST: Final = f"{_BLOCKS} LIMIT 1"
LAST: Final = f"{_BLOCKS} DESC LIMIT 1"
ADD: Final = (
    "INSERT INTO block (events, bytes, oldest_at, newest_at, packed) VALUES (?, ?, ?, ?, ?)"
)
_MOST_PAGES: Final = 1000
"""4 MiB: SQLite gives them back in some 10 ms."""
_NEW_BYTES: Final = 96 * 1024
"""What a new file takes with its log: 72 KiB."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS block (
    id INTEGER PRIMARY KEY AUTOINCREMENT, events INTEGER NOT NULL, bytes INTEGER NOT NULL,
    oldest_at REAL NOT NULL, newest_at REAL NOT NULL, packed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lost (
    one INTEGER PRIMARY KEY CHECK (one = 1), events INTEGER NOT NULL,
    first_at REAL NOT NULL, last_at REAL NOT NULL);
"""


def connected(path: Path) -> sqlite3.Connection:
    """Open the file, for us alone, and make it where it is not there.

    Raises:
        sqlite3.OperationalError: another process uses it, or it cannot be written.
        sqlite3.DatabaseError: it is damaged.
        OSError: it cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA busy_timeout=5000").fetchall()
        db.execute("PRAGMA locking_mode=EXCLUSIVE").fetchall()
        db.execute("PRAGMA auto_vacuum=INCREMENTAL")
        db.execute("PRAGMA journal_mode=WAL").fetchall()
        db.execute("PRAGMA synchronous=FULL")
        db.executescript(_SCHEMA)
    except sqlite3.DatabaseError:
        db.close()
        raise
    return db


def measured(db: sqlite3.Connection, after: int) -> tuple[int, int]:
    """How many events wait behind a block, and their compressed bytes; the damaged ones do not.

    Raises:
        sqlite3.Error: the disk does not say.
    """
    events, size = db.execute(
        "SELECT coalesce(sum(events), 0), coalesce(sum(length(packed)), 0) FROM block"
        " WHERE id > ? AND events BETWEEN 1 AND ?",
        (after, BLOCK_EVENTS),
    ).fetchone()
    return events, size


def shrunk(db: sqlite3.Connection) -> bool:
    """Give the disk the room of what was deleted; False: it is so much that this would take long.

    SQLite first writes each page that it gives back into its log: a GiB takes seconds, and a
    second GiB of the disk.

    Raises:
        sqlite3.Error: the disk takes not even that.
    """
    if db.execute("PRAGMA freelist_count").fetchone()[0] > _MOST_PAGES:
        return False
    db.executescript("PRAGMA incremental_vacuum")  # ``execute`` gives one page back, and no more
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return True


def room(path: Path) -> int:
    """The bytes that a new file instead of this one would give the disk, at least."""
    parts = (path, Path(f"{path}-wal"))
    return sum(part.stat().st_size for part in parts if part.exists()) - _NEW_BYTES


def is_full(exc: Exception) -> bool:
    """Does it say that the disk takes no more? Of a quota SQLite says only that a write failed."""
    code = getattr(exc, "sqlite_errorcode", None)
    return code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}


def refusal(exc: Exception) -> str:
    """Why a file cannot be opened, and what to set.

    Args:
        exc: of ``connected``.
    """
    if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
        return (
            "another process uses it: is this one running twice? Else it needs a"
            " MINESTREAM_STATE_DIR or a MINESTREAM_INSTANCE of its own"
        )
    return f"{exc}: MINESTREAM_STATE_DIR must be a folder that this user can write"
