"""A database without room for a row: it says everything, it takes nothing."""

import asyncio
import gc
import os
from datetime import timedelta

import pytest
import structlog
from tests.component.conftest import Ask, Eventually, Tell
from tests.component.serving import becomes
from tests.component.timescale_sink.conftest import sink
from tests.component.timescale_sink.events import NOW, raw, reading

from minestream_runtime.backoff import Backoff
from minestream_schemas.raw import RAW_MINER
from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.adapters.service import YOUNG_OBJECTS
from timescale_sink.settings import SinkSettings

_FULL = """
CREATE FUNCTION telemetry.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON telemetry.{table}
    FOR EACH ROW EXECUTE FUNCTION telemetry.full()
"""
_COUNT = "SELECT count(*) AS n FROM telemetry.reading"
_TOLD = 30
_MANY = 500
_TRIES = 12


async def test_a_full_database_is_told_once_and_waited_for(
    settings: SinkSettings, tell: Tell, ask: Ask, eventually: Eventually
) -> None:
    await ask(_FULL.format(table="reading"))
    await tell(
        TELEMETRY, *(reading("m-1", NOW - timedelta(seconds=number)) for number in range(_TOLD))
    )
    with structlog.testing.capture_logs() as said:
        async with sink(settings) as health:
            ready = list[bool]()
            async with asyncio.timeout(60):
                while health.faults() != {"writes": "store_unavailable"}:  # noqa: ASYNC110 - its own turns
                    await asyncio.sleep(0.05)
            for _ in range(20):
                await asyncio.sleep(0.1)
                ready.append(health.faults() == {})
            assert not any(ready), "it is not ready while it cannot write"
            assert await becomes(health, ready=False) == {"writes": "store_unavailable"}
            await ask("DROP TRIGGER full_disk ON telemetry.reading")
            await eventually(_COUNT, until=lambda rows: rows[0]["n"] == _TOLD)
            assert await becomes(health, ready=True) == {}
    events = [line["event"] for line in said if line["event"] in {"sink_waits", "sink_writes"}]
    assert events == ["sink_waits", "sink_writes"]


async def test_what_was_fetched_for_a_full_database_does_not_pile_up(
    settings: SinkSettings, tell: Tell, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Semaphore(0)

    def soon(_: Backoff) -> float:
        tried.release()
        return 0.15

    monkeypatch.setattr(Backoff, "next_s", soon)
    await ask(_FULL.format(table="raw_event"))
    said = (os.urandom(4000).hex() for _ in range(_MANY))  # more than the client fetches at once
    polled = (raw("m-1", NOW - timedelta(seconds=number)) for number in range(_MANY))
    await tell(
        RAW_MINER,
        *(
            event.model_copy(update={"error": text})
            for event, text in zip(polled, said, strict=True)
        ),
    )
    before = gc.get_threshold()
    gc.set_threshold(YOUNG_OBJECTS)
    try:
        async with sink(settings), asyncio.timeout(120):
            for _ in range(_TRIES):
                await tried.acquire()
            held = sum(type(each).__name__ == "PartitionRecords" for each in gc.get_objects())
    finally:
        gc.set_threshold(*before)
    assert held <= 3, "of most tries nothing is left"
