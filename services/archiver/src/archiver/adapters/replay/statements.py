"""The replay's SQL, made from the tables' column names."""

from typing import Final

from psycopg import sql
from psycopg.sql import Composable, Composed

from archiver.adapters.replay.tables import NOT_SAID, Table

CONTRACT: Final = "telemetry_v1"
MARK: Final = "made by minestream replay"
"""Stands in the comment of every schema that a replay has made: only those are ever dropped."""

MARK_OF: Final = """
SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = %s
"""
COLUMN_TYPES: Final = """
SELECT attname, atttypid FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped
"""


def make_schema(schema: str, *, replace: bool, about: str) -> list[Composed]:
    """What makes a schema and its tables, whose types are those of the contract's views.

    Args:
        schema: its name.
        replace: drop what is there.
        about: for its comment.
    """
    name = sql.Identifier(schema)
    drop = [sql.SQL("DROP SCHEMA {} CASCADE").format(name)] if replace else []
    return [
        *drop,
        sql.SQL("CREATE SCHEMA {}").format(name),
        sql.SQL("COMMENT ON SCHEMA {} IS {}").format(name, sql.Literal(f"{MARK}: {about}")),
        sql.SQL("GRANT USAGE ON SCHEMA {} TO minestream_reader, minestream_writer").format(name),
    ]


def make_table(schema: str, table: Table) -> list[Composed]:
    """What makes one table, and the stage that its rows are copied into first."""
    ours = sql.Identifier(schema, table.name)
    return [
        sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(
            ours, _names(table.columns), sql.Identifier(CONTRACT, table.name)
        ),
        sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(ours, _names(table.key)),
        sql.SQL("GRANT SELECT ON {} TO minestream_reader, minestream_writer").format(ours),
        sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DELETE ROWS").format(_stage(table), ours),
    ]


def copy(table: Table) -> Composed:
    """Fill a table's stage."""
    return sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        _stage(table), _names(table.columns)
    )


def settle(schema: str, table: Table) -> Composed:
    """Move the stage's rows into the table; a poll that was published twice is one row."""
    return sql.SQL("INSERT INTO {} SELECT * FROM {} ON CONFLICT DO NOTHING").format(
        sql.Identifier(schema, table.name), _stage(table)
    )


def bounds(schema: str) -> Composed:
    """Of which miners, and of each from when to when, a replay has readings."""
    return sql.SQL(
        "CREATE TEMP TABLE bounds AS SELECT miner_id, min(ts) AS since_at, max(ts) AS until_at "
        "FROM {} GROUP BY miner_id"
    ).format(sql.Identifier(schema, "reading"))


SPAN: Final = "SELECT min(since_at), max(until_at), count(*) FROM bounds"
UNKNOWN_MINERS: Final = """
SELECT DISTINCT miner_id FROM telemetry_v1.reading AS kept
WHERE ts BETWEEN %s AND %s AND NOT EXISTS (SELECT FROM bounds WHERE miner_id = kept.miner_id)
ORDER BY miner_id
"""
"""Of miners that the lake does not know: those with readings in the time that it does."""


def oldest(table: Table) -> Composed:
    """Since when the database has rows like a table's; since when readings, if it has none."""
    return sql.SQL("SELECT coalesce((SELECT min(ts) FROM {}), (SELECT min(ts) FROM {}))").format(
        sql.Identifier(CONTRACT, table.name), sql.Identifier(CONTRACT, "reading")
    )


def checksums(schema: str, table: Table, *, by_miner: bool) -> Composed:
    """Rows and checksum of both sides, by day or, of one day, by miner.

    A checksum is the sum of the rows' hashes, so that their order plays no part. Parameters:
    ``since`` and ``until`` of all that is compared, or of the one day.
    """
    part = sql.SQL("miner_id" if by_miner else "(ts AT TIME ZONE 'UTC')::date")
    side = sql.SQL(
        "SELECT {part} AS part, count(*) AS n, sum(hashtextextended(({row})::text, 0)) AS total "
        "FROM {source} AS t WHERE ts >= %(since)s AND ts < %(until)s GROUP BY 1"
    )
    row = sql.SQL("ROW ({})").format(_physical(table))
    ours, theirs = (
        side.format(part=part, row=row, source=source) for source in _sides(schema, table)
    )
    return sql.SQL(
        "SELECT part, coalesce(ours.n, 0), coalesce(theirs.n, 0), ours.total, theirs.total "
        "FROM ({}) AS ours FULL JOIN ({}) AS theirs USING (part) ORDER BY part"
    ).format(ours, theirs)


def differences(schema: str, table: Table) -> Composed:
    """The rows of one miner and day that only one side has, or that say different things.

    Parameters: ``miner``, ``since``, ``until``, ``most``.
    """
    ours, theirs = (
        sql.SQL(
            "SELECT {key}, ROW (t.*)::text AS said, to_jsonb(t) AS told FROM ({rows}) AS t"
        ).format(
            key=_names(table.key),
            rows=sql.SQL(
                "SELECT {columns} FROM {source} AS s WHERE miner_id = %(miner)s "
                "AND ts >= %(since)s AND ts < %(until)s"
            ).format(columns=_physical(table, named=True), source=source),
        )
        for source in _sides(schema, table)
    )
    return sql.SQL(
        "SELECT ours.told, theirs.told FROM ({}) AS ours FULL JOIN ({}) AS theirs USING ({}) "
        "WHERE ours.said IS DISTINCT FROM theirs.said ORDER BY {} LIMIT %(most)s"
    ).format(ours, theirs, _names(table.key), _names(table.key))


def _sides(schema: str, table: Table) -> tuple[Composable, Composable]:
    """What a replay has, and what the contract shows of the same miners and times."""
    theirs = sql.SQL(
        "(SELECT kept.* FROM {} AS kept JOIN bounds USING (miner_id) "
        "WHERE kept.ts BETWEEN since_at AND until_at)"
    ).format(sql.Identifier(CONTRACT, table.name))
    return sql.Identifier(schema, table.name), theirs


def _physical(table: Table, *, named: bool = False) -> Composed:
    parts = []
    for column in table.columns:
        name = sql.Identifier(column)
        part: Composable = name
        if column in NOT_SAID:
            part = sql.SQL("array_remove({}, {})").format(name, sql.Literal(NOT_SAID[column]))
            if named:
                part = sql.SQL("{} AS {}").format(part, name)
        parts.append(part)
    return sql.SQL(", ").join(parts)


def _names(columns: tuple[str, ...]) -> Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _stage(table: Table) -> sql.Identifier:
    return sql.Identifier(f"stage_{table.name}")
