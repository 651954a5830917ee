"""Anomalies on real Kafka reach the collector that polls the miner, and wait for nobody."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from minestream_runtime.clock import SystemClock, new_event_id
from minestream_runtime.collecting.anomalies import AnomalyFeed
from minestream_runtime.kafka import Producer
from minestream_runtime.scheduling.pace import Tempo
from minestream_runtime.scheduling.scheduler import Scheduler
from minestream_runtime.settings import Settings
from minestream_schemas.anomaly import ANOMALY, Anomaly

CLOCK = SystemClock()


def anomaly(miner_id: str, *, age_s: float = 0.0) -> Anomaly:
    return Anomaly(
        event_id=new_event_id(CLOCK.now()),
        reading_id=new_event_id(CLOCK.now()),
        ts=CLOCK.now() - timedelta(seconds=age_s),
        miner_id=miner_id,
        site_id="site",
        detector="ewma-z",
        score=0.9,
        scores={"hashrate_hs": 0.9},
        values={"hashrate_hs": 1.0},
        expected={"hashrate_hs": 2.0},
    )


@asynccontextmanager
async def collector(settings: Settings, *miners: str) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(CLOCK, lambda _: None, tempo=Tempo())
    for miner in miners:
        scheduler.add(miner, interval_s=60.0)
    feed = AnomalyFeed(settings, CLOCK, scheduler.hurry, least_score=0.8)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(feed.run())
        yield scheduler
        running.cancel()


async def test_an_anomaly_hurries_its_miner_at_its_own_collector_and_no_other(
    kafka_bootstrap: str, namespace: str, make_topics: Callable[..., Awaitable[None]]
) -> None:
    await make_topics(ANOMALY)
    settings = Settings(kafka_bootstrap=kafka_bootstrap, topic_namespace=namespace)
    async with (
        Producer(settings, deadline_s=60) as producer,
        collector(settings, "miner-a", "miner-b") as one,
        collector(settings, "miner-c") as other,
    ):
        await producer.send(ANOMALY, key=b"miner-b", value=b"no anomaly")
        async with asyncio.timeout(60):
            while one.period_after("miner-a", answered=True) != 30.0:
                await producer.publish(ANOMALY, anomaly("miner-b", age_s=3600.0))
                await producer.publish(ANOMALY, anomaly("miner-a"))
                await asyncio.sleep(0.1)
        assert one.period_after("miner-b", answered=True) == 60.0
        assert other.period_after("miner-c", answered=True) == 60.0
