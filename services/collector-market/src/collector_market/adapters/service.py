"""Puts the collector together: sources, rounds, freshness and the way out."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final
from urllib.parse import urlsplit

import structlog

from collector_market.adapters.rounds import Rounds
from collector_market.adapters.source import Source
from collector_market.adapters.watching import Watching
from collector_market.adapters.words import READS
from collector_market.domain.wants import Cadence, Want, credits_per_month, wants_of
from collector_market.settings import MarketSettings
from minestream_runtime.clock import Clock, SystemClock
from minestream_runtime.health import Health
from minestream_runtime.outlet.settings import open_outlet
from minestream_runtime.polite import Manners, PoliteClient
from minestream_runtime.usage import Usage

_FREE: Final = frozenset({"error", "limited", "unauthorised", "refused"})
"""How a call ends that costs no credits: both markets charge for answers alone (HTTP 200). One
that came too late may have been charged."""


async def collect(settings: MarketSettings, health: Health) -> None:
    """Ask markets and networks until cancelled.

    Args:
        settings: from the environment.
        health: always ready, as the spool keeps what is heard while Kafka is away; that, and what
            is not fresh, is noted there.

    Raises:
        ConfigurationError: the spool cannot be used.
    """
    clock = SystemClock()
    cadence = Cadence(
        settings.market_price_every_s,
        settings.market_coins_every_s,
        settings.market_chart_every_s,
        settings.market_network_every_s,
        settings.cmc_listings_every_s,
        settings.cmc_global_every_s,
    )
    wants = wants_of(settings.coins, settings.sources, cadence)
    async with AsyncExitStack() as stack:
        outlet = await stack.enter_async_context(
            open_outlet(settings, clock, subject=settings.collector_id)
        )
        sources = {
            name: await _source(stack, settings, name, wants, clock)
            for name in {asking.source for want in wants for asking in want.askings}
        }
        watching = Watching(
            wants,
            outlet.tell,
            clock,
            collector_id=settings.collector_id,
            file=settings.state_dir / f"{settings.collector_id}.gaps",
            missed=settings.market_missed,
            stale_after_s=settings.market_stale_after_s,
        )
        rounds = Rounds(wants, sources, watching, outlet, clock, collector_id=settings.collector_id)
        health.notes["link"] = lambda: (
            f"Kafka away since {outlet.link_down_since}, spooling"
            if outlet.link_down_since
            else None
        )
        health.notes["market"] = watching.remarks
        health.notes["coins"] = rounds.untold
        health.notes["refused"] = lambda: (
            ", ".join(sorted(name for name, source in sources.items() if source.refused)) or None
        )
        health.notes["limited"] = lambda: (
            "; ".join(filter(None, (source.note() for source in sources.values()))) or None
        )
        if not wants:
            structlog.get_logger().info("market_idle", sources=settings.market_sources)
        _warn_of_quotas(settings, wants)
        async with asyncio.TaskGroup() as group:
            group.create_task(outlet.run())
            group.create_task(rounds.run())


def _warn_of_quotas(settings: MarketSettings, wants: Sequence[Want]) -> None:
    """Say at once what would be used up before the month ends."""
    for source in settings.sources:
        asked = credits_per_month(wants, source)
        for quota in settings.quotas_of(source):
            if asked > quota.most:
                structlog.get_logger().warning(
                    "quota_too_small", source=source, credits=asked, most=quota.most, per="month"
                )


async def _source(
    stack: AsyncExitStack,
    settings: MarketSettings,
    name: str,
    wants: Sequence[Want],
    clock: Clock,
) -> Source:
    url = settings.url_of(name)
    usage = Usage(
        name,
        clock,
        quotas=settings.quotas_of(name, for_prices=credits_per_month(wants, name, urgent=True)),
        state=settings.state_dir / f"{settings.collector_id}.{name}.usage",
        free=_FREE,
    )
    client = PoliteClient(
        name,
        url,
        clock,
        manners=Manners(
            calls_per_min=settings.calls_per_min_of(name), deadline_s=settings.market_deadline_s
        ),
        headers=settings.headers_of(name),
        usage=usage,
    )
    await stack.enter_async_context(client)
    return Source(
        name,
        urlsplit(url).hostname or name,
        client,
        clock,
        refused_pause_s=settings.market_refused_pause_s,
        reads=READS.get(name),
        usage=usage,
    )
