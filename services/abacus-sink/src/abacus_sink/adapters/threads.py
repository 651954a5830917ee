"""Runs calls that block in threads of their own, and is held up by none of them at the end."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Threads:
    """A few calls at a time, each in a daemon thread.

    Python waits at its end for the threads of a ``ThreadPoolExecutor``, so for as long as the far
    side keeps a call hanging. Nobody waits for these: what they were sending is sent again by
    whoever comes next. A thread costs 0.1 ms, a call a thousand times as much.

    Args:
        most: calls at the same time.
        name: of the threads.
    """

    def __init__(self, most: int, *, name: str) -> None:
        self._free = asyncio.Semaphore(most)
        self._name = name

    async def run(self, call: Callable[[], T]) -> T:
        """The call's result.

        Raises:
            Exception: what it raised. Cancelled, nobody hears of it any more.
        """
        async with self._free:
            loop = asyncio.get_running_loop()
            ending: asyncio.Future[T] = loop.create_future()

            def settle(end: Callable[[Any], None], what: object) -> None:
                if not ending.done():  # cancelled meanwhile
                    end(what)

            def work() -> None:
                end: Callable[[Any], None]
                what: object
                try:
                    end, what = ending.set_result, call()
                except Exception as exc:  # noqa: BLE001 - it is raised where the call is awaited
                    end, what = ending.set_exception, exc
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(settle, end, what)

            threading.Thread(target=work, name=self._name, daemon=True).start()
            return await ending
