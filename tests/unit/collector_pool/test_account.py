"""One account: a snapshot in each interval, one more after a pause, and its income by the clock."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.unit.collector_pool.http_pools import Time, account, emulated_pools
from tests.unit.dialects.pool_snapshots import nobody

from collector_pool.adapters.account import STARTED, Follower
from collector_pool.adapters.asking import Asker, Way, manners
from minestream_dialects.pools import POOLS, normalise
from minestream_dialects.pools.port import Span
from minestream_emulators.pools.site import Site
from minestream_emulators.troubles import Trouble, Troubles
from minestream_runtime.polite import PoliteClient
from minestream_runtime.tasks import Tasks
from minestream_schemas.pool import PoolMessage, PoolReward, PoolStats, RawPool
from minestream_schemas.raw import PollStatus


class Told:
    """Takes events in the teller's place."""

    def __init__(self) -> None:
        self.events: list[RawPool] = []
        self.news: list[set[str]] = []

    async def tell(self, event: RawPool, *, news: Mapping[str, str]) -> None:
        self.events.append(event)
        self.news.append(set(news))


class Story:
    """Moves the clock where the follower sleeps, and tells what happens then.

    Args:
        scenes: what happens at each sleep; after the last the follower is cancelled.
    """

    def __init__(self, time: Time, *scenes: Callable[[], object]) -> None:
        self._time, self._scenes = time, list(scenes)
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self._scenes:
            raise asyncio.CancelledError
        self._scenes.pop(0)()
        await self._time.sleep(seconds)


def _nothing() -> None:
    """Time passes."""


@asynccontextmanager
async def _followed(
    pool: str, story: Callable[[Time, Troubles], Story], **more: Any
) -> AsyncIterator[tuple[Follower, Told, Story, Site, Time]]:
    time, told = Time(), Told()
    async with emulated_pools() as (site, troubles, url):
        owner = account(pool, url, **more)
        client = PoliteClient(
            pool, owner.url or "", time, manners=manners(apart_s=0.001), sleep=time.sleep
        )
        async with client:
            this = story(time, troubles)
            asker = Asker(
                POOLS[pool],
                Way(client),
                time,
                interval_s=owner.interval_s,
                stale_most_s=3600.0,
                refused_s=600.0,
            )
            follower = Follower(
                owner,
                POOLS[pool],
                asker,
                cast("Any", told),
                collector_id="collector-pool-0",
                clock=time,
                sleep=this.sleep,
            )
            yield follower, told, this, site, time


async def _run(follower: Follower) -> None:
    with pytest.raises(asyncio.CancelledError):
        await follower.run()


async def test_a_snapshot_is_built_once_per_cycle_with_all_answers() -> None:
    async with _followed("ocean", lambda time, _: Story(time, _nothing, _nothing)) as (
        follower,
        told,
        story,
        site,
        _,
    ):
        await _run(follower)
    assert story.slept == pytest.approx([300.0, 300.0, 300.0], abs=0.1)
    assert len(told.events) == 3
    assert site.asked["ocean"] == 9
    for event in told.events:
        assert set(event.endpoints) == {"user_hashrate", "user_hashrate_full", "statsnap"}
        assert (event.message, event.status) == (PoolMessage.SNAPSHOT, PollStatus.OK)
        assert (event.subject, event.dialect, event.coin) == ("ocean-main", "ocean", "bitcoin")
        stats = [each for each in normalise(event, miner_of=nobody) if isinstance(each, PoolStats)]
        assert [each.ts for each in stats] == [event.received_at]
    assert len({event.event_id for event in told.events}) == 3


async def test_a_short_interval_asks_only_for_what_can_be_new() -> None:
    scenes = [_nothing] * 4
    async with _followed("braiins", lambda time, _: Story(time, *scenes), interval_s=60.0) as (
        follower,
        told,
        _,
        site,
        _,
    ):
        await _run(follower)
    assert site.asked["braiins"] == 6  # the profile five times, the workers once
    assert told.news == [{"profile", "workers"}, *[{"profile"}] * 4]
    assert all(set(event.endpoints) == {"profile", "workers"} for event in told.events)


async def test_while_a_pool_throttles_us_the_last_answers_are_told_marked() -> None:
    def story(time: Time, troubles: Troubles) -> Story:
        return Story(
            time,
            lambda: troubles.begin(Trouble.POOL_429_BARE, for_s=None),
            *[_nothing] * 7,
            troubles.heal,
            _nothing,
        )

    async with _followed("braiins", story) as (follower, told, this, _, _):
        await _run(follower)
    pauses = this.slept[1:7]  # until it may be asked again
    for pause_s, nominal_s in zip(pauses[:5], (5, 10, 20, 40, 80), strict=True):
        assert nominal_s * 0.9 <= pause_s <= nominal_s * 1.1
    first, stale, *after = told.events
    assert not first.stale_endpoints
    assert stale.stale_endpoints == ("profile", "workers")
    assert "429" in (stale.error or "")
    assert stale.endpoints == first.endpoints
    assert after[-1].stale_endpoints == ()
    assert len(told.events) <= 5  # not one for each try


async def test_a_pool_that_never_answered_says_why() -> None:
    def story(time: Time, troubles: Troubles) -> Story:
        troubles.begin(Trouble.POOL_DOWN, for_s=None)
        return Story(time)

    async with _followed("viabtc", story) as (follower, told, _, _, _):
        await _run(follower)
        assert follower.note() is not None
    (event,) = told.events
    assert event.status is PollStatus.TIMEOUT
    assert {each.status for each in event.endpoints.values()} == {PollStatus.TIMEOUT}
    assert normalise(event, miner_of=nobody) == ()


async def test_a_refused_key_is_noted_and_told_once() -> None:
    def story(time: Time, troubles: Troubles) -> Story:
        troubles.begin(Trouble.POOL_WRONG_KEY, for_s=None)
        return Story(time, _nothing)

    async with _followed("f2pool", story) as (follower, told, _, site, _):
        await _run(follower)
        assert "refuses the key" in (follower.note() or "")
    assert [event.status for event in told.events] == [PollStatus.UNAUTHORISED]
    assert site.asked["f2pool"] == 1


async def _income(pool: str) -> tuple[list[PoolReward], list[RawPool]]:
    async with _followed(pool, lambda time, _: Story(time)) as (follower, told, _, _, time):
        tasks = Tasks(time)
        follower.add_tasks(
            tasks, payouts="5 * * * *", history="25 */3 * * *", reconcile="40 1 * * *"
        )
        tasks.tell(STARTED)
        running = asyncio.ensure_future(tasks.run())
        wanted = len(
            {call.message for call in POOLS[pool].calls(*_of(pool))} - {PoolMessage.SNAPSHOT}
        )
        async with asyncio.timeout(5):
            while len(told.events) < wanted:  # noqa: ASYNC110 - the tasks' doing
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    rewards = [
        each
        for event in told.events
        for each in normalise(event, miner_of=nobody)
        if isinstance(each, PoolReward)
    ]
    return rewards, told.events


def _of(pool: str) -> Any:
    now = Time().now()
    return account(pool, "http://127.0.0.1:1"), Span(now - timedelta(days=2), now)


@pytest.mark.parametrize("pool", ["ocean", "braiins", "f2pool", "viabtc"])
async def test_at_the_start_five_weeks_of_income_are_told(pool: str) -> None:
    rewards, events = await _income(pool)
    assert all(event.status is PollStatus.OK for event in events)
    kinds = {each.kind for each in rewards}
    assert len(kinds) == 2
    days = {each.ts.date() for each in rewards}
    assert len(days) >= 34
    assert len({each.event_id for each in rewards}) == len(rewards)
