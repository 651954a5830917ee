"""Files that an operator may change while a site runs: have they changed, and the wait between."""

import asyncio
from pathlib import Path

Stamp = tuple[tuple[int, int, int], ...]


def stamp_of(*paths: Path) -> Stamp:
    """What tells whether files have changed.

    Raises:
        OSError: one is not there.
    """
    states = [path.stat() for path in paths]
    return tuple((each.st_mtime_ns, each.st_size, each.st_ino) for each in states)


async def woken(wake: asyncio.Event, within_s: float) -> None:
    """Wait until somebody asks to look, seconds at most."""
    try:
        async with asyncio.timeout(within_s):
            await wake.wait()
    except TimeoutError:
        return
