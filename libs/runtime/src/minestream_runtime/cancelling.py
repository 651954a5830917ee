"""Cancellations that a library has swallowed."""

import asyncio


def heed_cancellation() -> None:
    """End the task if it was cancelled and somebody below did not let it end.

    Until Python 3.12 ``asyncio.wait_for`` drops a cancellation that comes in the same turn as what
    it waits for (python/cpython#86296), and psycopg and aiosmtplib wait by it. So a loop that
    calls them asks at each round, or it may run on for ever after it was told to stop.

    Raises:
        asyncio.CancelledError: it was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
