"""What the stream told of and the database has not yet: an answer may wait for the row."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, TypeVar

from fastapi import Depends, Request
from pydantic import Field

from api_gateway.adapters.http.queries import Query

T = TypeVar("T")

_EACH_S: Final = 0.25
"""How long a waiting request leaves the database alone before it asks again."""
_MOST: Final = 64
"""Requests that may wait at once; one more is answered as if it would not."""


class WaitQuery(Query):
    """How long to wait for what is not stored yet."""

    wait_s: float = Field(
        default=0,
        ge=0,
        le=10,
        description="wait so long for it to be stored, and only then answer 404; "
        "where too many wait already the answer is given at once",
    )


class Waiting:
    """Asks again for those who wait, one at a time: together they hold one connection."""

    def __init__(self) -> None:
        self._waiting = 0
        self._one_asks = asyncio.Lock()

    async def found(self, find: Callable[[], Awaitable[T | None]], wait_s: float) -> T | None:
        """What is found now or before the time is up; None: nothing is.

        Args:
            find: asks the database once.
            wait_s: how long to go on asking; 0: only once.
        """
        there = await find()
        if there is not None or wait_s == 0 or self._waiting >= _MOST:
            return there
        self._waiting += 1
        try:
            async with asyncio.timeout(wait_s):
                return await self._until_found(find)
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1

    async def _until_found(self, find: Callable[[], Awaitable[T | None]]) -> T:
        while True:
            await asyncio.sleep(_EACH_S)
            async with self._one_asks:
                there = await find()
            if there is not None:
                return there


def _waiting(request: Request) -> Waiting:
    waiting: Waiting = request.app.state.waiting
    return waiting


WithWaiting = Annotated[Waiting, Depends(_waiting)]
