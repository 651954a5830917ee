"""A database without room for a row: it says everything, it takes nothing."""

import asyncio
from datetime import timedelta

import structlog
from tests.component.conftest import Ask, Eventually, Tell
from tests.component.timescale_sink.conftest import becomes, sink
from tests.component.timescale_sink.events import NOW, reading

from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.settings import SinkSettings

_FULL = """
CREATE FUNCTION telemetry.full() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON telemetry.reading
    FOR EACH ROW EXECUTE FUNCTION telemetry.full()
"""
_COUNT = "SELECT count(*) AS n FROM telemetry.reading"
_TOLD = 30


async def test_a_full_database_is_told_once_and_waited_for(
    settings: SinkSettings, tell: Tell, ask: Ask, eventually: Eventually
) -> None:
    await ask(_FULL)
    await tell(
        TELEMETRY, *(reading("m-1", NOW - timedelta(seconds=number)) for number in range(_TOLD))
    )
    with structlog.testing.capture_logs() as said:
        async with sink(settings) as health:
            ready = list[bool]()
            await becomes(health, ready=False)
            for _ in range(30):
                await asyncio.sleep(0.1)
                ready.append(health.faults() == {})
            assert not any(ready), "it is not ready while it cannot write"
            assert await becomes(health, ready=False) == {"writes": "store_unavailable"}
            await ask("DROP TRIGGER full_disk ON telemetry.reading")
            await eventually(_COUNT, until=lambda rows: rows[0]["n"] == _TOLD)
            assert await becomes(health, ready=True) == {}
    events = [line["event"] for line in said if line["event"] in {"sink_waits", "sink_writes"}]
    assert events == ["sink_waits", "sink_writes"]
