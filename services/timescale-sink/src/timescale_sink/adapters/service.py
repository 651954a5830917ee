"""Puts the sink and its upkeep together."""

import asyncio
from typing import Final

from minestream_runtime.clock import SystemClock
from minestream_runtime.database import Role, open_pool, storage_dialect
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.setting_aside import SettingAside
from timescale_sink.adapters.maintenance import Upkeep, maintenance_of
from timescale_sink.adapters.sink import SERVICE, Sink
from timescale_sink.adapters.store import Passing, Store
from timescale_sink.settings import SinkSettings

_UPKEEP_TIMEOUT_S: Final = 300.0
YOUNG_OBJECTS: Final = 500_000
"""Python's collector looks for cycles only among so many new objects: a batch makes fewer, none in
a cycle and all gone at its end. Looking among them again and again cost 40 % of the process's time.
"""


async def serve(
    settings: SinkSettings, health: Health, *, passing: Passing = lambda _: None
) -> None:
    """Run until cancelled.

    Args:
        settings: everything it is told.
        health: its readiness is registered here.
        passing: told of each stage that a batch passes.

    Raises:
        ConfigurationError: the schema is not there: run ``minestream migrate``.
    """
    clock = SystemClock()
    async with (
        open_pool(
            settings,
            Role.WRITER,
            name=SERVICE,
            most=2,
            statement_timeout_s=settings.sink_statement_timeout_s,
        ) as writers,
        open_pool(
            settings,
            Role.OWNER,
            name=f"{SERVICE}-upkeep",
            most=1,
            statement_timeout_s=_UPKEEP_TIMEOUT_S,
        ) as owners,
        Producer(settings) as producer,
    ):
        letters = SettingAside(producer, service=SERVICE, bug_limit=settings.sink_bug_limit)
        store = Store(writers, group=settings.group(SERVICE), passing=passing)
        sink = Sink(settings, store, letters, clock)
        health.checks["writes"] = sink.fault
        dialect = await storage_dialect(writers, "telemetry")
        upkeep = Upkeep(settings, owners, maintenance_of(dialect), clock)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(sink.run())
            tasks.create_task(upkeep.run())
