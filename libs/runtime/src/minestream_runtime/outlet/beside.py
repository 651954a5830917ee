"""What a spool's file has beside its blocks: notes, and the count of drops not yet told of."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minestream_runtime.outlet.salvage import Salvage
from minestream_runtime.outlet.spooled import Lost


@dataclass(frozen=True, slots=True)
class Beside(Salvage):
    """All that a file still has whose blocks are sent, and that is to be emptied.

    Args:
        texts: its notes.
        untold: the drops that it had yet to tell of.
    """

    texts: tuple[tuple[str, str], ...] = ()
    untold: Lost | None = None

    @classmethod
    def of(cls, db: sqlite3.Connection, file: Path) -> "Beside":
        """Read it.

        Raises:
            sqlite3.Error: the disk does not give it.
        """
        texts = tuple(db.execute("SELECT name, text FROM note").fetchall())
        row = db.execute("SELECT events, first_at, last_at FROM lost").fetchone()
        return cls(file, texts=texts, untold=None if row is None else Lost.read(*row))

    def __bool__(self) -> bool:
        return bool(self.texts) or self.untold is not None

    def blocks(self) -> Iterator[tuple[Any, ...]]:
        """None: they are sent."""
        return iter(())

    def notes(self) -> list[tuple[str, str]]:
        """Its notes."""
        return list(self.texts)

    def lost(self) -> Lost | None:
        """The drops that it had yet to tell of."""
        return self.untold


def keep_note(db: sqlite3.Connection, name: str, text: str | None) -> None:
    """Write a note; None removes it."""
    db.execute("DELETE FROM note WHERE name = ?", (name,))
    if text is not None:
        db.execute("INSERT INTO note VALUES (?, ?)", (name, text))


def count(db: sqlite3.Connection, lost: Lost | None) -> None:
    """Add drops, if there are any, to those not yet told of."""
    if lost is None:
        return
    db.execute(
        "INSERT INTO lost VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET"
        " events = events + excluded.events, first_at = min(first_at, excluded.first_at),"
        " last_at = max(last_at, excluded.last_at)",
        (lost.events, lost.first_at_s, lost.last_at_s),
    )


def forget(db: sqlite3.Connection, told: Lost) -> None:
    """These have been told of; the rest, dropped meanwhile, is a new gap after them."""
    db.execute(
        "UPDATE lost SET events = events - ?, first_at = max(first_at, ?)",
        (told.events, told.last_at_s),
    )
    db.execute("DELETE FROM lost WHERE events <= 0")
