"""The file of a spool: its tables, and how it is opened so that nothing is lost in it."""

import os
import sqlite3
from pathlib import Path
from typing import Final

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
