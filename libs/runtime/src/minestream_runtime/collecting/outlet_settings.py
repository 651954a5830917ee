"""A collector's way out as settings describe it: producer, spool and ledger, opened together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from minestream_runtime.clock import Clock
from minestream_runtime.collecting import fates
from minestream_runtime.collecting.ledger import Ledger
from minestream_runtime.collecting.outlet import Outlet, Sender
from minestream_runtime.collecting.spool import Spool
from minestream_runtime.kafka import Producer
from minestream_runtime.settings import Settings

_LINGER_MS = 50
"""A request to Kafka costs as much as two polls: 50 ms of polls go together."""


class OutletSettings(Settings):
    """What every collector is told, whomever it asks."""

    publish_deadline_s: float = Field(
        default=5.0, gt=0, le=60, description="then an event goes to the spool"
    )
    state_dir: Path = Field(default=Path(".minestream/state"), description="where the spool is")
    spool_bytes: int = Field(default=1 << 30, ge=1 << 16, description="most on disk, compressed")
    spool_age_s: float = Field(default=86_400.0, gt=0, description="older events are dropped")
    gap_after_s: float = Field(
        default=5.0, ge=0, description="a link down for so long is reported as a gap"
    )
    ledger_file: Path | None = Field(
        default=None, description="for tests: a line per event that is safe"
    )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A far side that is not Kafka.

    Args:
        sender: takes events for it; keeps the order of what is handed to it at once.
        site_id: whose gaps are told.
    """

    sender: Sender
    site_id: str


@asynccontextmanager
async def open_outlet(
    settings: OutletSettings, clock: Clock, *, subject: str, elsewhere: Elsewhere | None = None
) -> AsyncIterator[Outlet]:
    """A collector's way out: producer, spool and ledger, opened and closed together.

    Args:
        settings: where they are.
        clock: for all of them.
        subject: who the collector is; names its spool file too.
        elsewhere: where events go in place of Kafka.

    Raises:
        ConfigurationError: the spool's file cannot be used.
    """
    with Ledger(settings.ledger_file) as ledger:
        spool = Spool(
            settings.state_dir / f"{subject}.spool",
            clock,
            on_dropped=lambda event: fates.dropped(ledger, event, "the spool is full"),
            on_rescued=lambda event: ledger.taken(event.memo, "spool"),
            most_bytes=settings.spool_bytes,
            most_age_s=settings.spool_age_s,
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(spool)
            sender: Sender = (
                await stack.enter_async_context(_kafka(settings))
                if elsewhere is None
                else elsewhere.sender
            )
            yield Outlet(
                sender,
                spool,
                ledger,
                clock,
                subject=subject,
                gap_after_s=settings.gap_after_s,
                site_id=elsewhere.site_id if elsewhere else None,
                ordered=elsewhere is not None,
            )


def _kafka(settings: OutletSettings) -> Producer:
    return Producer(settings, deadline_s=settings.publish_deadline_s, linger_ms=_LINGER_MS)
