"""Telemetry rebuilt from polls: into a schema of its own, through the dialects alone."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from psycopg import errors

from archiver.adapters.replay import statements
from archiver.adapters.replay.tables import TABLES, Row, Table
from minestream_dialects import Normalised
from minestream_runtime.database import Connection, Role, store_errors
from minestream_runtime.errors import ConfigurationError, StoreRejectedError
from minestream_schemas.raw import RawMiner

Types = dict[str, list[int]]
_GATHERED: Final = 1000
"""Polls in one transaction."""


@dataclass(slots=True)
class Built:
    """What has become of the polls.

    Args:
        polls: how many.
        rows: written, by table; what was there already does not count.
        refused: polls whose rows the database does not take.
    """

    polls: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    refused: int = 0


async def prepare(connection: Connection, schema: str, *, replace: bool, about: str) -> Types:
    """Make the schema.

    Args:
        connection: in the owner's role.
        schema: its name.
        replace: drop an older replay of that name.
        about: for its comment.

    Returns:
        the types of each table's columns.

    Raises:
        ConfigurationError: the name is taken, or there is nothing to compare with.
        StoreUnavailableError: the database is away.
    """
    with store_errors():
        found = await (await connection.execute(statements.MARK_OF, (schema,))).fetchone()
        if found is not None and not found[0].startswith(statements.MARK):
            raise ConfigurationError(
                f"the schema {schema} is there and no replay made it: choose another name"
            )
        if found is not None and not replace:
            raise ConfigurationError(
                f"the schema {schema} is there: --replace builds it anew, --schema names another"
            )
        try:
            async with connection.transaction():
                drop = found is not None
                for statement in statements.make_schema(schema, replace=drop, about=about):
                    await connection.execute(statement)
                for table in TABLES:
                    for statement in statements.make_table(schema, table):
                        await connection.execute(statement)
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as exc:
            raise ConfigurationError(
                f"the schema telemetry_v1 is not there or not up to date: run `minestream migrate` "
                f"({exc.diag.message_primary})"
            ) from exc
        except errors.InsufficientPrivilege as exc:
            raise ConfigurationError(
                f"{Role.OWNER} may not make a schema in this database: run `minestream migrate`"
            ) from exc
        types = {}
        for table in TABLES:
            rows = await (
                await connection.execute(statements.COLUMN_TYPES, (f"{schema}.{table.name}",))
            ).fetchall()
            known = dict(rows)
            types[table.name] = [known[column] for column in table.columns]
        return types


async def rebuild(
    connection: Connection,
    schema: str,
    types: Types,
    batches: Iterable[Sequence[RawMiner]],
    *,
    read: Callable[[RawMiner], Normalised],
    progress: Callable[[], object],
) -> Built:
    """Write what polls say.

    Args:
        connection: in the owner's role.
        schema: where to.
        types: of ``prepare``.
        batches: the polls.
        read: what one poll says.
        progress: called after each batch.

    Raises:
        StoreUnavailableError: the database went away; build it anew.
    """
    built = Built()
    gathered: list[RawMiner] = []
    for batch in batches:
        gathered += batch
        if len(gathered) >= _GATHERED:
            await _write(connection, schema, types, [read(poll) for poll in gathered], built)
            gathered = []
        progress()
    await _write(connection, schema, types, [read(poll) for poll in gathered], built)
    return built


async def _write(
    connection: Connection, schema: str, types: Types, said: Sequence[Normalised], built: Built
) -> None:
    """Write what polls say; of those that the database refuses, find the culprits by halving."""
    if not said:
        return
    rows = {table.name: [row for each in said for row in table.rows(each)] for table in TABLES}
    try:
        with store_errors():
            async with connection.transaction():
                for table in TABLES:
                    count = await _put(
                        connection, schema, table, types[table.name], rows[table.name]
                    )
                    built.rows[table.name] += count
    except StoreRejectedError:
        if len(said) == 1:
            built.refused += 1
            built.polls += 1
            return
        middle = len(said) // 2
        await _write(connection, schema, types, said[:middle], built)
        await _write(connection, schema, types, said[middle:], built)
        return
    built.polls += len(said)


async def _put(
    connection: Connection, schema: str, table: Table, types: list[int], rows: list[Row]
) -> int:
    if not rows:
        return 0
    async with connection.cursor() as cursor:
        async with cursor.copy(statements.copy(table)) as copy:
            copy.set_types(types)
            for row in rows:
                await copy.write_row(row)
        await cursor.execute(statements.settle(schema, table))
        return cursor.rowcount
