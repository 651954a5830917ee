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


def turns() -> Turns:
    return Turns(waits="waits", works="works", backoff=Backoff(first_s=0.001, most_s=0.001))


async def failing(exc: MinestreamError) -> bool:
    raise exc


async def working(*, known: bool = True) -> bool:
    return known


async def test_what_passes_by_itself_is_told_once_each_and_so_is_its_end() -> None:
    loop, failed = turns(), list[MinestreamError]()
    assert loop.fault() == "has not read yet"
    with structlog.testing.capture_logs() as said:
        for exc in (
            BrokerUnavailableError("a"),
            BrokerUnavailableError("b"),
            StoreUnavailableError("c"),
        ):
            await loop.take(failing(exc), failed=failed.append)
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
    with pytest.raises(DeadLetterLimitError):
        await turns().take(failing(DeadLetterLimitError("too many")))
