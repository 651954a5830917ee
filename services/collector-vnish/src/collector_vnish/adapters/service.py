"""Puts the collector together: its families, and the kit that polls them."""

from collector_vnish.adapters.families import families_of
from collector_vnish.settings import SERVICE, VnishSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.polling import poll_fleet
from minestream_runtime.health import Health
from minestream_runtime.http import device_session


async def collect(settings: VnishSettings, health: Health) -> None:
    """Poll our share of the fleet until cancelled.

    Args:
        settings: from the environment.
        health: ready once the inventory is read; a link that is down is noted there, as the
            spool keeps what is polled meanwhile.

    Raises:
        ConfigurationError: the spool or the credentials key cannot be used.
    """
    clock = SystemClock()
    async with device_session() as session:
        families = families_of(session, clock, deadline_s=settings.poll_deadline_s)
        await poll_fleet(settings, health, clock, service=SERVICE, families=families)
