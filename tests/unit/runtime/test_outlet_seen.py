"""What an outlet tells of itself: spans of what it sends and drops, and counts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY
from tests.unit.runtime.outlet_world import START, Broker, drained, world

from minestream_runtime import semconv, traces
from minestream_runtime.clock import new_event_id
from minestream_runtime.outlet.spool import Spooled
from minestream_runtime.settings import Settings
from minestream_runtime.traces import Headers
from minestream_schemas.raw import RAW_MINER


def polled(value: str, *, headers: Headers) -> Spooled:
    at_s = START.timestamp()
    return Spooled(RAW_MINER.name, b"miner-1", value.encode(), value, at_s, headers=headers)


def spans(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "svc-0.jsonl").read_text().splitlines()]


@contextmanager
def tracing(folder: Path) -> Iterator[Headers]:
    """Traces into a folder; gives the headers of a poll whose trace is kept."""
    settings = Settings(trace_folder=folder, trace_ratio=1)
    event_id = new_event_id(START)
    with traces.configured("svc", settings), traces.root("poll miner", event_id) as span:
        yield traces.headers_of(span)


async def test_a_record_carries_the_context_of_its_sending(tmp_path: Path) -> None:
    with tracing(tmp_path / "traces") as headers:
        async with world(tmp_path) as this:
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    send, poll = spans(tmp_path / "traces")
    assert (send["name"], send["parent_id"]) == ("send minestream.raw.miner.v1", poll["span_id"])
    assert send["attributes"][semconv.EVENT_ID] == "1"
    assert send["attributes"][semconv.MINER_ID] == "miner-1"
    carried = traces.context_of(this.broker.headers["1"])
    assert carried is not None
    assert f"{carried.span_id:016x}" == send["span_id"]


async def test_the_context_of_a_sending_waits_in_the_spool_with_its_event(tmp_path: Path) -> None:
    with tracing(tmp_path / "traces") as headers:
        async with world(tmp_path, Broker(up=False)) as this:
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
        async with world(tmp_path) as this:  # a new start, with what was on disk
            await drained(this)
    send = next(span for span in spans(tmp_path / "traces") if span["name"].startswith("send"))
    carried = traces.context_of(this.broker.headers["1"])
    assert carried is not None
    assert f"{carried.span_id:016x}" == send["span_id"]


async def test_headers_of_a_poll_that_is_not_traced_go_out_as_they_are(tmp_path: Path) -> None:
    headers = traces.headers_of_unkept(new_event_id(START))
    async with world(tmp_path) as this:
        await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    assert this.broker.headers["1"] == headers


async def test_a_drop_leaves_a_trace_though_its_poll_was_not_traced(tmp_path: Path) -> None:
    event_id = new_event_id(START)
    settings = Settings(trace_folder=tmp_path / "traces", trace_ratio=0)
    with traces.configured("svc", settings):
        async with world(tmp_path, Broker(too_large={b"1"})) as this:
            headers = traces.headers_of_unkept(event_id)
            await this.outlet.publish(RAW_MINER, polled("1", headers=headers))
    (drop,) = spans(tmp_path / "traces")
    assert (drop["name"], drop["trace_id"]) == ("drop minestream.raw.miner.v1", event_id.hex)
    assert drop["attributes"][semconv.ERROR_TYPE] == "event_dropped"


async def test_uploads_are_counted_by_where_they_went(tmp_path: Path) -> None:
    def uploads() -> list[float]:
        found = [
            REGISTRY.get_sample_value("collector_upload_total", {"outcome": outcome})
            for outcome in ("kafka", "spool", "dropped")
        ]
        return [value or 0.0 for value in found]

    before = uploads()
    async with world(tmp_path, Broker(too_large={b"3"})) as this:
        await this.publish("a", "1")
        this.broker.up = False
        await this.publish("a", "2")
        this.broker.up = True
        await drained(this)
        await this.publish("a", "3")
    after = uploads()
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]
