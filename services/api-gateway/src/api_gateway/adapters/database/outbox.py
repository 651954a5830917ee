"""The outbox table: what was committed and is to be on Kafka."""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from psycopg.rows import class_row

from api_gateway.adapters.database.access import Writer
from minestream_runtime.database.pool import Connection

CHANNEL: Final = "fleet_outbox"
_RELAY_LOCK: Final = 0x4F757462  # "Outb"
_BATCH: Final = 1000


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent. ``topic`` is the registered name, without namespace."""

    topic: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Waiting(Message):
    """A committed message that is not known to be on Kafka."""

    id: int


async def enqueue(connection: Connection, messages: Sequence[Message]) -> int | None:
    """Write messages into the transaction that is under way, and wake the relay at its commit.

    Returns:
        the id of the last; None where there are none.
    """
    if not messages:
        return None
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY fleet.outbox (topic, key, value) FROM STDIN") as copy:
            for message in messages:
                await copy.write_row((message.topic, message.key, message.value))
        await cursor.execute("SELECT pg_notify(%s, '')", (CHANNEL,))
        await cursor.execute("SELECT currval('fleet.outbox_id_seq')")
        row = await cursor.fetchone()
    return None if row is None else int(row[0])


@asynccontextmanager
async def relaying(writer: Writer) -> AsyncIterator[Connection | None]:
    """The connection of the one relay there may be; None while another has the part."""
    async with writer.connection() as connection:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_RELAY_LOCK,))
        row = await cursor.fetchone()
        if row is None or not row[0]:
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.broken and not connection.closed:
                await connection.execute("UNLISTEN *")
                await connection.execute("SELECT pg_advisory_unlock(%s)", (_RELAY_LOCK,))


async def waiting(connection: Connection) -> list[Waiting]:
    """The oldest messages that wait, in the order in which they were committed."""
    cursor = connection.cursor(row_factory=class_row(Waiting))
    await cursor.execute(
        "SELECT id, topic, key, value FROM fleet.outbox "
        "WHERE sent_at IS NULL AND fault IS NULL ORDER BY id LIMIT %s",
        (_BATCH,),
    )
    return await cursor.fetchall()


async def count_waiting(connection: Connection, *, up_to: int | None = None) -> int:
    """How many messages wait.

    Args:
        connection: any of a writer.
        up_to: count ids up to this one; None counts all.
    """
    cursor = await connection.execute(
        "SELECT count(*) FROM fleet.outbox WHERE sent_at IS NULL AND fault IS NULL "
        "AND id <= coalesce(%s::bigint, id)",
        (up_to,),
    )
    row = await cursor.fetchone()
    return 0 if row is None else int(row[0])


async def mark_sent(connection: Connection, ids: Iterable[int]) -> None:
    """Note that Kafka has these."""
    await connection.execute(
        "UPDATE fleet.outbox SET sent_at = now() WHERE id = ANY(%s)", (list(ids),)
    )


async def mark_refused(connection: Connection, identity: int, fault: str) -> None:
    """Note that Kafka will never take this one; it stays, and is not tried again."""
    await connection.execute("UPDATE fleet.outbox SET fault = %s WHERE id = %s", (fault, identity))


async def forget_sent(connection: Connection, *, older_than_s: float) -> int:
    """Delete messages that were sent longer ago; returns how many."""
    cursor = await connection.execute(
        "DELETE FROM fleet.outbox WHERE sent_at < now() - make_interval(secs => %s)",
        (older_than_s,),
    )
    return cursor.rowcount


async def listen(connection: Connection) -> None:
    """Have this connection woken by new messages."""
    await connection.execute(f"LISTEN {CHANNEL}")


async def woken(connection: Connection, *, wait_s: float) -> None:
    """Wait until a message comes, or the time is up (a hint; the table is the truth)."""
    async for _ in connection.notifies(timeout=wait_s, stop_after=1):
        pass
