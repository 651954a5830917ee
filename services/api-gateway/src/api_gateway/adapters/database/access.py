"""Connections that carry what may be done with them in their type."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

import msgspec
from psycopg import errors, sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.rows import dict_row

from api_gateway.settings import GatewaySettings
from minestream_runtime.database import Role, open_pool, store_errors
from minestream_runtime.database.pool import Connection, Pool
from minestream_runtime.errors import StoreUnavailableError
from minestream_runtime.metrics import histogram

_WAIT_S: Final = 2.0
"""How long a request waits for a connection; then the database counts as away."""
_IMPORT_TIMEOUT_S: Final = 300.0


class SchemaMissingError(StoreUnavailableError):
    """The database is there and has not been migrated, or not as far as this program needs."""

    kind = "schema_missing"


class QueryTimeoutError(StoreUnavailableError):
    """The database was still at it when the statement's time was up."""

    kind = "query_timeout"


@asynccontextmanager
async def _connection(pool: Pool, what: str) -> AsyncIterator[Connection]:
    """A connection, and how long it was waited for and held under ``what``."""
    taken = histogram("minestream_database_seconds").labels(what).time()
    with store_errors(), taken:
        try:
            async with pool.connection(timeout=_WAIT_S) as connection:
                yield connection
        except errors.QueryCanceled as exc:
            raise QueryTimeoutError("the query took too long: ask for less") from exc
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName) as exc:
            raise SchemaMissingError(f"{exc.diag.message_primary}: run minestream migrate") from exc


class _Verbatim(Loader):
    """JSON goes out as it came: reading and writing it was half the work of a long answer."""

    def load(self, data: Buffer) -> msgspec.Raw:
        return msgspec.Raw(bytes(data))


@dataclass(frozen=True, slots=True)
class Reader:
    """May read the contract schemas: ``fleet_v1``, ``telemetry_v1``, ``alerting_v1``; no others."""

    pool: Pool

    async def rows(
        self, query: LiteralString | sql.Composed, parameters: Mapping[str, object] | None = None
    ) -> list[dict[str, Any]]:
        """The rows of one statement, by column name; a ``jsonb`` is a ``msgspec.Raw``.

        Raises:
            QueryTimeoutError: it took too long.
            SchemaMissingError: the database has not been migrated.
            StoreUnavailableError: the database is away.
            StoreRejectedError: a parameter is none that the database takes.
        """
        async with _connection(self.pool, "read") as connection:
            cursor = connection.cursor(row_factory=dict_row)
            cursor.adapters.register_loader("jsonb", _Verbatim)
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A transaction whose statements all see the same instant.

        Raises:
            QueryTimeoutError: a statement took too long.
            SchemaMissingError: the database has not been migrated.
            StoreUnavailableError: the database is away.
        """
        async with (
            _connection(self.pool, "snapshot") as connection,
            connection.transaction(),
        ):
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield connection


@dataclass(frozen=True, slots=True)
class Writer:
    """May read and write the fleet schema."""

    pool: Pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of one's own, in autocommit; errors come as ours."""
        async with _connection(self.pool, "write") as connection:
            yield connection


@asynccontextmanager
async def open_reader(settings: GatewaySettings) -> AsyncIterator[Reader]:
    """A reader with the settings' connections and statement timeout."""
    async with open_pool(
        settings,
        Role.READER,
        name="api-gateway read",
        most=settings.gateway_read_connections,
        statement_timeout_s=settings.gateway_statement_timeout_s,
    ) as pool:
        yield Reader(pool)


@asynccontextmanager
async def open_writer(settings: GatewaySettings) -> AsyncIterator[Writer]:
    """A writer whose statements may take as long as the import of a large fleet."""
    async with open_pool(
        settings, Role.WRITER, name="api-gateway write", statement_timeout_s=_IMPORT_TIMEOUT_S
    ) as pool:
        yield Writer(pool)
