"""Upkeep of plain PostgreSQL: partitions made ahead and dropped whole, rollups by hand."""

from datetime import datetime, timedelta
from typing import Final

from psycopg import sql

from minestream_runtime.database import Connection

_RELATIONS: Final = "SELECT relation, step FROM telemetry.storage ORDER BY relation"
_ENSURE: Final = "SELECT telemetry.ensure_partitions(%s, %s, %s)"
_NOTE_DROPPED: Final = """
UPDATE telemetry.storage
SET dropped_before = greatest(dropped_before, date_bin(step, %(until)s, '2000-01-03 00:00+00'))
WHERE relation = %(relation)s
"""
_EXPIRED: Final = """
SELECT c.relname, i.inhdetachpending
FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
JOIN telemetry.storage AS s ON s.relation = %(relation)s
WHERE i.inhparent = format('telemetry.%%I', %(relation)s::text)::regclass
  AND (i.inhdetachpending OR
       to_date(right(c.relname, 8), 'YYYYMMDD')::timestamp AT TIME ZONE 'UTC' + s.step <= %(until)s)
ORDER BY c.relname
"""
_LEFT_OVER: Final = """
SELECT c.relname FROM pg_class AS c
WHERE c.relnamespace = 'telemetry'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
  AND c.relname ~ ('^' || %(relation)s || '_p[0-9]{8}$')
"""
_HOURS: Final = "SELECT DISTINCT at FROM telemetry.dirty_bucket WHERE kind = 'hour' ORDER BY at"
_DAYS: Final = "SELECT DISTINCT at FROM telemetry.dirty_bucket WHERE kind = 'day' ORDER BY at"
_POOL_HOURS: Final = (
    "SELECT DISTINCT at FROM telemetry.dirty_bucket WHERE kind = 'pool_hour' ORDER BY at"
)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_TAKE: Final = "DELETE FROM telemetry.dirty_bucket WHERE kind = %s AND at = %s"
_MARK_DAY: Final = "INSERT INTO telemetry.dirty_bucket (kind, at) VALUES ('day', %s)"


class PostgresMaintenance:
    """See ``Maintenance``."""

    async def ensure_ahead(
        self, connection: Connection, *, now: datetime, ahead: timedelta
    ) -> None:
        """Make each table's partitions from now to ``ahead`` of it."""
        for relation, _ in await _relations(connection):
            await connection.execute(_ENSURE, (relation, now, now + ahead))

    async def expire(
        self, connection: Connection, *, now: datetime, keep: dict[str, timedelta]
    ) -> None:
        """Detach partitions that lie wholly before what is kept, without locking readers, and drop.

        What has been dropped is noted first, so that nothing is ever computed from the rest.
        """
        for relation, _ in await _relations(connection):
            known = {"relation": relation, "until": now - keep[relation]}
            await connection.execute(_NOTE_DROPPED, known)
            expired = await (await connection.execute(_EXPIRED, known)).fetchall()
            for partition, pending in expired:
                await connection.execute(_detach(relation, partition, pending=pending))
            for (table,) in await (await connection.execute(_LEFT_OVER, known)).fetchall():
                await connection.execute(
                    sql.SQL("DROP TABLE telemetry.{}").format(sql.Identifier(table))
                )

    async def refresh(self, connection: Connection, *, now: datetime) -> None:  # noqa: ARG002 - see the protocol
        """Compute marked hours again, then their days.

        Marks are taken before the rows are read, in one transaction: a row that comes later brings
        a mark of its own.
        """
        for (hour_at,) in await (await connection.execute(_HOURS)).fetchall():
            async with connection.transaction():
                await connection.execute(_TAKE, ("hour", hour_at))
                await _roll_up(connection, "reading_hourly", "refresh_hour", hour_at, _HOUR)
                await _roll_up(connection, "earning_hourly", "refresh_earning_hour", hour_at, _HOUR)
                await connection.execute(_MARK_DAY, (hour_at.replace(hour=0),))
        for (day_at,) in await (await connection.execute(_DAYS)).fetchall():
            async with connection.transaction():
                await connection.execute(_TAKE, ("day", day_at))
                await _roll_up(connection, "reading_daily", "refresh_day", day_at, _DAY)
                await _roll_up(connection, "earning_daily", "refresh_earning_day", day_at, _DAY)
        for (hour_at,) in await (await connection.execute(_POOL_HOURS)).fetchall():
            async with connection.transaction():
                await connection.execute(_TAKE, ("pool_hour", hour_at))
                await _roll_up(
                    connection, "pool_worker_hourly", "refresh_pool_hour", hour_at, _HOUR
                )


async def _roll_up(
    connection: Connection, rollup: str, function: str, since: datetime, length: timedelta
) -> None:
    await connection.execute(_ENSURE, (rollup, since, since + length))
    await connection.execute(
        sql.SQL("SELECT telemetry.{}(%s)").format(sql.Identifier(function)), (since,)
    )


def _detach(relation: str, partition: str, *, pending: bool) -> sql.Composed:
    return sql.SQL("ALTER TABLE telemetry.{} DETACH PARTITION telemetry.{} {}").format(
        sql.Identifier(relation),
        sql.Identifier(partition),
        sql.SQL("FINALIZE" if pending else "CONCURRENTLY"),
    )


async def _relations(connection: Connection) -> list[tuple[str, timedelta]]:
    return await (await connection.execute(_RELATIONS)).fetchall()
