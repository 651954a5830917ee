"""The world beyond the farm on one address: pool, markets, inbox, feature store, by first path."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from minestream_emulators.abacus.endpoint import application as abacus
from minestream_emulators.inbox.site import inbox
from minestream_emulators.market.coinmarketcap import coinmarketcap
from minestream_emulators.market.sites import coingecko, network
from minestream_emulators.outside import Outside
from minestream_emulators.pools.site import pools
from minestream_emulators.prohashing.site import prohashing
from minestream_emulators.serving import served

Part = Callable[[Outside], web.Application]
PARTS: Final[dict[str, Part]] = {
    "abacus": abacus,
    "coingecko": coingecko,
    "coinmarketcap": coinmarketcap,
    "inbox": inbox,
    "network": network,
    "pools": pools,
    "prohashing": prohashing,
}
"""By the first part of the path. A part that runs by itself does so in ``cleanup_ctx``."""


@asynccontextmanager
async def beyond(outside: Outside, host: str, port: int) -> AsyncIterator[tuple[str, int]]:
    """Serve all parts while the body runs.

    Yields:
        Where.

    Raises:
        OSError: the port is taken.
    """
    root = web.Application()
    for name, part in PARTS.items():
        root.add_subapp(f"/{name}", part(outside))
    async with served(root, host, port) as where:
        yield where
