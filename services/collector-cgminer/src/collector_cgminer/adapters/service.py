"""Puts the collector together: its families, and the kit that polls them."""

from collector_cgminer.adapters.family import families_of
from collector_cgminer.settings import SERVICE, CgminerSettings
from minestream_dialects.detection import STEPS, recognise
from minestream_runtime.clock import SystemClock
from minestream_runtime.collecting.polling import Scouting, Surroundings, poll_fleet
from minestream_runtime.devices.cgminer import CgminerClient
from minestream_runtime.devices.http import device_session
from minestream_runtime.devices.networks import gate
from minestream_runtime.health import Health


async def collect(
    settings: CgminerSettings, health: Health, around: Surroundings | None = None
) -> None:
    """Poll our share of the fleet until cancelled.

    Args:
        settings: from the environment.
        health: ready once the inventory is read; a link that is down is noted there, as the
            spool keeps what is polled meanwhile.
        around: another inventory and way out than Kafka.

    Raises:
        ConfigurationError: the spool or the credentials key cannot be used.
    """
    allowed = gate(settings.networks)
    clock, client = SystemClock(), CgminerClient(allowed=allowed)
    async with device_session(allowed=allowed) as session:
        families = families_of(
            client,
            clock,
            deadline_s=settings.poll_deadline_s,
            session=session,
            web_port=settings.miner_web_port,
        )
        await poll_fleet(
            settings,
            health,
            clock,
            service=SERVICE,
            families=families,
            scouting=Scouting(STEPS, recognise),
            around=around,
        )
