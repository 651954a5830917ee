"""What the collector tells of itself: its metrics, and a trace from the poll to the record."""

import asyncio
import json
from typing import Any, Final

from tests.component.collector_vnish.line import Line

from minestream_emulators.running import emulated_fleet
from minestream_runtime import semconv, traces
from minestream_runtime.kafka import Record
from minestream_schemas.raw import RAW_MINER, RawMiner

MOVING: Final = (
    'collector_upload_total{outcome="kafka"}',
    "collector_upload_latency_ms_count",
    'miner_poll_total{status="ok"}',
    'miner_poll_total{status="refused"}',
    'miner_poll_errors_total{status="refused"}',
    "miner_poll_latency_ms_count",
    "minestream_poll_lateness_seconds_count",
    'minestream_event_age_seconds_count{hop="published"}',
    'minestream_events_published_total{topic="minestream.raw.miner.v1"}',
)
"""The names that dashboards and alerts use: a change of one of them breaks somebody."""
STILL: Final = {
    "minestream_targets": 4,
    "minestream_spool_events": 0,
    "minestream_spool_bytes": 0,
    "minestream_spool_age_seconds": 0,
    "minestream_spool_dropped_total": 0,
}


async def test_polls_uploads_lateness_and_the_spool_are_counted(line: Line) -> None:
    async with emulated_fleet(miners=4) as fleet:
        entries = await line.enrol(fleet)
        await fleet.break_miner("unreachable", [entries[0].miner_id])
        line.start()
        first = await line.measured(lambda seen: all(seen.get(name) for name in MOVING))
        then = await line.measured(lambda seen: all(seen[name] > first[name] for name in MOVING))
    assert {name: then.get(name) for name in STILL} == STILL
    polls = {name: value for name, value in then.items() if name.startswith("miner_poll_total")}
    assert then["miner_poll_latency_ms_count"] == sum(polls.values())
    assert then["minestream_event_age_seconds_sum" + '{hop="published"}'] > 0


async def test_one_trace_leads_from_the_poll_over_its_requests_to_the_record(line: Line) -> None:
    folder = line.folder / "traces"
    async with emulated_fleet(miners=2) as fleet:
        await line.enrol(fleet)
        collector = line.start(MINESTREAM_TRACE_FOLDER=str(folder), MINESTREAM_TRACE_RATIO="1")
        await line.polled(lambda polls: len(polls) >= 6)
        collector.terminate()
        assert await asyncio.to_thread(collector.wait, 60) == 0
    told = (folder / "collector-vnish-0.jsonl").read_text().splitlines()
    spans = {span["span_id"]: span for span in map(json.loads, told)}
    records = await line.records(RAW_MINER)
    assert len(records) >= 6
    for record in records:
        leads_to_its_poll(record, spans)


def leads_to_its_poll(record: Record, spans: dict[str, dict[str, Any]]) -> None:
    event = RawMiner.from_json(record.value or b"")
    context = traces.sampled(record.headers)
    assert context is not None
    send = spans[f"{context.span_id:016x}"]
    poll = spans[send["parent_id"]]
    gets = [
        span
        for span in spans.values()
        if span["parent_id"] == poll["span_id"] and span["name"].startswith("GET ")
    ]
    assert (send["name"], poll["name"]) == ("send minestream.raw.miner.v1", "poll miner")
    assert poll["parent_id"] is None
    assert "GET summary" in {span["name"] for span in gets}
    for span in (send, poll, *gets):
        assert span["trace_id"] == event.event_id.hex
        assert span["attributes"][semconv.EVENT_ID] == str(event.event_id)
        assert span["attributes"][semconv.MINER_ID] == event.miner_id
        assert span["error"] is None
    assert all(poll["began_ns"] <= span["began_ns"] for span in gets)
    assert max(span["ended_ns"] for span in gets) <= poll["ended_ns"] <= send["ended_ns"]
