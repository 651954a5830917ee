import asyncio
from collections.abc import Callable
from contextlib import suppress

import pytest
import structlog

from minestream_runtime.backoff import Backoff
from minestream_runtime.errors import (
    BrokerUnavailableError,
    DeadLetterLimitError,
    MinestreamError,
    StoreUnavailableError,
)
from minestream_runtime.turns import Turns


def turns(failed: Callable[[MinestreamError], None] = lambda _: None) -> Turns:
    backoff = Backoff(first_s=0.001, most_s=0.001)
    return Turns(waits="waits", works="works", failed=failed, backoff=backoff)


async def failing(exc: MinestreamError) -> bool:
    raise exc


async def working(*, known: bool = True) -> bool:
    return known


async def test_what_passes_by_itself_is_told_once_each_and_so_is_its_end() -> None:
    failed = list[MinestreamError]()
    loop = turns(failed.append)
    assert loop.fault() == "has not read yet"
    with structlog.testing.capture_logs() as said:
        for exc in (
            BrokerUnavailableError("a"),
            BrokerUnavailableError("b"),
            StoreUnavailableError("c"),
        ):
            await loop.take(failing(exc))
        await loop.take(working())
        await loop.take(working())
    assert [str(exc) for exc in failed] == ["a", "b", "c"]
    assert [(line["event"], line.get("error_type"), line.get("after")) for line in said] == [
        ("waits", "broker_unavailable", None),
        ("waits", "store_unavailable", None),
        ("works", None, "store_unavailable"),
    ]
    assert loop.fault() is None


async def test_a_turn_that_asked_nobody_says_nothing_about_the_world() -> None:
    loop = turns()
    await loop.take(failing(StoreUnavailableError("away")))
    await loop.take(working(known=False))
    assert loop.fault() == "store_unavailable"


async def test_what_trying_again_does_not_mend_ends_the_loop() -> None:
    ends = [working(), failing(StoreUnavailableError("away")), working()]
    turn = iter([*ends, failing(DeadLetterLimitError("too many"))])
    with pytest.raises(DeadLetterLimitError):
        await turns().go_on(lambda: next(turn))


async def test_a_turn_that_has_swallowed_its_cancellation_is_the_last() -> None:
    async def turn() -> bool:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        return True

    turn_of = iter([turn(), failing(DeadLetterLimitError("one turn too many"))])
    async with asyncio.TaskGroup() as tasks:
        loop = tasks.create_task(turns().go_on(lambda: next(turn_of)))
        await asyncio.sleep(0)
        loop.cancel()
    assert loop.cancelled()
    with pytest.raises(DeadLetterLimitError):
        await next(turn_of)
