"""Brings one channel's rows of the ledger to people: in order for each alert, none lost.

A row stays locked while it is being told, so no two senders tell the same; killed in between, the
row is free again at once and told again: one double at the most, under the same id.
"""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import structlog
from psycopg.rows import dict_row
from pydantic import ValidationError

from alerter.adapters import statements, tracing
from alerter.adapters.channel import (
    Channel,
    DeliveryDelayedError,
    DeliveryRefusedError,
    Notification,
)
from alerter.adapters.stages import Passing, Stage, unwatched
from alerter.settings import AlerterSettings
from minestream_runtime.backoff import Backoff
from minestream_runtime.cancelling import heed_cancellation
from minestream_runtime.clock import Clock
from minestream_runtime.database import Connection, Pool, store_errors
from minestream_runtime.errors import MinestreamError, StoreUnavailableError, unit_of_work
from minestream_runtime.kafka.setting_aside import what_is_wrong
from minestream_runtime.metrics import counter, gauge, histogram
from minestream_schemas.alert import Alert


class Claimed(NamedTuple):
    """One row of the ledger, locked."""

    notification_id: UUID
    attempts: int
    created_at: datetime
    traceparent: str | None
    alert_id: UUID
    number: int
    too_old: bool


class Sender:
    """Tells what waits for one channel, one message at a time.

    Args:
        settings: waits and limits.
        pool: connections in the writer's role.
        channel: which.
        clock: measures ages.
        wake: set whenever there may be something to tell.
        passing: told of each stage.
    """

    def __init__(
        self,
        settings: AlerterSettings,
        pool: Pool,
        channel: Channel,
        clock: Clock,
        wake: asyncio.Event,
        *,
        passing: Passing = unwatched,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._channel = channel
        self._clock = clock
        self._wake = wake
        self._passing = passing
        self._backoff = Backoff(first_s=0.5, most_s=settings.notify_most_s)
        self._store_backoff = Backoff()
        self._away: str | None = None
        self._log: Final = structlog.get_logger().bind(channel=channel.name, where=channel.where)

    def fault(self) -> str | None:
        """Why the channel takes nothing just now; None when it does."""
        return self._away

    async def run(self) -> None:
        """Tell for ever; faults of the far side and of the database are waited out."""
        while True:
            heed_cancellation()
            try:
                wait_s = await self._step()
                self._store_backoff.reset()
            except StoreUnavailableError as exc:
                self._log.warning("ledger_away", error_type=exc.kind)
                await asyncio.sleep(self._store_backoff.next_s())
                continue
            if wait_s is None:
                continue
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue
            try:
                async with asyncio.timeout(self._settings.notify_poll_s):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _step(self) -> float | None:
        """Tell one row.

        Returns:
            None: go on at once; 0: there is nothing to tell; above: the channel rests so long, s.
        """
        with store_errors():
            async with self._pool.connection() as connection, connection.transaction():
                claimed = await self._claim(connection)
                if claimed is None:
                    await self._show_waiting(connection)
                    return 0.0
                if claimed.too_old:
                    await self._give_up(connection)
                    return None
                self._passing(Stage.CLAIMED)
                rest_s = await self._tell(connection, claimed)
        self._passing(Stage.MARKED)
        return rest_s

    async def _tell(self, connection: Connection, claimed: Claimed) -> float | None:
        try:
            notification = await _notification(connection, claimed)
            with (
                tracing.notifying(
                    self._channel.name,
                    self._channel.where,
                    notification_id=str(claimed.notification_id),
                    alert_id=str(claimed.alert_id),
                    traceparent=claimed.traceparent,
                ) as span,
                unit_of_work(),
            ):
                under = tracing.carried(span)
                note = await self._channel.send(replace(notification, traceparent=under))
        except DeliveryDelayedError as exc:
            return await self._delayed(connection, claimed, exc)
        except MinestreamError as exc:  # unreadable, refused, or a bug of ours at this very row
            await self._failed(connection, claimed, exc)
            return None
        self._passing(Stage.DELIVERED)
        await connection.execute(
            statements.MARK_SENT,
            {"notification_id": claimed.notification_id, "note": note},
        )
        self._count("sent")
        age_s = (self._clock.now() - claimed.created_at).total_seconds()
        histogram("minestream_notification_age_seconds").labels(self._channel.name).observe(age_s)
        self._took()
        return None

    async def _delayed(
        self, connection: Connection, claimed: Claimed, exc: DeliveryDelayedError
    ) -> float:
        rest_s = self._backoff.next_s()
        if exc.after_s is not None:
            rest_s = max(rest_s, exc.after_s)
        await connection.execute(
            statements.MARK_DELAYED,
            {
                "notification_id": claimed.notification_id,
                "error": str(exc),
                "wait_s": rest_s,
            },
        )
        self._count("delayed")
        await self._show_waiting(connection)
        if self._away is None:
            self._log.warning("channel_away", reason=str(exc), rest_s=round(rest_s, 1))
        self._away = str(exc)
        return rest_s

    async def _failed(self, connection: Connection, claimed: Claimed, exc: MinestreamError) -> None:
        await connection.execute(
            statements.MARK_FAILED,
            {"notification_id": claimed.notification_id, "error": str(exc)},
        )
        self._count("failed")
        self._log.error(
            "notification_failed",
            notification_id=str(claimed.notification_id),
            alert_id=str(claimed.alert_id),
            error_type=exc.kind,
            reason=str(exc),
        )

    async def _give_up(self, connection: Connection) -> None:
        """Of all that nobody could be told for too long, at once."""
        cursor = await connection.execute(statements.GIVE_UP, self._of_channel())
        self._count("failed", cursor.rowcount)
        self._log.error(
            "notifications_given_up",
            count=cursor.rowcount,
            after_s=self._settings.notify_give_up_s,
        )

    def _took(self) -> None:
        if self._away is not None:
            self._log.info("channel_back", after=self._away)
        self._away = None
        self._backoff.reset()

    def _count(self, outcome: str, count: int = 1) -> None:
        counter("minestream_notifications_total").labels(self._channel.name, outcome).inc(count)

    def _of_channel(self) -> dict[str, Any]:
        return {
            "channel": self._channel.name,
            "give_up_s": self._settings.notify_give_up_s,
        }

    async def _claim(self, connection: Connection) -> Claimed | None:
        cursor = await connection.execute(statements.CLAIM, self._of_channel())
        row = await cursor.fetchone()
        return None if row is None else Claimed(*row)

    async def _show_waiting(self, connection: Connection) -> None:
        cursor = await connection.execute(statements.COUNT_WAITING, (self._channel.name,))
        row = await cursor.fetchone()
        waiting = 0 if row is None else int(row[0])
        gauge("minestream_notifications_waiting").labels(self._channel.name).set(waiting)


async def _notification(connection: Connection, claimed: Claimed) -> Notification:
    cursor = connection.cursor(row_factory=dict_row)
    await cursor.execute(statements.READ_TRANSITION, (claimed.alert_id, claimed.number))
    row: dict[str, Any] | None = await cursor.fetchone()
    try:
        alert = Alert.model_validate(row, strict=False)
    except ValidationError as exc:
        raise DeliveryRefusedError(f"the stored transition: {what_is_wrong(exc)}") from exc
    return Notification(claimed.notification_id, alert)
