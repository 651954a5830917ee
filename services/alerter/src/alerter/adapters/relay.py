"""The relay of the alerts' outbox."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from alerter.adapters import statements, tracing
from alerter.adapters.stages import Passing, Stage, unwatched
from alerter.settings import AlerterSettings
from minestream_runtime.clock import Clock
from minestream_runtime.database import Connection, Pool, store_errors
from minestream_runtime.database.outbox import Outbox, Relay, Ways
from minestream_runtime.kafka import Producer

_LOCK: Final = 0x416C6572  # "Aler"
_OUTBOX: Final = Outbox("alerting", lock=_LOCK, traced=True)


def relay_of(
    settings: AlerterSettings,
    pool: Pool,
    producer: Producer,
    clock: Clock,
    *,
    passing: Passing = unwatched,
) -> Relay:
    """What brings transitions onto minestream.alert.v1; readers know repeats by their event ids.

    Args:
        settings: how often to look, how long to keep what.
        pool: connections in the writer's role.
        producer: to Kafka.
        clock: for the pace of tidying up.
        passing: told of each stage.
    """

    @asynccontextmanager
    async def connect() -> AsyncIterator[Connection]:
        with store_errors():
            async with pool.connection() as connection:
                yield connection

    async def tidy(connection: Connection) -> None:
        await connection.execute(statements.FORGET_ALERTS, (settings.keep_alert_days,))

    ways = Ways(
        poll_s=settings.notify_poll_s,
        keep_s=settings.outbox_keep_s,
        tidy=tidy,
        traced=tracing.relaying,
        passed=lambda: passing(Stage.RELAYED),
    )
    return Relay(_OUTBOX, connect, producer, clock, ways)
