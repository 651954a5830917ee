"""Connections that act under one of three roles, and errors in our own terms."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from minestream_runtime.errors import StoreRejectedError, StoreUnavailableError
from minestream_runtime.settings import Settings

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

_REJECTED = (
    errors.DataError,
    errors.IntegrityError,
    errors.ProgramLimitExceeded,  # a text too long for its index: an OperationalError by descent
    OverflowError,  # an integer past bigint: the driver's
    UnicodeEncodeError,
)
_AWAY = (
    psycopg.OperationalError,
    PoolTimeout,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)


class Role(StrEnum):
    """What a connection may do. Group roles: each login is a member of those it needs."""

    OWNER = "minestream_owner"
    """Migrates."""
    WRITER = "minestream_writer"
    """Inserts, updates, deletes, reads."""
    READER = "minestream_reader"
    """Reads the contract schemas."""


@asynccontextmanager
async def open_pool(
    settings: Settings, role: Role, *, name: str, most: int = 4, statement_timeout_s: float = 30
) -> AsyncIterator[Pool]:
    """A pool whose connections act as ``role``. Opens at once, connects when it can.

    Args:
        settings: where the database is.
        role: taken on by each connection.
        name: shown in the database's list of sessions.
        most: connections at the most.
        statement_timeout_s: a statement that takes longer is cancelled.
    """

    async def configure(connection: Connection) -> None:
        await connection.set_autocommit(True)
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        await connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', "
            "'5s', false), set_config('idle_in_transaction_session_timeout', '60s', false), "
            "set_config('timezone', 'UTC', false)",
            (f"{int(statement_timeout_s * 1000)}ms",),
        )

    pool: Pool = AsyncConnectionPool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=most,
        open=False,
        timeout=5,
        max_lifetime=1800,
        max_idle=300,
        reconnect_timeout=10,
        check=AsyncConnectionPool.check_connection,
        configure=configure,
        kwargs={
            "connect_timeout": 3,
            "keepalives_idle": 30,
            "tcp_user_timeout": 10_000,
            "application_name": name,
        },
    )
    await pool.open()
    try:
        yield pool
    finally:
        await pool.close()


@contextmanager
def store_errors() -> Iterator[None]:
    """Turn psycopg's errors into ours.

    Raises:
        StoreUnavailableError: away, full, locked, cancelled: the whole transaction may be tried
            again.
        StoreRejectedError: a row of this very batch is at fault.
    """
    try:
        yield
    except _REJECTED as exc:
        raise StoreRejectedError(_said(exc)) from exc
    except _AWAY as exc:
        raise StoreUnavailableError(_said(exc)) from exc


def _said(exc: BaseException) -> str:
    state = getattr(exc, "sqlstate", None)
    first = str(exc).partition("\n")[0]
    return f"{type(exc).__name__} {state or ''}: {first}"
