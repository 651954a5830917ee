"""Connections that act under one of three roles, and errors in our own terms."""

import asyncio
import os
import socket
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from enum import StrEnum
from typing import Any, Final, Self, TypeVar

import psycopg
from psycopg import errors, sql
from psycopg.abc import PQGen
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from minestream_runtime.errors import StoreRejectedError, StoreUnavailableError
from minestream_runtime.settings import Settings

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]

_Answer = TypeVar("_Answer")
_INTERVAL_S: Final = 0.1
_LONGEST: Final = 300
"""Characters of a failure that are told."""
_GRACE_S: Final = 10.0
"""How much later than the server itself we end a statement that took too long."""
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


class _Patient(psycopg.AsyncConnection[Any]):
    """Waits for an answer only so long: a server that has frozen cannot end a statement itself.

    It still acknowledges what it is sent, so neither keepalives nor TCP's own timeout notice.
    """

    patience_s: float | None = None
    failure = ""
    """Why the last attempt to connect failed, of all of one pool's; empty: it did not."""

    @classmethod
    async def connect(cls, *args: Any, **options: Any) -> Self:
        """See psycopg; of an attempt that failed nothing is left open.

        Its socket would be closed with the next collection of garbage, and a server that was only
        slow would keep a place for it meanwhile, for a minute.
        """
        try:
            made = await super().connect(*args, **options)
        except psycopg.Error as exc:
            cls.failure = " ".join(str(exc).split())[:_LONGEST]
            failed: BaseException | None = exc
            while failed is not None:
                traceback.clear_frames(failed.__traceback__)
                failed = failed.__context__
            raise
        cls.failure = ""
        return made

    async def wait(
        self,
        gen: PQGen[_Answer],
        interval: float = _INTERVAL_S,
        timeout: float | None = None,  # noqa: ASYNC109 - as psycopg has it
    ) -> _Answer:
        """See psycopg; gives up after ``patience_s`` where no other time is wanted."""
        wanted = {} if timeout is None else {"timeout": timeout}
        if self.patience_s is None or wanted:
            return await super().wait(gen, interval, **wanted)
        given_up = list[float]()
        timer = asyncio.get_running_loop().call_later(
            self.patience_s, self._give_up, self.patience_s, given_up
        )
        try:
            return await super().wait(gen, interval)
        except psycopg.OperationalError as exc:
            if given_up:
                raise psycopg.OperationalError(f"no answer for {given_up[0]:g} s") from exc
            raise
        finally:
            timer.cancel()

    def _give_up(self, after_s: float, given_up: list[float]) -> None:
        """End the connection from below: whoever waits for it hears that it is closed."""
        given_up.append(after_s)
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


class _Telling(Pool):
    """A pool that says why there is no connection: a wrong password is no server that is away."""

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 - psycopg's
        """See psycopg."""
        try:
            return await super().getconn(timeout)
        except PoolTimeout as exc:
            reason = getattr(self.connection_class, "failure", "")
            raise PoolTimeout(f"{exc}: {reason}" if reason else str(exc)) from exc


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
        statement_timeout_s: a statement that takes longer is cancelled; a server that does not do
            so either, a little later, counts as away.
    """

    async def configure(connection: Connection) -> None:
        if isinstance(connection, _Patient):
            connection.patience_s = statement_timeout_s + _GRACE_S
        await connection.set_autocommit(True)
        await connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        await connection.execute(
            "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', "
            "'5s', false), set_config('idle_in_transaction_session_timeout', '60s', false), "
            "set_config('timezone', 'UTC', false)",
            (f"{int(statement_timeout_s * 1000)}ms",),
        )

    pool: Pool = _Telling(
        settings.database_url.get_secret_value(),
        connection_class=type("_Own", (_Patient,), {}),
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
    return f"{type(exc).__name__}{f' {state}' if state else ''}: {first}"
