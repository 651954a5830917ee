"""Serves one application of the emulated world."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def served(
    application: web.Application, host: str, port: int
) -> AsyncIterator[tuple[str, int]]:
    """Serve while the body runs.

    Args:
        application: what answers.
        host: the address to listen on.
        port: the port; 0: any.

    Yields:
        Where it listens.

    Raises:
        OSError: the port is taken.
    """
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        yield str(bound[0]), int(bound[1])
    finally:
        await runner.cleanup()
