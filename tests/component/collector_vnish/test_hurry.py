"""The collector as a process asks those more often to whom something has happened, and says so."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.component.collector_vnish.line import Line

from minestream_emulators.running import emulated_fleet
from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.kafka import Producer
from minestream_schemas.anomaly import ANOMALY, Anomaly
from minestream_schemas.raw import PollStatus, RawMiner

INTERVAL_S = 3.0


def anomaly(miner_id: str, site_id: str) -> Anomaly:
    now = SystemClock().now()
    return Anomaly(
        event_id=new_event_id(now),
        reading_id=new_event_id(now),
        ts=now,
        miner_id=miner_id,
        site_id=site_id,
        detector="ewma-z",
        score=0.95,
        scores={"hashrate_hs": 0.95},
        values={"hashrate_hs": 1.0},
        expected={"hashrate_hs": 2.0},
    )


def told(polls: list[RawMiner], miner_id: str) -> list[float]:
    """What each poll of a miner has told of the next."""
    return [poll.interval_s for poll in polls if poll.miner_id == miner_id]


async def test_after_an_anomaly_its_miner_is_polled_twice_as_often_and_no_other(
    line: Line, make_topics: Callable[..., Awaitable[None]]
) -> None:
    await make_topics(ANOMALY)
    async with emulated_fleet(miners=2) as fleet:
        odd, other = await line.enrol(fleet)
        line.start(MINESTREAM_POLL_INTERVAL_S=f"{INTERVAL_S:g}")
        await line.polled(lambda polls: len({poll.miner_id for poll in polls}) == 2)
        # its feed begins at the end of the topic, once it has found it: nobody can see that
        async with Producer(line.settings, deadline_s=60) as producer:
            async with asyncio.timeout(60):
                while INTERVAL_S / 2 not in told(polls := await line.polls(), odd.miner_id):
                    await producer.publish(ANOMALY, anomaly(odd.miner_id, odd.site_id))
                    await asyncio.sleep(0.3)
        await line.polled(lambda polls: told(polls, other.miner_id)[1:] != [])
    assert told(polls, odd.miner_id)[0] == INTERVAL_S
    assert set(told(polls, other.miner_id)) == {INTERVAL_S}


@pytest.mark.soak
async def test_a_miner_that_goes_and_returns_is_asked_less_then_more_often(line: Line) -> None:
    async with emulated_fleet(miners=1) as fleet:
        (entry,) = await line.enrol(fleet)
        line.start()
        await line.polled(lambda polls: len(polls) >= 2)
        await fleet.break_miner("unreachable", [entry.miner_id])
        await line.polled(lambda polls: polls[-1].interval_s == 4.0)
        await fleet.heal()
        polls = await line.polled(lambda polls: polls[-1].status is PollStatus.OK)
    silent = [poll.interval_s for poll in polls if poll.status is not PollStatus.OK]
    assert silent[:2] == [2.0, 4.0]
    assert set(silent[2:]) <= {5.0}
    assert {poll.interval_s for poll in polls if poll.status is PollStatus.OK} == {1.0}
