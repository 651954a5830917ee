"""A collector's way out as settings describe it: producer, spool and ledger, opened together."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import Field

from minestream_runtime.clock import Clock
from minestream_runtime.kafka import Producer
from minestream_runtime.outlet import fates
from minestream_runtime.outlet.handing import Outlet
from minestream_runtime.outlet.ledger import Ledger
from minestream_runtime.outlet.spool import Spool
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


@asynccontextmanager
async def open_spool(
    settings: OutletSettings, clock: Clock, *, subject: str
) -> AsyncIterator[tuple[Spool, Ledger]]:
    """A collector's spool and ledger, opened and closed together.

    Args:
        settings: where they are, and how large.
        clock: for the age limit.
        subject: who the collector is; names its spool file.

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
        async with spool:
            yield spool, ledger


@asynccontextmanager
async def open_outlet(
    settings: OutletSettings, clock: Clock, *, subject: str
) -> AsyncIterator[Outlet]:
    """A collector's way out: producer, spool and ledger, opened and closed together.

    Args:
        settings: where they are.
        clock: for all of them.
        subject: who the collector is; names its spool file too.

    Raises:
        ConfigurationError: the spool's file cannot be used.
    """
    sender = Producer(settings, deadline_s=settings.publish_deadline_s, linger_ms=_LINGER_MS)
    async with (
        open_spool(settings, clock, subject=subject) as (spool, ledger),
        sender as producer,
    ):
        yield Outlet(
            producer, spool, ledger, clock, subject=subject, gap_after_s=settings.gap_after_s
        )
