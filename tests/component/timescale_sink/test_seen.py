"""What an operator sees of the sink: its spans and its metrics, over the real process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections import defaultdict
from contextlib import asynccontextmanager
from datetime import timedelta
from math import nan
from typing import TYPE_CHECKING, Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families
from tests.component.timescale_sink.conftest import sink
from tests.component.timescale_sink.events import NOW, raw, reading
from tests.component.timescale_sink.outside import one_of_each

from minestream_devstack.ports import Ports
from minestream_runtime import semconv, traces
from minestream_runtime.settings import Settings
from minestream_schemas.feature import Feature
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import TELEMETRY

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.component.conftest import Ask, Eventually, Tell

    from minestream_runtime.kafka import Producer
    from minestream_schemas.event import Event, Topic
    from timescale_sink.settings import SinkSettings

_SPAN = "00f067aa0ba902b7"


def _carrying(trace_id: str, *, sampled: bool) -> list[tuple[str, bytes]]:
    return [("traceparent", f"00-{trace_id}-{_SPAN}-0{int(sampled)}".encode())]


def _spans(folder: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for file in folder.glob("*.jsonl")
        for line in file.read_text().splitlines()
    ]


@asynccontextmanager
async def _process(environment: dict[str, str], folder: Path) -> AsyncIterator[str]:
    """The service as its own process, and where its metrics are."""
    port = Ports(folder / "ports").claim("sink", 0)
    told = {
        "MINESTREAM_TRACE_FOLDER": str(folder),
        "MINESTREAM_TRACE_RATIO": "0",
        "MINESTREAM_HEALTH_PORT": str(port),
    }
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "timescale_sink"),
        env=os.environ | environment | told,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}/metrics"
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), 60)


async def _measured(url: str) -> dict[tuple[str, str], float]:
    """Every sample by its name and the values of its labels."""
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        text = await answer.text()
    return {
        (sample.name, ",".join(v for k, v in sample.labels.items() if k != "le")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_batch_is_a_trace_and_its_sampled_records_are_steps_of_theirs(
    environment: dict[str, str],
    producer: Producer,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    polls = [raw(f"site-a-r01-s0{n}", NOW) for n in range(1, 4)]
    readings = [reading(p.miner_id, NOW, raw_event_id=p.event_id) for p in polls]

    async def told(topic: Topic, event: Event, trace_id: str, *, sampled: bool) -> None:
        await producer.publish(topic, event, headers=_carrying(trace_id, sampled=sampled))

    for number, (poll, said) in enumerate(zip(polls, readings, strict=True)):
        await told(RAW_MINER, poll, poll.event_id.hex, sampled=number == 0)
        await told(TELEMETRY, said, poll.event_id.hex, sampled=number == 0)
    bad = raw("site-a-r01-s09", NOW).event_id.hex
    await producer.send(TELEMETRY, key=b"m", value=b"SECRET", headers=_carrying(bad, sampled=False))
    async with _process(environment, tmp_path) as url:
        await eventually(
            "SELECT 1 FROM telemetry.reading UNION ALL SELECT 1 FROM telemetry.raw_event "
            "UNION ALL SELECT 1 FROM telemetry.dead_letter",
            until=lambda rows: len(rows) == 7,
        )
        await _counted(url)
    spans = _spans(tmp_path)
    written = {
        s["name"]: s for s in spans if s["name"].startswith("write minestream") and not s["error"]
    }
    assert set(written) == {"write minestream.telemetry.v1", "write minestream.raw.miner.v1"}
    for span in written.values():
        assert (span["trace_id"], span["parent_id"]) == (polls[0].event_id.hex, _SPAN)
        assert span["attributes"][semconv.EVENT_ID] == str(polls[0].event_id)
        assert span["attributes"][semconv.MINER_ID] == polls[0].miner_id
        assert span["service"] == "timescale-sink"
    batches = [s for s in spans if s["name"] == "write batch"]
    assert {link for batch in batches for link in batch["links"]} == {polls[0].event_id.hex}
    assert all(batch["trace_id"] != polls[0].event_id.hex for batch in batches)
    (fault,) = [s for s in spans if s["error"]]
    assert (fault["trace_id"], fault["parent_id"]) == (bad, _SPAN)
    assert fault["attributes"][semconv.ERROR_TYPE] == "schema"
    assert "SECRET" not in json.dumps(spans)


async def test_what_pools_markets_and_features_say_is_a_step_of_its_trace_too(
    environment: dict[str, str],
    producer: Producer,
    eventually: Eventually,
    tmp_path: Path,
) -> None:
    events = one_of_each()
    sources = {
        name: event.source_event_id if isinstance(event, Feature) else event.raw_event_id  # type: ignore[attr-defined] # all others have one
        for name, (_, event) in events.items()
    }
    for name, (topic, event) in events.items():
        headers = _carrying(sources[name].hex, sampled=True)
        await producer.publish(topic, event, headers=headers)
    async with _process(environment, tmp_path):
        for name in events:
            await eventually(f"SELECT 1 FROM telemetry.{name}")  # noqa: S608 - our own names
    steps = {s["name"]: s for s in _spans(tmp_path) if s["name"].startswith("write minestream")}
    for name, (topic, _) in events.items():
        step = steps.pop(f"write {topic.name}")
        assert step["trace_id"] == sources[name].hex
        assert step["attributes"][semconv.EVENT_ID] == str(sources[name])
    assert steps == {}


async def _counted(url: str) -> None:
    """Wait until all is counted: rows are seen before their writer has counted them."""
    most_s = time.monotonic() + 60
    while True:
        try:
            _check(defaultdict(lambda: nan, await _measured(url)))
        except AssertionError:
            if time.monotonic() > most_s:
                raise
            await asyncio.sleep(0.1)
        else:
            return


def _check(seen: dict[tuple[str, str], float]) -> None:
    for what in ("stage", "offsets", "copy", "settle", "rare", "commit"):
        assert seen["minestream_database_seconds_count", what] >= 1, what
        assert seen["minestream_database_seconds_sum", what] > 0, what
    assert seen["minestream_batch_rows_sum", ""] == 7
    assert seen["minestream_batch_seconds_count", ""] == seen["minestream_batch_rows_count", ""]
    assert seen["minestream_rows_written_total", "reading"] == 3
    assert seen["minestream_rows_written_total", "board"] == 6
    assert seen["minestream_rows_written_total", "raw_event"] == 3
    assert seen["minestream_dead_letters_total", "schema"] == 1
    assert seen["minestream_event_age_seconds_count", "stored"] >= 1
    assert seen["minestream_events_processed_total", TELEMETRY.name] == 4
    assert seen["minestream_consumer_lag_records", TELEMETRY.name] >= 0


_SLOW = """
CREATE FUNCTION telemetry.slow() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END $$;
CREATE TRIGGER slow BEFORE INSERT ON telemetry.reading FOR EACH ROW
    EXECUTE FUNCTION telemetry.slow()
"""


async def test_a_batch_that_takes_too_long_is_tried_again_in_halves_and_the_failure_is_kept(
    settings: SinkSettings, tell: Tell, eventually: Eventually, ask: Ask, tmp_path: Path
) -> None:
    await ask(_SLOW)
    await tell(
        TELEMETRY, *(reading("site-a-r01-s01", NOW - timedelta(seconds=n)) for n in range(100))
    )
    impatient = settings.model_copy(update={"sink_statement_timeout_s": 0.6})
    traced = Settings(trace_folder=tmp_path, trace_ratio=0)
    with traces.configured("timescale-sink", traced):
        async with sink(impatient):
            await eventually("SELECT 1 FROM telemetry.reading", until=lambda rows: len(rows) == 100)
    failures = _spans(tmp_path)
    assert failures
    assert {s["attributes"][semconv.ERROR_TYPE] for s in failures} == {"store_unavailable"}
    sizes = [s["attributes"][semconv.MESSAGING_BATCH] for s in failures]
    assert sizes[0] == max(sizes) > min(sizes)
