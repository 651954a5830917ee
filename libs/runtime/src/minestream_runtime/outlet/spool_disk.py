"""The spool's file: blocks of events in SQLite. Synchronous; one thread owns it."""

import os
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog

from minestream_runtime.clock import Clock
from minestream_runtime.errors import ConfigurationError
from minestream_runtime.outlet import salvage, spool_file
from minestream_runtime.outlet.beside import Beside, count, forget, keep_note
from minestream_runtime.outlet.salvage import Salvage, makes_sense
from minestream_runtime.outlet.spooled import BLOCK_EVENTS, Lost, Spooled, rows, unpacked

_BLOCK_BYTES: Final = 256 * 1024


class SpoolDisk:
    """Blocks of up to 100 events, compressed, with a checksum; WAL, synced at every commit.

    Every method that writes answers False when the disk does not take it, and has then changed
    nothing. Blocks that were sent but could not be deleted are skipped from then on.

    ``fault`` says why the disk does not take what is written; None: it does.

    Args:
        path: the file; made readable by its owner alone.
        clock: for the age limit.
        on_dropped: told of each event dropped, once its drop is committed.
        most_bytes: of compressed events.
        most_age_s: older ones are dropped.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        on_dropped: Callable[[Spooled], None],
        *,
        most_bytes: int,
        most_age_s: float,
    ) -> None:
        self._path = path
        self._clock = clock
        self._on_dropped = on_dropped
        self._most_bytes = most_bytes
        self._most_age_s = most_age_s
        self._db: sqlite3.Connection
        self._handed_out = 0
        self._sent = 0
        self._dropping: list[Spooled] = []
        self.fault: str | None = None
        self._full = False
        self._damage: sqlite3.DatabaseError | None = None
        self._salvages: list[Salvage] = []
        self._log = structlog.get_logger()
        self.events = 0
        self.bytes = 0
        self.oldest_at_s: float | None = None

    def open(self) -> None:
        """Open the file and keep others out.

        One that is damaged is put aside, not deleted; what can be read of it goes on waiting.

        Raises:
            ConfigurationError: another process uses it, or it cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._salvages = salvage.unfinished(self._path)
            try:
                self._connect()
            except sqlite3.DatabaseError as exc:
                if type(exc) is not sqlite3.DatabaseError:
                    raise
                self._begin_anew(exc)
            else:
                self._take_in()
        except (sqlite3.Error, OSError) as exc:
            raise ConfigurationError(f"spool {self._path}: {spool_file.refusal(exc)}") from exc

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def append(self, events: list[Spooled], lost: Lost | None = None) -> bool:
        """Commit events at the end, then drop the oldest beyond the limits.

        Args:
            events: in order.
            lost: drops to count with them.
        """

        def work() -> None:
            self._insert(events)
            self._trim()
            count(self._db, lost)

        return self._committed(work)

    def peek(self, most: int, most_bytes: int) -> tuple[list[Spooled], int]:
        """The oldest events, and the number of the last block of them (0: there is none).

        A block that the disk has damaged is counted as lost, and skipped. Where the damage hides
        the blocks behind it, the file is begun anew with all that can be read.
        """
        found = self._oldest(most, most_bytes)
        if found[0]:
            return found
        if self._damage is not None:
            self._db.close()
            try:
                self._begin_anew(self._damage)
            except (sqlite3.Error, OSError) as exc:
                self._failed(exc)
                return found
        elif self._salvages and self.fault is None:
            self._take_in()
        else:
            return found
        return self._oldest(most, most_bytes)

    def _oldest(self, most: int, most_bytes: int) -> tuple[list[Spooled], int]:
        found: list[Spooled] = []
        last, size = self._sent, 0
        while len(found) < most and size < most_bytes:
            row = self._read(spool_file.OLDEST, last)
            if row is None or not self._makes_sense(row, after=last):
                break
            last = row[0]
            size += len(row[5])
            events = self._unpack(row)
            found += events
            if not events:
                self._committed(partial(self._lose, row))
        if not found:
            return [], 0
        self._handed_out = last
        return found, last

    def delete(self, last: int) -> bool:
        """Forget all blocks up to that one: they have been sent."""
        gone = self._read(
            "SELECT coalesce(sum(events), 0), coalesce(sum(bytes), 0) FROM block"
            " WHERE id > ? AND id <= ?",
            self._sent,
            last,
        )
        self._sent = max(self._sent, last)
        self._handed_out = 0
        done = self._committed(
            lambda: self._db.execute("DELETE FROM block WHERE id <= ?", (self._sent,))
        )
        if gone is None:
            with suppress(sqlite3.Error):  # it has been told that the disk gives nothing
                self._measure()
        else:  # measuring all that is left would cost more the more there is
            self.events -= gone[0]
            self.bytes -= gone[1]
            self._look_at_oldest()
        self._give_back()
        return done

    def release(self) -> None:
        """What was handed out may be dropped again."""
        self._handed_out = 0
        self._committed(self._trim)

    def lost(self) -> Lost | None:
        """Drops not yet told of; a count that the disk has damaged is forgotten."""
        row = self._read("SELECT events, first_at, last_at FROM lost")
        found = None if row is None else Lost.read(*row)
        damaged = row is not None and found is None
        if damaged and self._committed(lambda: self._db.execute("DELETE FROM lost")):
            self._log.error("spool_count_damaged", error="drops are not told: no count is there")
        return found

    def clear_lost(self, told: Lost) -> None:
        """These have been told of; the rest, dropped meanwhile, is a new gap after them."""
        self._committed(lambda: forget(self._db, told))
        self._give_back()

    def note(self, name: str) -> str | None:
        """A small text kept beside the queue."""
        row = self._read("SELECT text FROM note WHERE name = ?", name)
        return None if row is None else str(row[0])

    def set_note(self, name: str, text: str | None) -> None:
        """Keep a small text; None removes it."""
        self._committed(lambda: keep_note(self._db, name, text))
        self._give_back()

    def _read(self, sql: str, *values: object) -> Any:
        """The one row that ``sql`` finds; None too when the disk does not give it."""
        try:
            return self._db.execute(sql, values).fetchone()
        except sqlite3.Error as exc:
            self._failed(exc)
            return None

    def _makes_sense(self, block: tuple[Any, ...], *, after: int = 0) -> bool:
        newest = self._read(salvage.NEWEST)
        if makes_sense(block) and newest is not None and after < block[0] <= newest[0]:
            return True
        self._damage = sqlite3.DatabaseError("a block is not as it was written")
        return False

    def _unpack(self, block: tuple[Any, ...]) -> list[Spooled]:
        """The events of a block; none when the disk has damaged it."""
        try:
            return unpacked(block[5])
        except ValueError as exc:
            self._log.error("spool_block_damaged", error=str(exc))
            return []

    def _connect(self) -> None:
        self._db = spool_file.connected(self._path)
        try:
            self._measure()
        except sqlite3.DatabaseError:
            self._db.close()
            raise

    def _give_back(self) -> None:
        """All is sent: the disk gets its room back."""
        if self.events or self._damage is not None:
            return
        try:
            if self.fault is None and spool_file.shrunk(self._db):
                return
        except sqlite3.Error as exc:
            self._failed(exc)
        if self.fault is None or (self._full and spool_file.room(self._path) > 0):
            self._begin_empty()

    def _begin_empty(self) -> None:
        """Empty the file: this needs no room, while a full disk takes no deletion.

        Only on a full disk is there something beside the blocks that a kill just here would cost.
        """
        try:
            blocks = self._db.execute(spool_file.OLDEST, (self._sent,)).fetchall()
            beside = Beside.of(self._db, self._path)
        except sqlite3.Error as exc:
            self._failed(exc)
            return
        if blocks or (beside and not self._full):
            return
        self._db.close()
        self._damage = sqlite3.DatabaseError("there was no room for a new file")
        try:
            os.truncate(self._path, 0)  # SQLite forgets the log of a file that has no length
            self._salvages.insert(0, beside)
            self._start()
        except (sqlite3.Error, OSError) as exc:
            self._failed(exc)

    def _begin_anew(self, exc: sqlite3.DatabaseError) -> None:
        """Put a damaged file aside, and take what can be read of it into a new one.

        Raises:
            sqlite3.Error: none can be made.
            OSError: none can be made.
        """
        if self._path.exists() and self._path.stat().st_size:
            self._put_aside()
        moved = [found.aside.name for found in self._salvages]
        self._start()
        self._log.error(
            "spool_damaged",
            moved_to=", ".join(moved),
            error=str(exc),
            rescued=self.events,
            advice="what could be read goes on waiting; look at this disk's health",
        )

    def _start(self) -> None:
        self._connect()
        self._damage, self._sent, self._handed_out = None, 0, 0
        self._works()
        self._take_in()

    def _put_aside(self) -> None:
        now_s = self._clock.now().timestamp()
        waited = Lost(self.events, self.oldest_at_s or now_s, now_s)
        found = salvage.put_aside(self._path, now_s, after=self._sent)
        self._salvages.append(replace(found, waited=waited))

    def _take_in(self) -> None:
        """Take in what files put aside still have; what the disk has no room for waits there."""
        while self._salvages and self._committed(partial(self._take, self._salvages[0])):
            self._salvages.pop(0).end()

    def _take(self, found: Salvage) -> None:
        before = self.events
        for _, *row in found.blocks():
            self._add(tuple(row))
        self._db.executemany("INSERT OR IGNORE INTO note VALUES (?, ?)", found.notes())
        if found.waited is not None:
            gone = found.waited.events - (self.events - before)
            if gone > 0:
                count(self._db, replace(found.waited, events=gone))
        count(self._db, found.lost())

    def _measure(self) -> None:
        self.events, self.bytes = spool_file.measured(self._db, self._sent)
        self._look_at_oldest()

    def _look_at_oldest(self) -> None:
        row = self._read("SELECT oldest_at FROM block WHERE id > ? ORDER BY id LIMIT 1", self._sent)
        sound = None if row is None else Lost.read(1, row[0], row[0])
        self.oldest_at_s = None if sound is None else sound.first_at_s

    def _committed(self, work: Callable[[], object]) -> bool:
        """Do it in one transaction; False: the disk did not take it, and nothing has changed."""
        self._dropping = []
        before = self.events, self.bytes
        written = 0
        try:
            written = self._db.total_changes
            self._db.execute("BEGIN IMMEDIATE")
            work()
            self._db.execute("COMMIT")
        except (sqlite3.Error, OSError) as exc:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            self.events, self.bytes = before
            self._failed(exc)
            return False
        if self._db.total_changes > written:
            self._works()
        self._look_at_oldest()
        for event in self._dropping:
            self._on_dropped(event)
        return True

    def _works(self) -> None:
        if self.fault is not None:
            self._log.info("spool_disk_works_again")
        self.fault, self._full = None, False

    def _failed(self, exc: Exception) -> None:
        if self.fault is None:
            self._log.error("spool_disk_failed", error=str(exc))
        self.fault, self._full = str(exc), spool_file.is_full(exc)
        if type(exc) is sqlite3.DatabaseError:  # it reads, and makes no sense
            self._damage = exc

    def _insert(self, events: Iterable[Spooled]) -> None:
        waiting = list(events)
        tail = self._db.execute(spool_file.LAST, (max(self._handed_out, self._sent),)).fetchone()
        sound = tail is not None and self._makes_sense(tail)
        if sound and tail[1] < BLOCK_EVENTS and tail[2] < _BLOCK_BYTES:
            joined = self._unpack(tail)
            if joined:  # a damaged block is ``peek``'s to count
                waiting[:0] = joined
                self._remove(*tail[:3])
        for row in rows(waiting):
            self._add(row)

    def _add(self, row: tuple[Any, ...]) -> None:
        self._db.execute(spool_file.ADD, row)
        self.events += row[0]
        self.bytes += row[1]

    def _trim(self) -> None:
        too_old = self._clock.now().timestamp() - self._most_age_s
        while True:
            after = max(self._handed_out, self._sent)
            oldest = self._db.execute(spool_file.OLDEST, (after,)).fetchone()
            if oldest is None or not self._makes_sense(oldest):
                return
            if self.bytes <= self._most_bytes and oldest[4] >= too_old:
                return
            self._lose(oldest)
            self._dropping += self._unpack(oldest)

    def _lose(self, block: tuple[Any, ...]) -> None:
        number, events, size, oldest_at_s, newest_at_s, *_ = block
        self._remove(number, events, size)
        count(self._db, Lost(events, oldest_at_s, newest_at_s))

    def _remove(self, number: int, events: int, size: int) -> None:
        self._db.execute("DELETE FROM block WHERE id = ?", (number,))
        self.events -= events
        self.bytes -= size
