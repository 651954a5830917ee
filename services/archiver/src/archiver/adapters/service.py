"""Puts the archiver together."""

from archiver.adapters.archiver import Archiver
from archiver.adapters.lake import Lake, Passing
from archiver.settings import ArchiverSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.health import Health


async def serve(
    settings: ArchiverSettings, health: Health, *, passing: Passing = lambda _: None
) -> None:
    """Run until cancelled.

    Args:
        settings: everything it is told.
        health: its readiness is registered here.
        passing: told of each stage that a cut passes.
    """
    lake = Lake(settings.lake, passing=passing)
    archiver = Archiver(settings, lake, SystemClock(), passing=passing)
    health.checks["archives"] = archiver.fault
    await archiver.run()
