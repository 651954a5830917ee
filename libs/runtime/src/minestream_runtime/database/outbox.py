"""An outbox table, what was committed and is to be on Kafka, and the relay that brings it there."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager
from contextlib import nullcontext as untraced
from dataclasses import dataclass
from typing import Final, LiteralString, NamedTuple

import structlog
from psycopg import sql

from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.database.pool import Connection
from minestream_runtime.errors import (
    BrokerUnavailableError,
    RecordTooLargeError,
    StoreUnavailableError,
)
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import gauge
from minestream_runtime.traces import Headers
from minestream_schemas.topics import BY_NAME

Connect = Callable[[], AbstractAsyncContextManager[Connection]]
_BATCH: Final = 1000
_TIDY_EVERY_S: Final = 600.0
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_WAITING: Final = """
SELECT id, topic, key, value, {context} FROM {table}
WHERE sent_at IS NULL AND fault IS NULL ORDER BY id LIMIT %s
"""
_COUNT: Final = """
SELECT count(*) FROM {table}
WHERE sent_at IS NULL AND fault IS NULL AND id <= coalesce(%s::bigint, id)
"""
_SENT: Final = "UPDATE {table} SET sent_at = now() WHERE id = ANY(%s)"
_REFUSED: Final = "UPDATE {table} SET fault = %s WHERE id = %s"
_FORGET: Final = "DELETE FROM {table} WHERE sent_at < now() - make_interval(secs => %s)"


class Waiting(NamedTuple):
    """A committed message that is not known to be on Kafka; no value: a tombstone."""

    id: int
    topic: str
    key: str
    value: str | None
    traceparent: str | None


class Outbox:
    """The table ``outbox`` of one schema.

    Args:
        schema: whose; its outbox has id, topic, key, value, sent_at and fault.
        lock: the advisory lock of the one relay that there may be.
        channel: notified at a commit with new messages; None: nobody tells.
        traced: has it a column ``traceparent``, too?
    """

    def __init__(
        self,
        schema: LiteralString,
        *,
        lock: int,
        channel: LiteralString | None = None,
        traced: bool = False,
    ) -> None:
        table = sql.Identifier(schema, "outbox")
        context = sql.SQL("traceparent" if traced else "NULL")

        def made(statement: LiteralString) -> bytes:
            return sql.SQL(statement).format(table=table, context=context).as_bytes()

        self._lock = lock
        self._channel = channel
        self._waiting, self._count = made(_WAITING), made(_COUNT)
        self._sent, self._refused, self._forget = made(_SENT), made(_REFUSED), made(_FORGET)

    @asynccontextmanager
    async def relaying(self, connect: Connect) -> AsyncIterator[Connection | None]:
        """The connection of the one relay there may be; None while another has the part."""
        async with connect() as connection:
            cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (self._lock,))
            if await cursor.fetchone() != (True,):
                yield None
                return
            try:
                yield connection
            finally:
                if not connection.broken and not connection.closed:
                    await connection.execute("UNLISTEN *")
                    await connection.execute("SELECT pg_advisory_unlock(%s)", (self._lock,))

    async def waiting(self, connection: Connection) -> list[Waiting]:
        """The oldest messages that wait, in the order in which they were committed."""
        cursor = await connection.execute(self._waiting, (_BATCH,))
        return [Waiting(*row) for row in await cursor.fetchall()]

    async def count_waiting(self, connection: Connection, *, up_to: int | None = None) -> int:
        """How many messages wait.

        Args:
            connection: any of a writer.
            up_to: count ids up to this one; None counts all.
        """
        row = await (await connection.execute(self._count, (up_to,))).fetchone()
        return 0 if row is None else int(row[0])

    async def mark_sent(self, connection: Connection, ids: Iterable[int]) -> None:
        """Note that Kafka has these."""
        await connection.execute(self._sent, (list(ids),))

    async def mark_refused(self, connection: Connection, identity: int, fault: str) -> None:
        """Note that Kafka will never take this one; it stays, and is not tried again."""
        await connection.execute(self._refused, (fault, identity))

    async def forget_sent(self, connection: Connection, *, older_than_s: float) -> None:
        """Delete messages that were sent longer ago."""
        await connection.execute(self._forget, (older_than_s,))

    async def listen(self, connection: Connection) -> None:
        """Have this connection woken by new messages."""
        if self._channel is not None:
            await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self._channel)))

    async def woken(self, connection: Connection, *, wait_s: float) -> None:
        """Wait until a message comes, or the time is up (a hint; the table is the truth)."""
        async for _ in connection.notifies(timeout=wait_s, stop_after=1):
            pass


async def _nothing_more(_: Connection) -> None:
    """An outbox alone is to be tidied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How a relay works.

    Args:
        poll_s: how often it looks unasked.
        keep_s: how long sent messages stay.
        tidy: what else is to be tidied on its connection, at the same pace.
        traced: what a message is sent under, by its traceparent: gives the record's headers.
        passed: told when Kafka has messages and the outbox does not say so yet.
    """

    poll_s: float
    keep_s: float
    tidy: Callable[[Connection], Awaitable[None]] = _nothing_more
    traced: Callable[[str | None], AbstractContextManager[Headers]] = lambda _: untraced(())
    passed: Callable[[], None] = lambda: None


class Relay:
    """Sends what waits in the outbox, marks it after Kafka's acknowledgement, forgets it later.

    In order for each key, at least once, one relay at a time: a crash between acknowledgement and
    mark sends the same rows again, in the same order.

    Args:
        outbox: whose messages.
        connect: gives a connection in the writer's role; its errors are ours.
        producer: to Kafka.
        clock: for the pace of tidying up.
        ways: how it works.
    """

    def __init__(
        self, outbox: Outbox, connect: Connect, producer: Producer, clock: Clock, ways: Ways
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._producer = producer
        self._clock = clock
        self._ways = ways
        self._tidied_s = clock.monotonic() - _TIDY_EVERY_S
        self._away = False
        self._backoff = Backoff(first_s=_FIRST_PAUSE_S, most_s=_LONGEST_PAUSE_S)
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Relay for ever; faults of Kafka and of the database are waited out."""
        while True:
            heed_cancellation()
            try:
                async with self._outbox.relaying(self._connect) as connection:
                    if connection is not None:
                        await self._relay(connection)
                await asyncio.sleep(self._ways.poll_s)
            except (BrokerUnavailableError, StoreUnavailableError) as exc:
                if not self._away:
                    self._log.warning("outbox_relay_waits", error_type=exc.kind, error=str(exc))
                self._away = True
                await asyncio.sleep(self._backoff.next_s())

    async def drain(self, *, advanced: Callable[[int], None] = lambda _sent: None) -> bool:
        """Send what waits now, if no other relay is at it.

        Args:
            advanced: told how many more have been sent.

        Returns:
            False when another relay has the part.

        Raises:
            BrokerUnavailableError: Kafka is away; what was acknowledged is marked, the rest waits.
            StoreUnavailableError: the database is away.
        """
        async with self._outbox.relaying(self._connect) as connection:
            if connection is None:
                return False
            while sent := await self._send_batch(connection):
                advanced(sent)
            return True

    async def _relay(self, connection: Connection) -> None:
        await self._outbox.listen(connection)
        while True:
            heed_cancellation()
            await self._step(connection)
            self._works()

    def _works(self) -> None:
        if self._away:
            self._log.info("outbox_relay_resumed")
        self._away = False
        self._backoff.reset()

    async def _step(self, connection: Connection) -> None:
        gauge("minestream_outbox_waiting").set(await self._outbox.count_waiting(connection))
        while await self._send_batch(connection):
            heed_cancellation()
        gauge("minestream_outbox_waiting").set(0)
        if self._clock.monotonic() - self._tidied_s >= _TIDY_EVERY_S:
            self._tidied_s = self._clock.monotonic()
            await self._outbox.forget_sent(connection, older_than_s=self._ways.keep_s)
            await self._ways.tidy(connection)
        await self._outbox.woken(connection, wait_s=self._ways.poll_s)

    async def _send_batch(self, connection: Connection) -> int:
        rows = await self._outbox.waiting(connection)
        if not rows:
            return 0
        by_key: defaultdict[tuple[str, str], list[Waiting]] = defaultdict(list)
        for row in rows:
            by_key[row.topic, row.key].append(row)
        sent: list[int] = []
        refused: list[tuple[int, str]] = []
        try:
            ended = await asyncio.gather(
                *(self._send_in_order(several, sent, refused) for several in by_key.values()),
                return_exceptions=True,
            )
            self._ways.passed()
        finally:
            if sent:
                await self._outbox.mark_sent(connection, sent)
        for identity, fault in refused:
            self._log.error("outbox_row_refused", outbox_id=identity, error=fault)
            await self._outbox.mark_refused(connection, identity, fault)
        for fault_or_none in ended:
            if fault_or_none is not None:
                raise fault_or_none
        return len(rows)

    async def _send_in_order(
        self, rows: Sequence[Waiting], sent: list[int], refused: list[tuple[int, str]]
    ) -> None:
        for row in rows:
            topic = BY_NAME.get(row.topic)
            if topic is None:
                refused.append((row.id, f"no topic {row.topic} is registered"))
                continue
            try:
                with self._ways.traced(row.traceparent) as headers:
                    await self._producer.send(
                        topic,
                        key=row.key.encode(),
                        value=None if row.value is None else row.value.encode(),
                        headers=headers,
                    )
            except RecordTooLargeError as exc:
                refused.append((row.id, str(exc)))
            else:
                sent.append(row.id)
