"""The upkeep loop: partitions ahead, retention, rollups, late windows; one replica at a time."""

import asyncio
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.database import Connection, Pool, StorageDialect, store_errors
from minestream_runtime.errors import Disposition, MinestreamError, unit_of_work
from minestream_runtime.metrics import histogram
from timescale_sink.adapters.late_windows import recompute
from timescale_sink.adapters.maintenance_postgres import PostgresMaintenance
from timescale_sink.adapters.maintenance_timescale import TimescaleMaintenance
from timescale_sink.settings import SinkSettings

_LOCK: Final = 0x55706B70  # "Upkp"
_EXPIRE_LETTERS: Final = "DELETE FROM telemetry.dead_letter WHERE at < %s"
_EXPIRE_GAPS: Final = "DELETE FROM telemetry.gap WHERE ended_at < %s"
_EXPIRE_WORKERS: Final = "DELETE FROM telemetry.pool_worker_latest WHERE ts < %s"
_EXPIRE_CONNECTIONS: Final = """
DELETE FROM telemetry.pool_worker_latest AS old WHERE old.ts < %s AND EXISTS (
    SELECT FROM telemetry.pool_worker_latest AS newer
    WHERE (newer.account_id, newer.worker) = (old.account_id, old.worker) AND newer.ts > old.ts)
"""


_OVER_DAYS: Final = 1
"""A pool's connection that went silent for so long, while a newer has its name, is over."""


class Maintenance(Protocol):
    """What the two dialects do differently. Connections are in autocommit, in the owner's role."""

    async def ensure_ahead(
        self, connection: Connection, *, now: datetime, ahead: timedelta
    ) -> None:
        """Room for the rows to come."""

    async def expire(
        self, connection: Connection, *, now: datetime, keep: dict[str, timedelta]
    ) -> None:
        """Drop what has been kept long enough."""

    async def refresh(self, connection: Connection, *, now: datetime) -> None:
        """Bring the rollups up to date with what writers have marked."""


def maintenance_of(dialect: StorageDialect) -> Maintenance:
    """The upkeep of a dialect."""
    if dialect is StorageDialect.TIMESCALE:
        return TimescaleMaintenance()
    return PostgresMaintenance()


class Upkeep:
    """Does all upkeep, again and again, while no other replica does.

    Args:
        settings: how often, and how long rows stay.
        pool: connections in the owner's role.
        maintenance: of the database's dialect.
        clock: tells what is old.
    """

    def __init__(
        self, settings: SinkSettings, pool: Pool, maintenance: Maintenance, clock: Clock
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._maintenance = maintenance
        self._clock = clock
        self._failing: dict[str, str] = {}
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Go on until cancelled. What fails is logged once and tried again at the next turn."""
        while True:
            heed_cancellation()
            await self._guarded("turn", self.turn)
            await asyncio.sleep(self._settings.maintenance_every_s)

    async def turn(self) -> bool:
        """Do everything once.

        Returns:
            False when another replica is at it.

        Raises:
            StoreUnavailableError: the database is away.
        """
        with store_errors():
            async with self._pool.connection() as connection:
                row = await (
                    await connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,))
                ).fetchone()
                if row != (True,):
                    return False
                try:
                    await self._tasks(connection)
                finally:
                    if not connection.closed:
                        await connection.execute("SELECT pg_advisory_unlock(%s)", (_LOCK,))
        return True

    async def _tasks(self, connection: Connection) -> None:
        settings, now = self._settings, self._clock.now()
        ahead = timedelta(days=settings.ahead_days)

        async def windows() -> None:
            changed = await recompute(
                connection,
                usual_s=settings.window_s,
                settle=timedelta(seconds=settings.settle_s),
                now=now,
            )
            if changed:
                self._log.info("windows_revised", count=changed)

        async def small_tables() -> None:
            for statement, days in (
                (_EXPIRE_LETTERS, settings.keep_dead_letter_days),
                (_EXPIRE_GAPS, settings.keep_gap_days),
                (_EXPIRE_WORKERS, settings.keep_pool_worker_days),
                (_EXPIRE_CONNECTIONS, _OVER_DAYS),
            ):
                await connection.execute(statement, (now - timedelta(days=days),))

        keep = settings.keep.table
        for name, task in (
            ("ahead", lambda: self._maintenance.ensure_ahead(connection, now=now, ahead=ahead)),
            ("windows", windows),
            ("refresh", lambda: self._maintenance.refresh(connection, now=now)),
            ("expire", lambda: self._maintenance.expire(connection, now=now, keep=keep)),
            ("small_tables", small_tables),
        ):
            began_s = self._clock.monotonic()
            await self._guarded(name, task)
            histogram("minestream_maintenance_seconds").labels(name).observe(
                self._clock.monotonic() - began_s
            )

    async def _guarded(self, name: str, task: "Task") -> None:
        try:
            with unit_of_work(), store_errors():
                await task()
        except MinestreamError as exc:
            if exc.disposition is Disposition.CRASH:
                raise
            if self._failing.get(name) != exc.kind:
                self._log.warning("upkeep_failed", task=name, error_type=exc.kind, reason=str(exc))
            self._failing[name] = exc.kind
        else:
            if self._failing.pop(name, None) is not None:
                self._log.info("upkeep_works_again", task=name)


class Task(Protocol):
    """One piece of upkeep."""

    async def __call__(self) -> object:
        """Do it."""
