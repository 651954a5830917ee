"""What is missing is told once, with its cause: from the poll to the row, over a restart."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr
from tests.component.serving import becomes, serving

from alerter.adapters.service import serve as alert
from alerter.settings import AlerterSettings
from minestream_schemas.gap import GAP
from minestream_schemas.raw import RAW_MINER, EndpointBody, PollStatus, RawMiner
from minestream_schemas.telemetry import TELEMETRY
from timescale_sink.adapters.service import serve as sink
from timescale_sink.settings import SinkSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.component.conftest import Ask, Eventually
    from tests.component.processor.conftest import World

READ = '{"miner":{"miner_status":{"miner_state":"mining"},"instant_hashrate":14000.0}}'
ANSWERED = {"r": PollStatus.OK, "u": PollStatus.UNAUTHORISED, "g": PollStatus.GARBAGE}
GAPS = (
    "SELECT subject, cause, began_at, ended_at FROM telemetry_v1.gap"
    " WHERE cause <> 'collector_down' ORDER BY subject, began_at"
)
JUDGED = "SELECT sum(next_offset)::int FROM alerting.kafka_offset WHERE next_offset > 0"


@pytest.fixture
async def kept(world: World, database_url: str) -> AsyncIterator[None]:
    """A sink and an alerter beside the processor."""
    shared: dict[str, Any] = {
        "kafka_bootstrap": world.settings.kafka_bootstrap,
        "topic_namespace": world.settings.topic_namespace,
        "database_url": SecretStr(database_url),
        "session_timeout_s": 6,
    }
    async with AsyncExitStack() as services:
        sinks = await services.enter_async_context(serving(sink, SinkSettings(**shared)))
        alerts = await services.enter_async_context(serving(alert, AlerterSettings(**shared)))
        assert await becomes(sinks, ready=True) == await becomes(alerts, ready=True) == {}
        yield


@pytest.mark.usefixtures("kept")
async def test_a_miner_that_answers_without_readings_has_one_gap_also_over_a_restart(
    world: World, poll: Callable[..., RawMiner], ask: Ask, eventually: Eventually
) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=20)

    def at(minute: int) -> datetime:
        return began + timedelta(minutes=minute)

    def polls(miner_id: str, kinds: str, first: int) -> list[RawMiner]:
        made = []
        for minute, kind in enumerate(kinds, first):
            status = ANSWERED.get(kind, PollStatus.TIMEOUT)
            body = EndpointBody(
                status=status, fetched_at=at(minute), body=READ if kind == "r" else None
            )
            made.append(poll(miner_id, at(minute), status=status, endpoints={"summary": body}))
        return made

    before = [*polls("m-refuses", "ruuu", 0), *polls("m-silent", "rsss", 0)]
    after = [*polls("m-refuses", "uugur", 4), *polls("m-silent", "sssss", 4)]

    async def publish(events: list[RawMiner]) -> None:
        await asyncio.gather(*(world.producer.publish(RAW_MINER, one) for one in events))

    process = world.start()
    await publish(before)
    await world.records(GAP, lambda found: len(found) >= 2)
    assert (await world.stopped(process))[0] == 0
    world.start()
    await publish([*before, *after])
    await world.records(TELEMETRY, lambda found: len(found) >= 2 * len(before) + len(after))
    await eventually(
        JUDGED, until=lambda rows: (rows[0]["sum"] or 0) >= 2 * len(before) + len(after)
    )
    rows = await eventually(GAPS, until=lambda rows: any(row["ended_at"] for row in rows))
    assert [tuple(row.values()) for row in rows] == [
        ("m-refuses", "miner_unauthorised", at(0), at(8)),
        ("m-silent", "miner_silent", at(0), None),
    ]
    told = await ask("SELECT subject, rule FROM alerting_v1.transition")
    assert [tuple(row.values()) for row in told] == [("m-silent", "offline")]
