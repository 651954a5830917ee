"""Brings schemas up to date: numbered SQL, each file once, in TimescaleDB's words or plain ones.

``NNNN_name.sql`` runs everywhere, ``NNNN_name.timescale.sql`` and ``NNNN_name.postgres.sql`` only
in their dialect. The dialect is decided once for a database and then stands.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources.abc import Traversable
from typing import Any, Final

import psycopg
from psycopg import sql

from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.database.pool import Pool, Role, store_errors
from minestream_runtime.errors import ConfigurationError, StoreUnavailableError
from minestream_runtime.settings import Settings

_LOCK: Final = 0x4D696E65  # "Mine"
_OLDEST_TIMESCALE: Final = (2, 18)
_LEDGER: Final = """
CREATE SCHEMA IF NOT EXISTS minestream;
CREATE TABLE IF NOT EXISTS minestream.migration (
    owner text NOT NULL, name text NOT NULL, sha256 text NOT NULL, dialect text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (owner, name));
GRANT USAGE ON SCHEMA minestream TO minestream_owner, minestream_writer, minestream_reader;
GRANT SELECT ON minestream.migration TO minestream_owner, minestream_writer, minestream_reader;
"""


class StorageDialect(StrEnum):
    """Which words the database understands."""

    TIMESCALE = "timescale"
    POSTGRES = "postgres"


@dataclass(frozen=True, slots=True)
class Migrations:
    """One owner's migrations. Registered as entry points of group ``minestream.migrations``.

    Args:
        owner: whose schema they make; also their order: names are sorted.
        folder: where the SQL files are.
    """

    owner: str
    folder: Traversable

    def files(self, dialect: StorageDialect) -> Iterator[tuple[str, str]]:
        """Name and text of each file that counts in ``dialect``, in order."""
        for entry in sorted(self.folder.iterdir(), key=lambda entry: entry.name):
            stem, _, kind = entry.name.removesuffix(".sql").partition(".")
            if entry.name.endswith(".sql") and kind in {"", dialect.value}:
                yield f"{stem}{'.' if kind else ''}{kind}", entry.read_text()


async def migrate(settings: Settings, owners: Iterable[Migrations]) -> list[str]:
    """Apply what is missing. Any number may run at once: one works, the others wait.

    Args:
        settings: where the database is; its login must be allowed to create roles and schemas.
        owners: whose migrations.

    Returns:
        ``owner/name`` of each file that was applied now.

    Raises:
        ConfigurationError: an applied file has been edited, or the dialect has changed.
        StoreUnavailableError: the database is away.
    """
    with store_errors():
        async with await psycopg.AsyncConnection.connect(
            settings.database_url.get_secret_value(), autocommit=True, connect_timeout=5
        ) as connection:
            await connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            await connection.execute("SELECT set_config('timezone', 'UTC', false)")
            dialect = await _prepare(connection)
            done = []
            for migrations in sorted(owners, key=lambda each: each.owner):
                done += await _apply(connection, migrations, dialect)
            return done


async def storage_dialect(pool: Pool, owner: str) -> StorageDialect:
    """The dialect that an owner's schema was made in. Waits while the database is away.

    Args:
        pool: connections in any role.
        owner: whose migrations.

    Raises:
        ConfigurationError: its migrations have not been applied.
    """
    backoff = Backoff()
    while True:
        heed_cancellation()
        try:
            with store_errors():
                async with pool.connection() as connection:
                    row = await (
                        await connection.execute(
                            "SELECT max(dialect) FROM minestream.migration WHERE owner = %s",
                            (owner,),
                        )
                    ).fetchone()
            break
        except StoreUnavailableError:
            await asyncio.sleep(backoff.next_s())
        except psycopg.errors.UndefinedTable:
            row = None
            break
    heed_cancellation()
    if row is None or row[0] is None:
        raise ConfigurationError(f"the schema {owner} is not there: run `minestream migrate`")
    return StorageDialect(row[0])


async def detect(connection: psycopg.AsyncConnection[Any]) -> StorageDialect:
    """Which dialect this database can speak; leaves TimescaleDB's extension there if it is that.

    TimescaleDB counts from 2.18 on and under its full licence: packages of the Apache edition
    have neither columnstore nor continuous aggregates. The licence can only be asked once the
    extension is loaded.
    """
    row = await (
        await connection.execute(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb' AND "
            "current_setting('shared_preload_libraries') LIKE '%timescaledb%'"
        )
    ).fetchone()
    if row is None or _version(row[0]) < _OLDEST_TIMESCALE:
        return StorageDialect.POSTGRES
    async with connection.transaction():
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
        licence = await (
            await connection.execute("SELECT current_setting('timescaledb.license', true)")
        ).fetchone()
        if licence == ("timescale",):
            return StorageDialect.TIMESCALE
        raise psycopg.Rollback
    return StorageDialect.POSTGRES


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("-", maxsplit=1)[0].split(".")[:2])


async def _prepare(connection: psycopg.AsyncConnection[Any]) -> StorageDialect:
    for role in Role:
        await connection.execute(
            sql.SQL(
                "DO $$ BEGIN CREATE ROLE {role} NOLOGIN; "
                "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            ).format(role=sql.Identifier(role))
        )
        await connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(role)))
    await connection.execute(_LEDGER)
    database = connection.info.dbname
    await connection.execute(
        sql.SQL("GRANT CREATE ON DATABASE {} TO {}").format(
            sql.Identifier(database), sql.Identifier(Role.OWNER)
        )
    )
    dialect = await detect(connection)
    rows = await (
        await connection.execute("SELECT DISTINCT dialect FROM minestream.migration")
    ).fetchall()
    for (stood,) in rows:
        if stood != dialect:
            raise ConfigurationError(
                f"this database was set up as {stood} and now speaks {dialect}: "
                "move the data with dump and restore into a fresh database"
            )
    if dialect is StorageDialect.TIMESCALE:
        # its jobs run as their owner, which must be a login; without a password nobody else can be
        await connection.execute(
            sql.SQL("ALTER ROLE {} LOGIN PASSWORD NULL").format(sql.Identifier(Role.OWNER))
        )
    return dialect


async def _apply(
    connection: psycopg.AsyncConnection[Any], migrations: Migrations, dialect: StorageDialect
) -> list[str]:
    rows = await (
        await connection.execute(
            "SELECT name, sha256 FROM minestream.migration WHERE owner = %s", (migrations.owner,)
        )
    ).fetchall()
    known = dict(rows)
    done = []
    for name, text in migrations.files(dialect):
        digest = hashlib.sha256(text.encode()).hexdigest()
        if name in known:
            if known[name] != digest:
                raise ConfigurationError(
                    f"migration {migrations.owner}/{name} was edited after it had been applied: "
                    "restore it and add a new file"
                )
            continue
        async with connection.transaction():
            await connection.execute(
                sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(Role.OWNER))
            )
            await connection.execute(text.encode())
            await connection.execute("RESET ROLE")
            await connection.execute(
                "INSERT INTO minestream.migration (owner, name, sha256, dialect) "
                "VALUES (%s, %s, %s, %s)",
                (migrations.owner, name, digest, dialect.value),
            )
        done.append(f"{migrations.owner}/{name}")
    return done
