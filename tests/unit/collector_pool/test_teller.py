"""What of a silence is on disk, and what counts as news."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from collector_pool.adapters.teller import Teller
from collector_pool.domain.freshness import Silence
from collector_pool.domain.sayings import HTTP, Saying
from collector_pool.settings import PoolSettings
from minestream_runtime.clock import SystemClock
from minestream_schemas.event import Topic
from minestream_schemas.gap import Gap
from minestream_schemas.pool import PoolMessage


class Outlet:
    """The way to Kafka, where somebody may be killed."""

    def __init__(self) -> None:
        self.deadly = False
        self.gaps: list[Gap] = []

    async def publish(self, topic: Topic, event: Any) -> None:
        """What is said is not looked at here."""

    async def tell(self, gap: Gap) -> None:
        if self.deadly:
            raise asyncio.CancelledError
        self.gaps.append(gap)


async def test_a_gap_that_is_not_closed_yet_is_closed_after_a_restart(tmp_path: Path) -> None:
    settings, clock, outlet = PoolSettings(state_dir=tmp_path), SystemClock(), Outlet()
    began_at, ended_at = clock.now(), clock.now()
    before = Teller(settings, cast("Any", outlet), clock)
    await before._tell(Silence(began_at))
    outlet.deadly = True
    with pytest.raises(asyncio.CancelledError):
        await before._tell(Silence(began_at, ended_at))
    outlet.deadly = False
    after = Teller(settings, cast("Any", outlet), clock)
    assert after.freshness.silent_since == began_at
    await after._tell(Silence(began_at, ended_at))
    assert [gap.ended_at for gap in outlet.gaps] == [None, ended_at]
    assert Teller(settings, cast("Any", outlet), clock).freshness.silent_since is None


async def test_the_same_answer_again_is_no_news_though_two_connections_have_one_name(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    teller = Teller(PoolSettings(state_dir=tmp_path), cast("Any", Outlet()), clock)

    async def asked() -> None:
        at = clock.now()
        one = Saying(HTTP, PoolMessage.WORKER, at, about="rig-1", latency_ms=1.0, body="1")
        await teller.publish([one, replace(one, body="2")])

    await asked()
    newest = teller.freshness.newest
    await asked()
    assert newest is not None
    assert teller.freshness.newest == newest
