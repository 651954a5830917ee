"""An anomaly has its miner polled more often; whatever else comes is no reason to."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from minestream_runtime.collecting.anomalies import AnomalyFeed
from minestream_runtime.settings import Settings
from minestream_schemas.anomaly import ANOMALY, Anomaly
from minestream_schemas.ids import event_id_at

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Noon:
    def now(self) -> datetime:
        return NOON

    def monotonic(self) -> float:
        return 0.0


def feed() -> tuple[AnomalyFeed, list[str]]:
    hurried: list[str] = []
    return AnomalyFeed(Settings(), Noon(), hurried.append, least_score=0.8), hurried


def anomaly(score: float = 0.9, age: timedelta = timedelta(seconds=2)) -> bytes:
    return Anomaly(
        event_id=event_id_at(1, 1),
        reading_id=event_id_at(1, 2),
        ts=NOON - age,
        miner_id="m-1",
        site_id="site",
        detector="ewma-z",
        score=score,
        scores={"hashrate_hs": score},
        values={"hashrate_hs": 1.0},
        expected={"hashrate_hs": 2.0},
    ).to_json()


@pytest.mark.parametrize(
    "value", [anomaly(), anomaly(score=0.8, age=timedelta(minutes=10))], ids=["plain", "just"]
)
def test_an_anomaly_hurries_its_miner(value: bytes) -> None:
    this, hurried = feed()
    this.note(value)
    assert hurried == ["m-1"]


@pytest.mark.parametrize(
    "value",
    [anomaly(score=0.79), anomaly(age=timedelta(minutes=10, seconds=1))],
    ids=["slight", "old"],
)
def test_one_that_is_slight_or_old_hurries_nobody(value: bytes) -> None:
    this, hurried = feed()
    this.note(value)
    assert hurried == []


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"miner_id":1,"score":1,"ts":"2026-11-21T12:00:00Z"}',
        b'{"miner_id":"m","score":1,"ts":"2026-11-21T12:00:00"}',
    ],
)
def test_what_is_no_anomaly_is_counted_and_ends_nothing(value: bytes) -> None:
    about = {"topic": ANOMALY.name, "kind": "schema"}
    name = "minestream_left_out_total"
    before = REGISTRY.get_sample_value(name, about) or 0.0
    this, hurried = feed()
    with capture_logs() as logs:
        this.note(value)
    assert hurried == []
    assert [line["event"] for line in logs] == ["anomaly_refused"]
    assert REGISTRY.get_sample_value(name, about) == before + 1


async def test_without_kafka_it_waits_and_says_so_once() -> None:
    settings = Settings(kafka_bootstrap="127.0.0.1:1")
    this = AnomalyFeed(settings, Noon(), lambda _: None, least_score=0.8)
    with capture_logs() as logs:
        running = asyncio.ensure_future(this.run())
        await asyncio.sleep(1.5)
        running.cancel()
        await asyncio.wait({running})
    assert running.cancelled()
    assert [line["event"] for line in logs] == ["anomalies_wait_for_kafka"]
