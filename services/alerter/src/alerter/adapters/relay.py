"""Brings the outbox onto minestream.alert.v1: in order for each subject, one relay at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from alerter.adapters import statements, tracing
from alerter.adapters.stages import Passing, Stage, unwatched
from alerter.settings import AlerterSettings
from minestream_runtime import traces
from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.database import Connection, Pool, store_errors
from minestream_runtime.errors import (
    BrokerUnavailableError,
    RecordTooLargeError,
    StoreUnavailableError,
)
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import gauge
from minestream_schemas.alert import ALERT

_LOCK: Final = 0x416C6572  # "Aler"
_BATCH: Final = 500
_TIDY_EVERY_S: Final = 600.0


class Waiting(NamedTuple):
    """A committed transition that is not known to be on Kafka."""

    id: int
    topic: str
    key: str
    value: str
    traceparent: str | None


class Relay:
    """Sends what waits in the outbox, and marks it once Kafka has it.

    A crash in between sends the same rows again, in the same order: readers know them by their
    event ids.

    Args:
        settings: how long to keep what.
        pool: connections in the writer's role.
        producer: to Kafka.
        clock: for the pace of tidying up.
        passing: told of each stage.
    """

    def __init__(
        self,
        settings: AlerterSettings,
        pool: Pool,
        producer: Producer,
        clock: Clock,
        *,
        passing: Passing = unwatched,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._producer = producer
        self._clock = clock
        self._passing = passing
        self._tidied_s = clock.monotonic() - _TIDY_EVERY_S
        self._log = structlog.get_logger()

    async def run(self) -> None:
        """Relay for ever; faults of Kafka and of the database are waited out."""
        backoff, away = Backoff(first_s=0.5, most_s=30), False
        while True:
            heed_cancellation()
            try:
                sent = await self._step()
                await self._tidy()
            except (BrokerUnavailableError, StoreUnavailableError) as exc:
                if not away:
                    self._log.warning("outbox_relay_waits", error_type=exc.kind, error=str(exc))
                away = True
                await asyncio.sleep(backoff.next_s())
                continue
            if away:
                self._log.info("outbox_relay_resumed")
            away = False
            backoff.reset()
            if not sent:
                await asyncio.sleep(self._settings.notify_poll_s)

    async def _step(self) -> int:
        with store_errors():
            async with self._pool.connection() as connection, connection.transaction():
                cursor = await connection.execute(statements.ONE_RELAY, (_LOCK,))
                if await cursor.fetchone() != (True,):
                    return 0
                cursor = await connection.execute(statements.OUTBOX_WAITING, (_BATCH,))
                rows = [Waiting(*row) for row in await cursor.fetchall()]
                fault = await self._send(connection, rows) if rows else None
                cursor = await connection.execute(statements.COUNT_OUTBOX)
                left = await cursor.fetchone()
                gauge("minestream_outbox_waiting").set(left[0] if left else 0)
        if fault is not None:
            raise fault
        return len(rows)

    async def _send(self, connection: Connection, rows: Sequence[Waiting]) -> BaseException | None:
        by_key: defaultdict[str, list[Waiting]] = defaultdict(list)
        for row in rows:
            by_key[row.key].append(row)
        sent: list[int] = []
        refused: list[tuple[str, int]] = []
        ended = await asyncio.gather(
            *(self._send_in_order(several, sent, refused) for several in by_key.values()),
            return_exceptions=True,
        )
        self._passing(Stage.RELAYED)
        await connection.execute(statements.OUTBOX_SENT, (sent,))
        for fault, identity in refused:
            self._log.error("outbox_row_refused", outbox_id=identity, error=fault)
            await connection.execute(statements.OUTBOX_REFUSED, (fault, identity))
        return next((fault for fault in ended if fault is not None), None)

    async def _send_in_order(
        self, rows: Sequence[Waiting], sent: list[int], refused: list[tuple[str, int]]
    ) -> None:
        for row in rows:
            try:
                with tracing.relaying(row.traceparent) as span:
                    await self._producer.send(
                        ALERT,
                        key=row.key.encode(),
                        value=row.value.encode(),
                        headers=traces.headers_of(span),
                    )
            except RecordTooLargeError as exc:
                refused.append((str(exc), row.id))
            else:
                sent.append(row.id)

    async def _tidy(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._tidied_s < _TIDY_EVERY_S:
            return
        self._tidied_s = now_s
        with store_errors():
            async with self._pool.connection() as connection:
                await connection.execute(statements.FORGET_OUTBOX, (self._settings.outbox_keep_s,))
                await connection.execute(
                    statements.FORGET_ALERTS, (self._settings.keep_alert_days,)
                )
