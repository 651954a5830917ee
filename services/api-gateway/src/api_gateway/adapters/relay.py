"""Brings the outbox onto Kafka: in order for each key, at least once, one relay at a time."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from api_gateway.adapters.database import Writer, outbox
from api_gateway.adapters.database.outbox import Waiting
from api_gateway.settings import GatewaySettings
from minestream_runtime.clock import Clock
from minestream_runtime.database.pool import Connection
from minestream_runtime.errors import (
    BrokerUnavailableError,
    RecordTooLargeError,
    StoreUnavailableError,
)
from minestream_runtime.kafka import Producer
from minestream_runtime.metrics import gauge
from minestream_schemas.topics import TOPICS

_TOPICS: Final = {topic.name: topic for topic in TOPICS}
_LONGEST_PAUSE_S: Final = 30.0
_TIDY_EVERY_S: Final = 600.0


class Relay:
    """Sends what waits in the outbox, marks it after Kafka's acknowledgement, forgets it later.

    A crash between acknowledgement and mark sends the same rows again, in the same order.

    Args:
        settings: how often to look, how long to keep.
        writer: of the fleet schema.
        producer: to Kafka.
        clock: for the pace of tidying up.
    """

    def __init__(
        self, settings: GatewaySettings, writer: Writer, producer: Producer, clock: Clock
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._producer = producer
        self._clock = clock
        self._log = structlog.get_logger()
        self._tidied_at = -_TIDY_EVERY_S

    async def run(self) -> None:
        """Relay for ever; faults of Kafka and of the database are waited out."""
        pause_s, away = 0.5, False
        while True:
            try:
                async with outbox.relaying(self._writer) as connection:
                    if connection is not None:
                        await outbox.listen(connection)
                        while True:
                            await self._step(connection)
                            if away:
                                self._log.info("outbox_relay_resumed")
                            pause_s, away = 0.5, False
                await asyncio.sleep(self._settings.outbox_poll_s)
            except (BrokerUnavailableError, StoreUnavailableError) as exc:
                if not away:
                    self._log.warning("outbox_relay_waits", error_type=exc.kind, error=str(exc))
                away = True
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

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
        async with outbox.relaying(self._writer) as connection:
            if connection is None:
                return False
            while sent := await self._send_batch(connection):
                advanced(sent)
            return True

    async def _step(self, connection: Connection) -> None:
        gauge("minestream_outbox_waiting").set(await outbox.count_waiting(connection))
        while await self._send_batch(connection):
            pass
        gauge("minestream_outbox_waiting").set(0)
        if self._clock.monotonic() - self._tidied_at >= _TIDY_EVERY_S:
            self._tidied_at = self._clock.monotonic()
            await outbox.forget_sent(connection, older_than_s=self._settings.outbox_keep_s)
        await outbox.woken(connection, wait_s=self._settings.outbox_poll_s)

    async def _send_batch(self, connection: Connection) -> int:
        rows = await outbox.waiting(connection)
        if not rows:
            return 0
        by_key: defaultdict[tuple[str, str], list[Waiting]] = defaultdict(list)
        for row in rows:
            by_key[row.topic, row.key].append(row)
        sent: list[int] = []
        refused: list[tuple[int, str]] = []
        try:
            ended = await asyncio.gather(
                *(self._send_in_order(rows, sent, refused) for rows in by_key.values()),
                return_exceptions=True,
            )
        finally:
            if sent:
                await outbox.mark_sent(connection, sent)
        for identity, fault in refused:
            self._log.error("outbox_row_refused", outbox_id=identity, error=fault)
            await outbox.mark_refused(connection, identity, fault)
        for fault_or_none in ended:
            if fault_or_none is not None:
                raise fault_or_none
        return len(rows)

    async def _send_in_order(
        self, rows: Sequence[Waiting], sent: list[int], refused: list[tuple[int, str]]
    ) -> None:
        for row in rows:
            topic = _TOPICS.get(row.topic)
            if topic is None:
                refused.append((row.id, f"no topic {row.topic} is registered"))
                continue
            try:
                await self._producer.send(
                    topic,
                    key=row.key.encode(),
                    value=None if row.value is None else row.value.encode(),
                )
            except RecordTooLargeError as exc:
                refused.append((row.id, str(exc)))
            else:
                sent.append(row.id)
