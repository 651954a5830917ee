"""What of a silence is on disk, and what counts as news."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, cast

import pytest
import structlog

from collector_pool.adapters.inbox import Heard, Inbox
from collector_pool.adapters.open_gaps import end_left, left_open
from collector_pool.adapters.service import _publish_heard
from collector_pool.adapters.teller import Teller, Whose
from collector_pool.domain.freshness import Silence
from collector_pool.domain.pacing import Pacer
from collector_pool.domain.sayings import HTTP, WAMP, Saying
from collector_pool.settings import PoolSettings
from minestream_runtime.clock import SystemClock
from minestream_schemas.event import Topic
from minestream_schemas.gap import Gap
from minestream_schemas.pool import PoolMessage, RawPool
from minestream_schemas.raw import PollStatus

_WHOLE: Final = {"uuid": "a", "miner_name": "r01", "hashrate": 9.0, "share_count": 0}


class Outlet:
    """The way to Kafka, where somebody may be killed."""

    def __init__(self) -> None:
        self.deadly = False
        self.gaps: list[Gap] = []
        self.said: list[RawPool] = []

    async def publish(self, _: Topic, event: Any) -> None:
        self.said.append(RawPool.from_json(event.value))

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


async def test_the_gap_of_an_account_that_is_followed_no_more_ends_and_no_other(
    tmp_path: Path,
) -> None:
    clock, outlet = SystemClock(), Outlet()
    settings = PoolSettings(state_dir=tmp_path, pool_profile="live", pool_account="own")
    other = PoolSettings(state_dir=tmp_path, instance="10", pool_profile="live")
    began_at = clock.now()
    for whose in (None, Whose("stays", 600), Whose("left", 600)):
        await Teller(settings, cast("Any", outlet), clock, whose=whose)._tell(Silence(began_at))
    await Teller(other, cast("Any", outlet), clock, whose=Whose("b", 6))._tell(Silence(began_at))
    opened = {gap.subject: gap for gap in outlet.gaps}
    outlet.gaps.clear()

    async def begun_anew(now: PoolSettings) -> list[tuple[str, bool]]:
        at = began_at + timedelta(minutes=5)
        left = left_open(now, ["stays"])
        await end_left(left, cast("Any", outlet), at=at, collector_id=now.collector_id)
        ended, outlet.gaps = outlet.gaps, []
        assert {gap.ended_at for gap in ended} <= {at}
        return [(gap.subject, gap.gap_id == opened[gap.subject].gap_id) for gap in ended]

    assert await begun_anew(settings) == [("left", True)]
    assert await begun_anew(settings) == []
    renamed = settings.model_copy(update={"pool_account": "another"})
    assert await begun_anew(renamed) == [("own", True)]
    stays = Teller(settings, cast("Any", outlet), clock, whose=Whose("stays", 600))
    assert stays.freshness.silent_since == began_at


async def test_what_waited_while_messages_became_unreadable_does_not_call_them_readable(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    teller = Teller(PoolSettings(state_dir=tmp_path), cast("Any", Outlet()), clock)
    at = clock.now()
    sound = Saying(WAMP, PoolMessage.WORKER, at, about="a", body="{}")
    odd = replace(
        sound, about=None, status=PollStatus.GARBAGE, received_at=at + timedelta(seconds=1)
    )
    with structlog.testing.capture_logs() as logged:
        await teller.publish([odd])
        await teller.publish([sound])
        await teller.publish([replace(odd, received_at=at + timedelta(seconds=2))])
        await teller.publish([replace(sound, received_at=at + timedelta(seconds=3))])
    assert [line["event"] for line in logged] == ["messages_unreadable", "messages_readable"]


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


async def test_what_waits_is_news_and_is_published_when_the_collector_is_told_to_stop(
    tmp_path: Path,
) -> None:
    settings, clock, outlet = PoolSettings(state_dir=tmp_path), SystemClock(), Outlet()
    teller, inbox = Teller(settings, cast("Any", outlet), clock), Inbox(10, "prohashing-main")
    asked_for: list[PoolMessage] = []
    feed = cast("Any", SimpleNamespace(want=asked_for.append))
    publishing = asyncio.ensure_future(_publish_heard(inbox, teller, feed, Pacer(86_400), clock))
    at = clock.now()
    inbox.offer(Heard(Saying(WAMP, PoolMessage.WORKER, at, snapshot=True), [_WHOLE]))
    for second in range(1, 4):
        saying = Saying(WAMP, PoolMessage.WORKER, at + timedelta(milliseconds=second))
        inbox.offer(Heard(saying, {"uuid": "a", "share_count": second}))
    async with asyncio.timeout(10):
        while teller.freshness.newest != at + timedelta(milliseconds=3):  # noqa: ASYNC110 - its turns
            await asyncio.sleep(0.01)
    assert [json.loads(each.body or "") for each in outlet.said] == [_WHOLE]
    publishing.cancel()
    await asyncio.wait({publishing})
    last = outlet.said[-1]
    assert len(outlet.said) == 2
    assert json.loads(last.body or "") == {"uuid": "a", "share_count": 3}
    assert json.loads(last.merged or "") == _WHOLE | {"share_count": 3}
    assert asked_for == []
