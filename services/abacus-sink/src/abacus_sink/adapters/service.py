"""Puts the sink together; without a key there is nothing to put together."""

import asyncio
from contextlib import closing

import structlog

from abacus_sink.adapters.discretion import Discretion, discreet
from abacus_sink.adapters.far_side import FarSide
from abacus_sink.adapters.holding import Holding
from abacus_sink.adapters.sending import IDLE, Passing, Sending, show_state
from abacus_sink.adapters.sink import SERVICE, Reading
from abacus_sink.settings import AbacusSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health
from minestream_runtime.kafka import Producer
from minestream_runtime.kafka.setting_aside import SettingAside


async def serve(
    settings: AbacusSettings, health: Health, *, passing: Passing = lambda _: None
) -> None:
    """Run until cancelled.

    Args:
        settings: everything it is told.
        health: its readiness is registered here.
        passing: told of each stage that a batch passes.
    """
    if settings.abacus_key is None:
        structlog.get_logger().info("abacus_idle", reason="MINESTREAM_ABACUS_KEY is not set")
        health.notes["abacus"] = lambda: "idle: MINESTREAM_ABACUS_KEY is not set"
        show_state(IDLE)
        await asyncio.Event().wait()
    clock, discretion, holding = SystemClock(), Discretion(), Holding(settings)
    async with Producer(settings) as producer:
        letters = SettingAside(producer, service=SERVICE, bug_limit=settings.abacus_bug_limit)
        reading = Reading(settings, holding, letters, clock, passing)
        with discreet(discretion), closing(FarSide(settings, discretion, clock)) as far:
            sending = Sending(settings, far, holding, clock, passing)
            health.checks["reads"] = reading.fault
            health.notes["abacus"] = sending.remark
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(reading.run())
                tasks.create_task(sending.run())
