"""The write path's SQL, made from the contract's column names."""

from typing import Final

from psycopg import sql
from psycopg.sql import Composed

from timescale_sink.domain import tables
from timescale_sink.domain.tables import Latest, Table

ENSURE_PARTITION: Final = """
SELECT telemetry.ensure_partitions(%s, %s::timestamptz, %s::timestamptz + interval '1 day')
"""
COLUMN_TYPES: Final = """
SELECT c.relname, a.attname, a.atttypid FROM pg_attribute AS a
JOIN pg_class AS c ON c.oid = a.attrelid
WHERE c.relnamespace = pg_my_temp_schema() AND c.relname LIKE 'stage\\_%'
  AND a.attnum > 0 AND NOT a.attisdropped
"""
PUT_GAP: Final = sql.SQL(
    """
INSERT INTO telemetry.gap AS kept ({columns}) VALUES ({values})
ON CONFLICT (gap_id) DO UPDATE SET
    event_id = CASE WHEN {later} THEN excluded.event_id ELSE kept.event_id END,
    reported_by = CASE WHEN {later} THEN excluded.reported_by ELSE kept.reported_by END,
    ended_at = greatest(kept.ended_at, excluded.ended_at),
    filled = kept.filled OR excluded.filled,
    lost_total = greatest(kept.lost_total, excluded.lost_total)
"""
).format(
    columns=sql.SQL(", ").join(map(sql.Identifier, tables.GAP_COLUMNS)),
    values=sql.SQL(", ").join(map(sql.Placeholder, tables.GAP_COLUMNS)),
    later=sql.SQL(
        "excluded.ended_at IS NOT NULL "
        "AND (kept.ended_at IS NULL OR excluded.ended_at > kept.ended_at)"
    ),
)
PUT_LETTER: Final = """
INSERT INTO telemetry.dead_letter (service, source_topic, source_partition, source_offset, kind,
    reason, at, key, value, headers)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


def _names(columns: tuple[str, ...], prefix: str = "") -> Composed:
    return sql.SQL(", ").join(sql.SQL(prefix) + sql.Identifier(column) for column in columns)


def stage_name(table: Table) -> str:
    """The temporary table that a table's rows are copied into first."""
    return f"stage_{table.name}"


def make_stage(table: Table) -> Composed:
    """Create the stage of a table; it is emptied at each commit."""
    like = "latest" if table is tables.READING else table.name
    return sql.SQL(
        "CREATE TEMP TABLE {stage} (LIKE telemetry.{like} INCLUDING DEFAULTS) ON COMMIT DELETE ROWS"
    ).format(stage=sql.Identifier(stage_name(table)), like=sql.Identifier(like))


def copy_into_stage(table: Table) -> Composed:
    """Fill the stage."""
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(stage_name(table)), _names(table.columns)
    )


def _append(table: Table) -> Composed:
    return sql.SQL(
        "WITH fresh AS (INSERT INTO telemetry.{table} ({columns}{stamp}) "
        "SELECT {columns}{now} FROM {stage} ON CONFLICT DO NOTHING RETURNING {at}){marks} "
        "SELECT count(*) FROM fresh"
    ).format(
        table=sql.Identifier(table.name),
        columns=_names(table.columns),
        stamp=sql.SQL(", stored_at" if table.stamped else ""),
        now=sql.SQL(", clock_timestamp()" if table.stamped else ""),
        stage=sql.Identifier(stage_name(table)),
        at=sql.Identifier(table.at),
        marks=sql.SQL(
            ", hours AS (INSERT INTO telemetry.dirty_bucket (kind, at) "
            "SELECT DISTINCT {kind}, date_bin('1 hour', {at}, 'epoch') FROM fresh)"
        ).format(kind=sql.Literal(table.marks), at=sql.Identifier(table.at))
        if table.marks
        else sql.SQL(""),
    )


def _keep_latest(table: Table, latest: Latest) -> Composed:
    return sql.SQL(
        "INSERT INTO telemetry.{kept} AS kept ({columns}) "
        "SELECT DISTINCT ON ({key}) {columns} FROM {stage} ORDER BY {key}, {newest_first} "
        "ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ROW ({excluded}) "
        "WHERE ({offered}) > ({known})"
    ).format(
        kept=sql.Identifier(f"{table.name}_latest"),
        columns=_names(table.columns),
        stage=sql.Identifier(stage_name(table)),
        key=_names(latest.key),
        newest_first=sql.SQL(", ").join(
            sql.Identifier(column) + sql.SQL(" DESC") for column in latest.by
        ),
        excluded=_names(table.columns, "excluded."),
        offered=_names(latest.by, "excluded."),
        known=_names(latest.by, "kept."),
    )


def _append_or_renew(table: Table) -> Composed:
    """Append; a row that is there already takes what a later message says otherwise."""
    said = tuple(column for column in table.columns if column not in {*table.again, "raw_event_id"})
    return sql.SQL(
        "WITH fresh AS (INSERT INTO telemetry.{table} AS kept ({columns}) "
        "SELECT DISTINCT ON ({key}) {columns} FROM {stage} ORDER BY {key}, raw_event_id DESC "
        "ON CONFLICT ({key}) DO UPDATE SET ({columns}) = ROW ({excluded}) "
        "WHERE excluded.raw_event_id > kept.raw_event_id "
        "AND ({offered}) IS DISTINCT FROM ({known}) RETURNING 1) SELECT count(*) FROM fresh"
    ).format(
        table=sql.Identifier(table.name),
        columns=_names(table.columns),
        stage=sql.Identifier(stage_name(table)),
        key=_names(table.again),
        excluded=_names(table.columns, "excluded."),
        offered=_names(said, "excluded."),
        known=_names(said, "kept."),
    )


def _one_row_each(table: Table) -> tuple[Composed, ...]:
    if table.again:
        return (_append_or_renew(table),)
    if table.latest is None:
        return (_append(table),)
    return _append(table), _keep_latest(table, table.latest)


_APPEND_READINGS: Final = sql.SQL(
    """
WITH fresh AS (
    INSERT INTO telemetry.reading ({columns}, stored_at)
    SELECT {columns}, clock_timestamp() FROM stage_reading
    ON CONFLICT DO NOTHING RETURNING miner_id, ts, quality_flags
), hours AS (
    INSERT INTO telemetry.dirty_bucket (kind, at)
    SELECT DISTINCT 'hour', date_bin('1 hour', ts, 'epoch') FROM fresh
), late AS (
    INSERT INTO telemetry.dirty_bucket (kind, miner_id, at)
    SELECT 'window', f.miner_id, f.ts
    FROM fresh AS f LEFT JOIN telemetry.watermark AS w USING (miner_id)
    WHERE 'late' = ANY (f.quality_flags) OR f.ts < w.window_end_at
)
SELECT count(*) FROM fresh
"""
).format(columns=_names(tables.READING_COLUMNS))

_UPSERT_LATEST: Final = sql.SQL(
    """
INSERT INTO telemetry.latest AS kept ({columns}, boards, stored_at, answered_at)
SELECT DISTINCT ON (s.miner_id) {staged}, s.boards, clock_timestamp(), a.answered_at
FROM stage_reading AS s JOIN (
    SELECT miner_id, max(ts) FILTER (WHERE hashrate_hs IS NOT NULL) AS answered_at
    FROM stage_reading GROUP BY miner_id) AS a USING (miner_id)
ORDER BY s.miner_id, s.ts DESC, s.event_id DESC
ON CONFLICT (miner_id) DO UPDATE SET
    ({columns}, boards, stored_at) = ROW ({excluded}, excluded.boards, excluded.stored_at),
    answered_at = greatest(kept.answered_at, excluded.answered_at)
WHERE (excluded.ts, excluded.event_id) > (kept.ts, kept.event_id)
"""
).format(
    columns=_names(tables.READING_COLUMNS),
    staged=_names(tables.READING_COLUMNS, "s."),
    excluded=_names(tables.READING_COLUMNS, "excluded."),
)

_ANSWERED: Final = sql.SQL(
    """
UPDATE telemetry.latest AS kept SET answered_at = a.answered_at
FROM (SELECT miner_id, max(ts) AS answered_at FROM stage_reading
      WHERE hashrate_hs IS NOT NULL GROUP BY miner_id) AS a
WHERE kept.miner_id = a.miner_id
  AND (kept.answered_at IS NULL OR kept.answered_at < a.answered_at)
"""
)

_UPSERT_WINDOWS: Final = sql.SQL(
    """
WITH offered AS (
    SELECT DISTINCT ON (miner_id, window_start_at, window_s) * FROM stage_window
    ORDER BY miner_id, window_start_at, window_s, revision DESC
), beaten AS (
    INSERT INTO telemetry.dirty_bucket (kind, miner_id, at)
    SELECT 'window', o.miner_id, o.window_start_at
    FROM offered AS o JOIN telemetry."window" AS k USING (miner_id, window_start_at, window_s)
    WHERE k.revision > o.revision
), ends AS (
    INSERT INTO telemetry.watermark AS kept (miner_id, window_end_at)
    SELECT miner_id, max(window_start_at + make_interval(secs => window_s))
    FROM offered GROUP BY miner_id ORDER BY miner_id
    ON CONFLICT (miner_id) DO UPDATE SET window_end_at = excluded.window_end_at
    WHERE excluded.window_end_at > kept.window_end_at
), written AS (
    INSERT INTO telemetry."window" AS kept ({columns}) SELECT {columns} FROM offered
    ON CONFLICT (miner_id, window_start_at, window_s) DO UPDATE SET
        ({columns}) = ROW ({excluded})
    WHERE excluded.revision > kept.revision
    RETURNING 1
)
SELECT count(*) FROM written
"""
).format(columns=_names(tables.WINDOW.columns), excluded=_names(tables.WINDOW.columns, "excluded."))

_EACH: Final = [table for table in tables.EVENTS.values() if table is not tables.WINDOW]
FROM_STAGE: Final[dict[Table, tuple[Composed, ...]]] = {
    tables.RAW_EVENT: (_append(tables.RAW_EVENT),),
    tables.BOARD: (_append(tables.BOARD),),
    tables.CHIP_SAMPLE: (_append(tables.CHIP_SAMPLE),),
    **{table: _one_row_each(table) for table in _EACH},
    tables.READING: (_APPEND_READINGS, _UPSERT_LATEST, sql.Composed([_ANSWERED])),
    tables.WINDOW: (_UPSERT_WINDOWS,),
}
"""What moves each table's rows from its stage; the first statement counts the rows written.

In this order: readings late, so that their ``stored_at`` is near the commit; but before windows,
else each reading of a window that closes in the same batch would look late.
"""
