"""What can be seen of a running processor: its spans and its metrics, as the process gives them."""

import asyncio
import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prometheus_client.parser import text_string_to_metric_families

from minestream_devstack.ports import Ports
from minestream_runtime.kafka import Record
from minestream_schemas.dead_letter import dead_letter_topic
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import CHIPS, TELEMETRY
from minestream_schemas.window import WINDOW

World = Any
Poll = Callable[..., RawMiner]
Figures = dict[tuple[str, ...], float]
PARENT = "b7ad6b7169203331"
FIXTURES = Path(__file__).parents[2] / "fixtures" / "vnish"


def many(count: int) -> Callable[[list[Record]], bool]:
    return lambda found: len(found) >= count


def carried(event_id: UUID, *, sampled: bool) -> list[tuple[str, bytes]]:
    return [("traceparent", f"00-{event_id.hex}-{PARENT}-{int(sampled):02d}".encode())]


def spans(folder: Path) -> list[dict[str, Any]]:
    found = []
    for file in folder.glob("*.jsonl"):
        found += [json.loads(line) for line in file.read_text().splitlines()]
    return found


def figures(port: int) -> Figures:
    """All samples: name and label values to the value."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as page:
            text = page.read().decode()
    except OSError:
        return {}
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_sampled_poll_has_two_spans_whose_context_all_its_outputs_carry(
    world: World, poll: Poll, tmp_path: Path
) -> None:
    at = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    endpoints = {
        name: EndpointBody(
            status=PollStatus.OK,
            fetched_at=at,
            body=(FIXTURES / f"l9_1.2.7_{name}_assembled.json").read_text(),
        )
        for name in ("info", "summary", "chips")
    }
    followed = poll("miner-s", at, status=PollStatus.OK, endpoints=endpoints)
    quiet = poll("miner-q", at)
    last = poll("miner-s", at + timedelta(minutes=1))
    for one, sampled in ((followed, True), (quiet, False), (last, True)):
        headers = carried(one.event_id, sampled=sampled)
        await world.producer.publish(RAW_MINER, one, headers=headers)
    process = world.start(MINESTREAM_TRACE_FOLDER=str(tmp_path / "traces"))
    told = await world.records(TELEMETRY, many(3))
    (chips,) = await world.records(CHIPS, many(1))
    (window,) = await world.records(WINDOW, many(1))
    assert (await world.stopped(process))[0] == 0

    found = spans(tmp_path / "traces")
    assert {span["trace_id"] for span in found} == {followed.event_id.hex, last.event_id.hex}
    ours = {span["name"]: span for span in found if span["trace_id"] == followed.event_id.hex}
    work, normalise = ours["process minestream.raw.miner.v1"], ours["normalise"]
    assert len(ours) == 2
    assert (work["parent_id"], normalise["parent_id"]) == (PARENT, work["span_id"])
    for span in ours.values():
        assert span["attributes"]["minestream.event.id"] == str(followed.event_id)
        assert span["attributes"]["minestream.miner.id"] == "miner-s"
        assert span["error"] is None
    (closing,) = (
        span
        for span in found
        if span["trace_id"] == last.event_id.hex and span["name"].startswith("process")
    )

    def context(record: Record) -> bytes:
        return record.headers["traceparent"]

    by_miner = {(one.key, context(one)) for one in told}
    of_followed = f"00-{followed.event_id.hex}-{work['span_id']}-01".encode()
    of_last = f"00-{last.event_id.hex}-{closing['span_id']}-01".encode()
    assert by_miner == {
        (b"miner-s", of_followed),
        (b"miner-s", of_last),
        (b"miner-q", carried(quiet.event_id, sampled=False)[0][1]),
    }
    assert context(chips) == of_followed
    assert context(window) == of_last


async def test_what_waits_comes_late_twice_or_broken_is_counted(
    world: World, poll: Poll, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    first = poll("miner-m", now - timedelta(seconds=60))
    for one in (
        first,
        poll("miner-m", now - timedelta(seconds=30)),
        first,
        poll("miner-m", now - timedelta(seconds=50)),
    ):
        await world.producer.publish(RAW_MINER, one)
    await world.put(key=b"miner-m", value=b"{", partition=world.home("miner-m"))
    port = Ports(tmp_path / "ports").claim("processor", 0)
    world.start(
        MINESTREAM_HEALTH_PORT=str(port),
        MINESTREAM_TICK_EVERY_S="0.5",
        MINESTREAM_LAG_EVERY_S="0.5",
    )
    await world.records(dead_letter_topic("processor"), many(1))
    raw, ticks = RAW_MINER.name, "minestream.ticks.v1"

    async def counted() -> bool:
        seen = await asyncio.to_thread(figures, port)
        wanted = {
            ("minestream_consumer_lag_records", raw): 0,
            ("minestream_events_processed_total", raw): 4,
            ("minestream_events_repeated_total", raw): 1,
            ("minestream_events_late_total", raw): 1,
            ("minestream_dead_letters_total", "schema"): 1,
            ("minestream_event_age_seconds_count", "processor"): 4,
            ("minestream_windows_closed_total", "event"): 1,
            ("minestream_window_lateness_seconds_count", "event"): 1,
            ("minestream_window_lateness_seconds_count", "tick"): 1,
            ("minestream_windows_closed_total", "tick"): 1,
            ("minestream_fence_dropped_total",): 0,
        }
        return (
            wanted.items() <= seen.items()
            and ("minestream_consumer_lag_records", ticks) in seen
            and 30 < seen["minestream_window_lateness_seconds_sum", "event"] < 300
        )

    await world.until(counted)
