"""Upkeep of TimescaleDB: its own jobs do most; we drop old chunks, refresh old hours, and watch."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from minestream_runtime.database import Connection

POLICY_LOOKS_BACK: Final = timedelta(days=3)
"""How far the rollups' own policies refresh (0003_rollup.timescale.sql)."""
_NOTE_DROPPED: Final = """
UPDATE telemetry.storage
SET dropped_before = greatest(dropped_before, date_bin(step, %(until)s, '2000-01-03 00:00+00'))
WHERE relation = %(relation)s
"""
_RELATIONS: Final = "SELECT relation FROM telemetry.storage ORDER BY relation"
_DROP: Final = """
SELECT drop_chunks(format('telemetry.%%I', %(relation)s::text)::regclass, older_than => %(until)s)
"""
_HOURS: Final = """
SELECT d.at, max(d.mark),
       d.at >= (SELECT dropped_before FROM telemetry.storage WHERE relation = %s)
FROM telemetry.dirty_bucket AS d WHERE d.kind = %s GROUP BY d.at ORDER BY d.at
"""
_TAKE: Final = "DELETE FROM telemetry.dirty_bucket WHERE kind = %s AND at = %s AND mark <= %s"
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
_ROLLED_UP: Final = {
    ("hour", "reading"): (
        ("telemetry.reading_hourly", _HOUR),
        ("telemetry.reading_daily", _DAY),
        ("telemetry.earning_hourly", _HOUR),
        ("telemetry.earning_daily", _DAY),
    ),
    ("pool_hour", "pool_worker"): (("telemetry.pool_worker_hourly", _HOUR),),
}
"""By kind of mark and the table it is of: its rollups, in the order they follow from each other."""
_REFRESH: Final = (
    "CALL refresh_continuous_aggregate(%s::regclass, %s::timestamptz, %s::timestamptz)"
)
_FAILED: Final = """
SELECT j.job_id, j.proc_name, s.total_failures
FROM timescaledb_information.job_stats AS s JOIN timescaledb_information.jobs AS j USING (job_id)
WHERE s.last_run_status = 'Failed' AND j.owner::text = current_user
"""


class TimescaleMaintenance:
    """See ``Maintenance``."""

    def __init__(self) -> None:
        self._failed: set[int] = set()
        self._log = structlog.get_logger()

    async def ensure_ahead(
        self, connection: Connection, *, now: datetime, ahead: timedelta
    ) -> None:
        """Chunks make themselves; this looks after the jobs that pack and refresh them."""
        del now, ahead
        failed = await (await connection.execute(_FAILED)).fetchall()
        for job_id, name, failures in failed:
            if job_id not in self._failed:
                self._log.error("storage_job_failed", job=job_id, task=name, failures=failures)
        self._failed = {job_id for job_id, *_ in failed}

    async def expire(
        self, connection: Connection, *, now: datetime, keep: dict[str, timedelta]
    ) -> None:
        """Drop chunks that lie wholly before what is kept; note it first."""
        for (relation,) in await (await connection.execute(_RELATIONS)).fetchall():
            known = {"relation": relation, "until": now - keep[relation]}
            await connection.execute(_NOTE_DROPPED, known)
            await connection.execute(_DROP, known)

    async def refresh(self, connection: Connection, *, now: datetime) -> None:
        """Refresh marked hours, and their days, that the policies no longer look back to.

        Never over dropped readings: that would erase what the rollup knows of them.
        """
        for (kind, relation), rollups in _ROLLED_UP.items():
            marked = await (await connection.execute(_HOURS, (relation, kind))).fetchall()
            for hour_at, mark, whole in marked:
                if whole and hour_at < now - POLICY_LOOKS_BACK + _HOUR:
                    for rollup, length in rollups:
                        since = hour_at if length == _HOUR else hour_at.replace(hour=0)
                        await connection.execute(_REFRESH, (rollup, since, since + length))
                await connection.execute(_TAKE, (kind, hour_at, mark))
