"""Kafka goes, the collector is killed: what the ledger says is safe arrives, in order, once."""

import asyncio
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from tests.component.collector_vnish.line import Line

from minestream_emulators.running import emulated_fleet
from minestream_runtime.kafka import ensure_topics
from minestream_runtime.settings import Settings
from minestream_schemas.gap import GAP, GapCause
from minestream_schemas.inventory import INVENTORY
from minestream_schemas.raw import RAW_MINER, RawMiner

IMPATIENT = {"MINESTREAM_PUBLISH_DEADLINE_S": "2"}
"""Kafka is away as soon as that."""


@pytest.fixture
async def own_line(own_kafka: Any, tmp_path: Path) -> Any:
    """A line on a Kafka of its own, which the test may stop."""
    settings = Settings(kafka_bootstrap=own_kafka.bootstrap, topic_namespace="own")
    await ensure_topics(settings, (INVENTORY, RAW_MINER, GAP))
    this = Line(settings, tmp_path, Fernet.generate_key().decode())
    yield this
    os.kill(own_kafka.pid, signal.SIGCONT)
    this.end()


def safe(line: Line) -> Iterator[str]:
    """P: what the ledger says is safe, less what it says was dropped."""
    entries = line.ledger()
    dropped = {entry["dropped"] for entry in entries if "dropped" in entry}
    return (
        entry["event"] for entry in entries if "event" in entry and entry["event"] not in dropped
    )


def in_order(polls: list[RawMiner]) -> None:
    """First arrivals of each miner's events are in the order of the polls."""
    by_miner: dict[str, dict[str, None]] = defaultdict(dict)
    for poll in polls:
        by_miner[poll.miner_id].setdefault(str(poll.event_id))
    for events in by_miner.values():
        assert list(events) == sorted(events)  # UUIDv7 sorts by time


def spooled(line: Line) -> int:
    return sum(entry.get("via") == "spool" for entry in line.ledger())


async def until_drained(line: Line, wanted: int) -> list[RawMiner]:
    return await line.polled(
        lambda polls: (
            len({poll.event_id for poll in polls}) >= wanted
            and set(safe(line)) <= {str(poll.event_id) for poll in polls}
        )
    )


async def test_while_kafka_hangs_polls_go_to_the_spool_and_arrive_in_order(
    own_line: Line, own_kafka: Any
) -> None:
    async with emulated_fleet(miners=10) as fleet:
        await own_line.enrol(fleet)
        collector = own_line.start(**IMPATIENT)
        await own_line.polled(lambda polls: len({poll.miner_id for poll in polls}) == 10)
        os.kill(own_kafka.pid, signal.SIGSTOP)
        seen = await own_line.measured(lambda seen: seen["minestream_spool_events"] >= 60)
        os.kill(own_kafka.pid, signal.SIGCONT)
        assert spooled(own_line) >= 60, "polling goes on into the spool"
        assert seen["minestream_spool_age_seconds"] > 2
        assert seen["minestream_spool_bytes"] > 1000
        assert seen['collector_upload_total{outcome="spool"}'] >= 60
        polls = await until_drained(own_line, len(own_line.ledger()))
        await own_line.until(lambda: b"link_up" in own_line.log_bytes())
        gaps = await own_line.told(lambda gaps: any(gap.ended_at for gap in gaps))
        await own_line.measured(lambda seen: not seen["minestream_spool_events"])
        assert collector.poll() is None
    in_order(polls)
    told = Counter((gap.cause, gap.ended_at is not None) for gap in gaps)
    assert told[(GapCause.LINK_DOWN, False)] >= 1
    closed = next(gap for gap in gaps if gap.ended_at)
    assert closed.filled
    assert closed.lost_total == 0
    events = Counter(entry["event"] for entry in own_line.log() if "event" in entry)
    assert events["link_down"] == events["link_up"] == 1


async def test_a_killed_collector_loses_nothing_that_its_ledger_holds(
    own_line: Line, own_kafka: Any
) -> None:
    async with emulated_fleet(miners=10) as fleet:
        await own_line.enrol(fleet)
        collector = own_line.start(**IMPATIENT)
        await own_line.polled(lambda polls: len({poll.miner_id for poll in polls}) == 10)
        collector.kill()
        collector.wait()
        collector = own_line.start(**IMPATIENT)
        seen = len(own_line.ledger())
        await own_line.until(lambda: len(own_line.ledger()) >= seen + 20)
        os.kill(own_kafka.pid, signal.SIGSTOP)
        await own_line.until(lambda: spooled(own_line) >= 40)
        collector.kill()
        collector.wait()
        os.kill(own_kafka.pid, signal.SIGCONT)
        kept = set(safe(own_line))
        collector = own_line.start()
        polls = await until_drained(own_line, len(kept) + 10)
    assert kept <= {str(poll.event_id) for poll in polls}
    in_order(polls)
    collector.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(collector.wait, 60) == 0
    arrived = {str(poll.event_id) for poll in await own_line.polls()}
    assert set(safe(own_line)) <= arrived, "nothing acknowledged is lost by a graceful stop"
