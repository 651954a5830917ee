"""The feed's own decisions: when it stops, and what a full queue costs."""

import asyncio
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from collector_pool.adapters.feed import Feed
from collector_pool.adapters.inbox import Heard, Inbox
from collector_pool.adapters.service import collect
from collector_pool.adapters.standing import Standing, State
from collector_pool.domain.profiles import PROFILES
from collector_pool.domain.sayings import WAMP, Saying
from collector_pool.settings import PoolSettings
from minestream_runtime.clock import SystemClock
from minestream_runtime.errors import SourceRejectedError, SourceUnavailableError
from minestream_runtime.health import Health
from minestream_schemas.pool import PoolMessage


class Session:
    """A session that answers nothing and ends when it is told to."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.topics: dict[str, Any] = {}

    async def ended(self) -> None:
        await self.over.wait()
        raise SourceUnavailableError("gone")

    async def subscribe(self, topic: str, hear: Any) -> None:
        self.topics[topic] = hear

    async def call(self, procedure: str, *args: str) -> object:
        return {"called": procedure, "with": args}


def feed(tmp_path: Path, inbox: Inbox, **more: Any) -> Feed:
    settings = PoolSettings(
        pool_profile="live", pool_api_key=cast("Any", "my-key"), state_dir=tmp_path, **more
    )
    standing = Standing("prohashing-main", 60.0)
    return Feed(settings, PROFILES["live"], inbox=inbox, standing=standing, clock=SystemClock())


@pytest.mark.parametrize("turns", range(6))
async def test_told_to_stop_as_the_session_ends_it_stops(tmp_path: Path, turns: int) -> None:
    session = Session()
    following = asyncio.ensure_future(
        feed(tmp_path, Inbox(100, "prohashing-main"))._follow(cast("Any", session))
    )
    while len(session.topics) < 6:  # noqa: ASYNC110 - the feed's own turns
        await asyncio.sleep(0)
    session.over.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    asked = following.cancel()
    await asyncio.wait({following}, timeout=2)
    assert following.cancelled() is asked


async def test_a_session_that_ends_is_an_error_and_no_cancellation(tmp_path: Path) -> None:
    session = Session()
    session.over.set()
    with pytest.raises(SourceUnavailableError, match="gone"):
        await feed(tmp_path, Inbox(100, "prohashing-main"))._follow(cast("Any", session))


class Strict(Session):
    """A session that refuses the topics of the account at first."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    async def subscribe(self, topic: str, hear: Any) -> None:
        if "my-key" in topic and self.refusals < 3:
            self.refusals += 1
            raise SourceRejectedError("wamp.error.not_authorized")
        await super().subscribe(topic, hear)


async def test_a_topic_that_was_refused_is_heard_once_the_key_is_taken(tmp_path: Path) -> None:
    session = Strict()
    this = feed(tmp_path, Inbox(100, "prohashing-main"), pool_refused_s=0.02)
    following = asyncio.ensure_future(this._follow(cast("Any", session)))
    async with asyncio.timeout(5):
        while len(session.topics) < 6:  # noqa: ASYNC110 - the feed's own turns
            await asyncio.sleep(0.01)
    assert session.refusals == 3, "of workers, balances and failures"
    assert not following.done()
    assert this._wanted[PoolMessage.WORKER].is_set(), "what was missed is asked for"
    session.over.set()
    with pytest.raises(SourceUnavailableError, match="gone"):
        await following


async def test_a_full_queue_drops_what_is_new_and_asks_for_the_whole_again(tmp_path: Path) -> None:
    inbox = Inbox(2, "prohashing-main")
    this = feed(tmp_path, inbox)
    for event in this._wanted.values():
        event.clear()
    for number in range(3):
        this._hear(PoolMessage.WORKER, {"uuid": f"{number}"})
    assert [each.content for each in inbox.rest()] == [{"uuid": "0"}, {"uuid": "1"}]
    assert all(event.is_set() for event in this._wanted.values())
    this._hear(PoolMessage.WORKER, {"uuid": "3"})
    assert [each.content for each in inbox.rest()] == [{"uuid": "3"}]


async def test_an_answer_of_ours_waits_for_room() -> None:
    inbox = Inbox(1, "prohashing-main")
    saying = Saying(WAMP, PoolMessage.GENERAL, SystemClock().now())
    assert inbox.offer(Heard(saying, 1))
    waiting = asyncio.ensure_future(inbox.put(Heard(saying, 2)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert [each.content for each in await inbox.take()] == [1]
    await waiting
    assert [each.content for each in inbox.rest()] == [2]


async def test_only_a_feed_away_for_longer_than_the_grace_is_down() -> None:
    standing = Standing("prohashing-main", 0.05)
    standing.joined()
    assert standing.state is State.JOINED
    assert standing.lost("x")
    assert not standing.lost("y"), "told once"
    standing.joined()
    await asyncio.sleep(0.1)
    assert not standing.down.is_set()
    standing.lost("z")
    async with asyncio.timeout(2):
        await standing.down.wait()
    assert standing.note() == "the feed is down: z"


async def test_without_a_profile_it_stays_up_ready_and_says_so_once(tmp_path: Path) -> None:
    health = Health()
    with structlog.testing.capture_logs() as lines:
        idle = asyncio.ensure_future(collect(PoolSettings(state_dir=tmp_path), health))
        await asyncio.sleep(0.05)
    assert not idle.done()
    assert (health.faults(), health.remarks()) == ({}, {})
    assert [line["event"] for line in lines] == ["nothing_to_follow"]
    idle.cancel()
    await asyncio.wait({idle})
