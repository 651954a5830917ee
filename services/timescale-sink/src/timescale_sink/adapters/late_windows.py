"""Windows that late readings touch, computed again from the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import sql
from psycopg.rows import dict_row

from minestream_runtime.database import Connection
from minestream_schemas.ids import derived_id
from minestream_schemas.window import TelemetryWindow

_MOST: Final = 2000
_ID: Final = ("event_id", "miner_id", "site_id", "window_start_at", "window_s", "revision")
_COUNTED: Final = (
    *("readings", "answered", "mining", "fan_rpm_min"),
    *("accepted_delta", "rejected_delta", "stale_delta", "hw_errors_delta"),
)
_MEASURED: Final = tuple(
    name for name in TelemetryWindow.model_fields if name not in {*_ID, *_COUNTED}
)
_TOUCHED: Final = """
SELECT * FROM telemetry.touched_windows(%s, %s::interval, %s::timestamptz, %s)
"""
_CHANGED: Final = sql.SQL(
    """
SELECT f.*, coalesce(k.revision, 0) + 1 AS revision
FROM unnest(%s::text[], %s::timestamptz[], %s::int[]) AS w (miner, start_at, size_s)
CROSS JOIN LATERAL telemetry.window_from_rows(
    w.size_s, w.start_at, w.start_at + interval '1 microsecond', w.miner) AS f
LEFT JOIN telemetry."window" AS k USING (miner_id, window_start_at, window_s)
WHERE w.start_at >= (SELECT dropped_before + interval '1 day' FROM telemetry.storage
                     WHERE relation = 'reading')
  AND (k.miner_id IS NULL OR (f.readings >= k.readings AND NOT ({same})))
"""
).format(
    same=sql.SQL(" AND ").join(
        [
            *(
                sql.SQL("f.{0} IS NOT DISTINCT FROM k.{0}").format(sql.Identifier(name))
                for name in _COUNTED
            ),
            *(
                sql.SQL("telemetry.same(f.{0}, k.{0})").format(sql.Identifier(name))
                for name in _MEASURED
            ),
        ]
    )
)
_COLUMNS: Final = tuple(TelemetryWindow.model_fields)
_REPLACE: Final = sql.SQL(
    """
INSERT INTO telemetry."window" AS kept ({columns}) VALUES ({values})
ON CONFLICT (miner_id, window_start_at, window_s) DO UPDATE SET ({columns}) = ROW ({excluded})
WHERE excluded.revision > kept.revision
"""
).format(
    columns=sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)),
    values=sql.SQL(", ").join(map(sql.Placeholder, _COLUMNS)),
    excluded=sql.SQL(", ").join(sql.SQL("excluded.") + sql.Identifier(c) for c in _COLUMNS),
)
_ENSURE: Final = "SELECT telemetry.ensure_partitions('window', %s, %s::timestamptz + interval '1s')"


@dataclass(frozen=True, slots=True)
class _Touched:
    mark: int
    miner_id: str
    window_start_at: datetime
    window_s: int
    closed: bool
    resolved: bool


async def recompute(
    connection: Connection, *, usual_s: int, settle: timedelta, now: datetime
) -> int:
    """Compute windows again that late readings touch, and write those that changed, revision + 1.

    A window with fewer readings in the table than it counts is left alone: the rest are still on
    their way, and mark it again when they come.

    Args:
        connection: in autocommit; its role may write the schema.
        usual_s: the windows' length for a miner that has none yet.
        settle: how long to wait for the processor's own window, and look after a mark.
        now: our clock.

    Returns:
        how many windows changed.
    """
    changed = 0
    while True:
        async with connection.transaction():
            rows = await (
                await connection.execute(_TOUCHED, (usual_s, settle, now, _MOST))
            ).fetchall()
            touched = [_Touched(*row) for row in rows]
            changed += await _revise(connection, touched)
            done = _done(touched)
            await connection.execute(
                "DELETE FROM telemetry.dirty_bucket WHERE mark = ANY (%s)", (done,)
            )
        if not done or len({one.mark for one in touched}) < _MOST:
            return changed


def _done(touched: Sequence[_Touched]) -> list[int]:
    waiting = {one.mark for one in touched if not (one.closed and one.resolved)}
    return sorted({one.mark for one in touched} - waiting)


async def _revise(connection: Connection, touched: Sequence[_Touched]) -> int:
    windows = sorted(
        {(one.miner_id, one.window_start_at, one.window_s) for one in touched if one.closed}
    )
    if not windows:
        return 0
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(_CHANGED, tuple(map(list, zip(*windows, strict=True))))
        changed = await cursor.fetchall()
        for row in changed:
            await cursor.execute(_ENSURE, (row["window_start_at"], row["window_start_at"]))
        if changed:
            await cursor.executemany(_REPLACE, [row | {"event_id": _id(row)} for row in changed])
    return len(changed)


def _id(row: dict[str, Any]) -> Any:
    start_at: datetime = row["window_start_at"]
    return derived_id(
        "window", row["miner_id"], start_at.isoformat(), row["window_s"], row["revision"]
    )
