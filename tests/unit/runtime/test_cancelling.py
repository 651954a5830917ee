"""A loop ends when it is told to, even if a library swallowed the word."""

import asyncio
from contextlib import suppress

import pytest

from minestream_runtime.cancelling import heed_cancellation


async def test_a_swallowed_cancellation_is_heeded_at_the_next_round() -> None:
    rounds = 0

    async def loop() -> None:
        nonlocal rounds
        while rounds < 100:
            heed_cancellation()
            rounds += 1
            with suppress(asyncio.CancelledError):  # as a library may
                await asyncio.sleep(0)

    task = asyncio.ensure_future(loop())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert rounds == 1


async def test_who_was_not_cancelled_goes_on() -> None:
    heed_cancellation()
